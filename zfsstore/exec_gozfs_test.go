//go:build unix

package zfsstore

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// inPath makes the fake program the zfs in PATH, in an environment that is not
// English. What zfs(8) itself is run for has LC_ALL=C.
func (f *fakeZFS) inPath() *Exec {
	f.t.Setenv("PATH", f.dir+":"+os.Getenv("PATH"))
	f.t.Setenv("LC_ALL", "de_DE.UTF-8")
	e := NewExec(ExecOptions{Zpool: filepath.Join(f.dir, "zfs")})
	e.canJail = true
	return e
}

// TestExecLibrary runs every operation, with a context that can end: the calls of
// changeByLibrary decide what go-zfs runs.
func TestExecLibrary(t *testing.T) {
	f := newFakeZFS(t, `echo "$LC_ALL $1" >>"$d/ran"`)
	e := f.inPath()
	ctx := t.Context()
	one, two := map[string]string{"org.test:a": "1 2"}, map[string]string{"org.test:a": "1", "org.test:b": "2"}
	tests := []struct {
		op, by string // by is the language
		run    func() error
	}{
		{"create", "C", func() error { return e.Create(ctx, "p/a", CreateOptions{}) }},
		{"destroy", "de_DE.UTF-8", func() error { return e.Destroy(ctx, "p/a", DestroyOptions{Recursive: true, Force: true}) }},
		{"snapshot", "C", func() error { return e.Snapshot(ctx, "p/a@1", SnapshotOptions{}) }},
		{"rollback", "de_DE.UTF-8", func() error { return e.Rollback(ctx, "p/a@1", RollbackOptions{Recent: true}) }},
		{"rollback", "C", func() error { return e.Rollback(ctx, "p/a@1", RollbackOptions{Dependents: true}) }},
		{"clone", "C", func() error { return e.Clone(ctx, "p/a@1", "p/c", CloneOptions{}) }},
		{"promote", "C", func() error { return e.Promote(ctx, "p/c") }},
		{"rename", "C", func() error { return e.Rename(ctx, "p/a", "p/b", RenameOptions{}) }},
		{"set", "de_DE.UTF-8", func() error { return e.Set(ctx, "p/a", one) }},
		{"set", "C", func() error { return e.Set(ctx, "p/a", two) }},
		{"inherit", "C", func() error { return e.Inherit(ctx, "p/a", "atime", false) }},
		{"mount", "C", func() error { return e.Mount(ctx, "p/a") }},
		{"unmount", "C", func() error { return e.Unmount(ctx, "p/a", false) }},
		{"receive", "C", func() error { return e.Receive(ctx, "p/r", strings.NewReader(""), ReceiveOptions{}) }},
		{"jail", "C", func() error { return e.Jail(ctx, "web", "p/a") }},
		{"unjail", "C", func() error { return e.Unjail(ctx, "web", "p/a") }},
		{"hold", "C", func() error { return e.Hold(ctx, "p/a@1", "t", false) }},
		{"release", "C", func() error { return e.Release(ctx, "p/a@1", "t", false) }},
		{"get", "C", func() error { _, err := e.List(ctx, "p", ListOptions{}); return err }},
		{"list", "C", func() error { _, err := e.Pools(ctx); return err }},
		{"send", "C", func() error {
			r, err := e.Send(ctx, "p/a@1", SendOptions{})
			if err != nil {
				return err
			}
			return r.Close()
		}},
	}
	for _, test := range tests {
		os.Remove(filepath.Join(f.dir, "ran"))
		if err := test.run(); err != nil {
			t.Errorf("%s: %v", test.op, err)
		}
		if ran, _ := os.ReadFile(filepath.Join(f.dir, "ran")); string(ran) != test.by+" "+test.op+"\n" {
			t.Errorf("%s: ran %q, want %s", test.op, ran, test.by)
		}
	}
	e.zfs = filepath.Join(f.dir, "zfs") // a program of its own runs everything
	os.Remove(filepath.Join(f.dir, "ran"))
	if err := e.Set(ctx, "p/a", one); err != nil {
		t.Error(err)
	}
	if ran, _ := os.ReadFile(filepath.Join(f.dir, "ran")); string(ran) != "C set\n" {
		t.Errorf("ran %q", ran)
	}
}

// TestExecLibraryErrors checks that go-zfs's errors become ours.
func TestExecLibraryErrors(t *testing.T) {
	f := newFakeZFS(t, `echo "cannot open 'p/a': dataset does not exist" >&2; exit 1`)
	e := f.inPath()
	tests := []struct {
		op  string
		err error
	}{
		{"destroy", e.Destroy(bg, "p/a", DestroyOptions{Recursive: true})},
		{"rollback", e.Rollback(bg, "p/a@1", RollbackOptions{Recent: true})},
		{"set", e.Set(bg, "p/a", map[string]string{"org.test:x": "1 2"})},
	}
	for _, test := range tests {
		var e *Error
		if !errors.Is(test.err, ErrNotFound) || !errors.As(test.err, &e) || e.ExitCode != 1 || e.Op != test.op {
			t.Errorf("%s: %v", test.op, test.err)
		}
	}
	want := "destroy -r p/a; rollback -r p/a@1; set org.test:x=1 2 p/a"
	if calls := strings.Join(f.calls(), "; "); calls != want {
		t.Errorf("ran %q, want %q", calls, want)
	}
	f = newFakeZFS(t, `head -c 1000000 /dev/zero | tr '\0' x >&2; echo ' is busy' >&2; exit 1`)
	var long *Error
	if err := f.inPath().Destroy(bg, "p/a", DestroyOptions{}); !errors.As(err, &long) || len(long.Stderr) != maxStderr {
		t.Errorf("a long answer: %d bytes kept", len(long.Stderr))
	}
	t.Setenv("PATH", t.TempDir())
	if err := NewExec(ExecOptions{}).Destroy(bg, "p/a", DestroyOptions{}); !errors.Is(err, ErrUnsupported) {
		t.Errorf("without ZFS: %v", err)
	}
}

// TestExecLibraryLanguage checks that a refusal in another language is asked for
// again in English, and that a failure that has passed by then is not reported.
func TestExecLibraryLanguage(t *testing.T) {
	refuses := `[ "$LC_ALL" = C ] && echo "cannot set property for 'p/a': permission denied" >&2 || echo "Keine Berechtigung" >&2; exit 1`
	f := newFakeZFS(t, refuses)
	if err := f.inPath().Set(bg, "p/a", map[string]string{"org.test:x": "1"}); !errors.Is(err, ErrPermission) {
		t.Errorf("%v", err)
	}
	if n := len(f.calls()); n != 2 {
		t.Errorf("%d processes, want 2", n)
	}
	f = newFakeZFS(t, `[ "$LC_ALL" = C ] && exit 0; echo "besetzt" >&2; exit 1`)
	if err := f.inPath().Set(bg, "p/a", map[string]string{"org.test:x": "1"}); err != nil {
		t.Errorf("%v", err)
	}
	f = newFakeZFS(t, `echo "internal error: Glück gehabt" >&2; exit 3`)
	var e *Error
	if err := f.inPath().Destroy(bg, "p/a", DestroyOptions{}); !errors.As(err, &e) || e.ExitCode != 3 {
		t.Errorf("%v", err)
	}
}

// waitFor waits for a file that the fake program makes.
func (f *fakeZFS) waitFor(name string) {
	f.t.Helper()
	for begin := time.Now(); time.Since(begin) < 20*time.Second; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(f.dir, name)); err == nil {
			return
		}
	}
	f.t.Fatalf("no file %s", name)
}

// TestExecLibraryCancel checks that a change is done to its end, and that one that
// exceeds the limit is no longer waited for.
func TestExecLibraryCancel(t *testing.T) {
	f := newFakeZFS(t, `: >"$d/begun"; while ! [ -e "$d/go" ]; do sleep 0.02; done; : >"$d/ended"`)
	e := f.inPath()
	run := func(after func()) error {
		t.Helper()
		for _, name := range []string{"begun", "go", "ended"} {
			os.Remove(filepath.Join(f.dir, name))
		}
		ctx, cancel := context.WithCancel(bg)
		done := make(chan error, 1)
		go func() { done <- e.Destroy(ctx, "p/a", DestroyOptions{}) }()
		f.waitFor("begun")
		cancel()
		after()
		return <-done
	}
	release := func() { os.WriteFile(filepath.Join(f.dir, "go"), nil, 0o644) }
	if err := run(func() { time.Sleep(50 * time.Millisecond); release() }); err != nil {
		t.Errorf("a change that ended: %v", err)
	}
	e.limit = 10 * time.Millisecond
	if err := run(func() {}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a change that goes on: %v", err)
	}
	release()
	f.waitFor("ended")

	ctx, cancel := context.WithCancel(bg)
	cancel()
	before := len(f.calls())
	if err := e.Destroy(ctx, "p/a", DestroyOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that ended before: %v", err)
	}
	if n := len(f.calls()) - before; n != 0 {
		t.Errorf("%d processes, want none", n)
	}
}
