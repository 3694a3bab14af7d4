//go:build unix

package zfsstore

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var bg = context.Background()

// fakeZFS is a program in place of zfs(8) and zpool(8): it notes how it was
// called and runs a script.
type fakeZFS struct {
	*Exec
	t   *testing.T
	dir string
}

func newFakeZFS(t *testing.T, script string) *fakeZFS {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "zfs")
	text := "#!/bin/sh\nd='" + dir + "'\nfor a; do printf '%s\\n' \"$a\"; done >>\"$d/calls\"; echo == >>\"$d/calls\"\n" + script + "\n"
	if err := os.WriteFile(program, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	e := NewExec(ExecOptions{ZFS: program, Zpool: program})
	e.canJail = true
	return &fakeZFS{Exec: e, t: t, dir: dir}
}

// calls returns the command lines given so far, one string each.
func (f *fakeZFS) calls() []string {
	text, err := os.ReadFile(filepath.Join(f.dir, "calls"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		f.t.Fatal(err)
	}
	var calls []string
	for call := range strings.SplitSeq(string(text), "==\n") {
		if call != "" {
			calls = append(calls, strings.ReplaceAll(strings.TrimSuffix(call, "\n"), "\n", " "))
		}
	}
	return calls
}

func TestExecCommandLines(t *testing.T) {
	f := newFakeZFS(t, "")
	var tests []string
	two := map[string]string{"org.test:b": "2", "atime": "off"}
	for _, test := range []struct {
		err  error
		want string
	}{
		{f.Create(bg, "p/a", CreateOptions{Parents: true, NoMount: true, Properties: two}), "create -p -u -o atime=off -o org.test:b=2 p/a"},
		{f.Create(bg, "p/v", CreateOptions{VolumeSize: 1024}), "create -V 1024 p/v"},
		{f.Destroy(bg, "p/a", DestroyOptions{Recursive: true, Dependents: true, Force: true, Defer: true}), "destroy -r -R -f -d p/a"},
		{f.Snapshot(bg, "p/a@1", SnapshotOptions{Recursive: true}), "snapshot -r p/a@1"},
		{f.Rollback(bg, "p/a@1", RollbackOptions{Recent: true}), "rollback -r p/a@1"},
		{f.Clone(bg, "p/a@1", "p/c", CloneOptions{Parents: true}), "clone -p p/a@1 p/c"},
		{f.Promote(bg, "p/c"), "promote p/c"},
		{f.Rename(bg, "p/a", "p/b", RenameOptions{Parents: true, NoUnmount: true}), "rename -p -u p/a p/b"},
		{f.Set(bg, "p/a", two), "set atime=off org.test:b=2 p/a"},
		{f.Inherit(bg, "p/a", "atime", true), "inherit -r atime p/a"},
		{f.Mount(bg, "p/a"), "mount p/a"},
		{f.Unmount(bg, "p/a", true), "unmount -f p/a"},
		{f.Hold(bg, "p/a@1", "tag", true), "hold -r tag p/a@1"},
		{f.Release(bg, "p/a@1", "tag", false), "release tag p/a@1"},
		{f.Jail(bg, "web", "p/a"), "jail web p/a"},
		{f.Unjail(bg, "7", "p/a"), "unjail 7 p/a"},
		{f.Receive(bg, "p/r", strings.NewReader("x"), ReceiveOptions{Force: true, NoMount: true}), "receive -F -u p/r"},
	} {
		tests = append(tests, test.want)
		if test.err != nil {
			t.Errorf("%s: %v", test.want, test.err)
		}
	}
	// The operations ran when the table was made, in its order.
	for i, ran := range f.calls() {
		if i >= len(tests) || ran != tests[i] {
			t.Errorf("ran %q as number %d of %q", ran, i, tests)
		}
	}
	if len(f.calls()) != len(tests) {
		t.Errorf("ran %d command lines, want %d", len(f.calls()), len(tests))
	}
}

// TestExecRefusesArguments checks that nothing is run with a name that zfs(8)
// would take for something else.
func TestExecRefusesArguments(t *testing.T) {
	f := newFakeZFS(t, "")
	for name, err := range map[string]error{
		"option":      f.Destroy(bg, "-r", DestroyOptions{}),
		"range":       f.Destroy(bg, "p/a@1%9", DestroyOptions{}),
		"list":        f.Destroy(bg, "p/a@1,2", DestroyOptions{}),
		"empty":       f.Destroy(bg, "", DestroyOptions{}),
		"rename to":   f.Rename(bg, "p/a", "-f", RenameOptions{}),
		"bare name":   f.Snapshot(bg, "p/a", SnapshotOptions{}),
		"hold":        f.Hold(bg, "p/a@1", "-r", false),
		"nul":         f.Create(bg, "p/a\x00b", CreateOptions{}),
		"send a file": func() error { _, err := f.Send(bg, "p/a", SendOptions{}); return err }(),
		"from option": func() error { _, err := f.Send(bg, "p/a@1", SendOptions{From: "-R"}); return err }(),
	} {
		if !errors.Is(err, ErrInvalidName) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, err := range map[string]error{
		"assignment": f.Set(bg, "p/a", map[string]string{"org.test:a=b": "c"}),
		"option":     f.Inherit(bg, "p/a", "-r", false),
		"list":       func() error { _, err := f.Get(bg, "p/a", GetOptions{Properties: []string{"a:b,all"}}); return err }(),
	} {
		if !errors.Is(err, ErrInvalidProperty) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if calls := f.calls(); len(calls) > 0 {
		t.Errorf("ran %q", calls)
	}
}

// TestShortErrors: an error had the whole command line, 300 characters before the words that
// matter, and all lines of the words.
func TestShortErrors(t *testing.T) {
	long := strings.Repeat("-o name,guid,createtxg ", 20)
	for _, e := range []struct {
		err  Error
		want string
	}{
		{Error{Op: "list", Dataset: "p/a", Args: strings.Fields("zfs list " + long), Stderr: "cannot open 'p/a': dataset does not exist\nusage:\n..."}, "zfs list p/a: cannot open 'p/a': dataset does not exist"},
		{Error{Op: "zpool list", Args: []string{"zpool", "list"}, ExitCode: 2}, "zpool list: exit status 2"},
		{Error{Op: "get", Dataset: "p/a", Err: ErrUnsupported}, "zfs get p/a: " + ErrUnsupported.Error()},
	} {
		if got := e.err.Error(); got != e.want {
			t.Errorf("%q, want %q", got, e.want)
		}
	}
}

func TestExecError(t *testing.T) {
	f := newFakeZFS(t, `echo "cannot destroy 'p/a b': filesystem has children" >&2; exit 1`)
	err := f.Destroy(bg, "p/a b", DestroyOptions{})
	var e *Error
	if !errors.Is(err, ErrHasChildren) || !errors.As(err, &e) {
		t.Fatalf("%v", err)
	}
	if e.ExitCode != 1 || e.Op != "destroy" || e.Dataset != "p/a b" {
		t.Errorf("%#v", e)
	}
	if want := "zfs destroy 'p/a b': cannot destroy 'p/a b': filesystem has children"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
	if want := []string{f.zfs, "destroy", "p/a b"}; !slices.Equal(e.Args, want) {
		t.Errorf("%q, want %q", e.Args, want)
	}
	f = newFakeZFS(t, `cat >/dev/null; printf 'Channel program execution failed:\ncannot destroy '\''p/a'\'': another dataset has this name\nstack traceback:\n\t[C]: in function '\''error'\''\n' >&2; exit 1`)
	err = f.Destroy(bg, "p/a", DestroyOptions{GUID: 1<<64 - 1, Recursive: true})
	if want := "zfs destroy p/a: cannot destroy 'p/a': another dataset has this name"; !errors.Is(err, ErrReplaced) || err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
	missing := NewExec(ExecOptions{ZFS: "zfs-that-is-not-there"})
	if err := missing.Mount(bg, "p"); !errors.Is(err, ErrUnsupported) {
		t.Errorf("without ZFS: %v", err)
	}
	f = newFakeZFS(t, `echo "internal error: out of luck" >&2; exit 3`)
	if err := f.Mount(bg, "p"); !errors.As(err, &e) || e.ExitCode != 3 || !strings.Contains(err.Error(), "out of luck") {
		t.Errorf("unknown words: %v", err)
	}
	if f.canJail = false; !errors.Is(f.Jail(bg, "web", "p/a"), ErrUnsupported) {
		t.Error("zfs jail elsewhere is supported")
	}
}

// TestExecCancel checks that the end of a context ends what reads or receives, with
// what it started, though that keeps the output open.
func TestExecCancel(t *testing.T) {
	f := newFakeZFS(t, `sleep 60 & echo $! >"$d/child"; : >"$d/begun"; wait`)
	for _, test := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"get", func(ctx context.Context) error { _, err := f.Get(ctx, "p/a", GetOptions{}); return err }},
		{"receive", func(ctx context.Context) error {
			endless, _ := io.Pipe()
			return f.Receive(ctx, "p/a", endless, ReceiveOptions{})
		}},
	} {
		os.Remove(filepath.Join(f.dir, "begun"))
		ctx, cancel := context.WithCancel(bg)
		done := make(chan error, 1)
		go func() { done <- test.run(ctx) }()
		f.waitFor("begun")
		begin := time.Now()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", test.name, err)
		}
		if took := time.Since(begin); took > waitDelay+time.Second {
			t.Errorf("%s took %v: the child was not killed", test.name, took)
		}
	}
}

// changes are all operations that change something, but for Receive.
func (f *fakeZFS) changes() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"create":   func(ctx context.Context) error { return f.Create(ctx, "p/a", CreateOptions{}) },
		"destroy":  func(ctx context.Context) error { return f.Destroy(ctx, "p/a", DestroyOptions{}) },
		"program":  func(ctx context.Context) error { return f.Destroy(ctx, "p/a", DestroyOptions{GUID: 1}) },
		"snapshot": func(ctx context.Context) error { return f.Snapshot(ctx, "p/a@1", SnapshotOptions{}) },
		"rollback": func(ctx context.Context) error { return f.Rollback(ctx, "p/a@1", RollbackOptions{}) },
		"clone":    func(ctx context.Context) error { return f.Clone(ctx, "p/a@1", "p/c", CloneOptions{}) },
		"promote":  func(ctx context.Context) error { return f.Promote(ctx, "p/c") },
		"rename":   func(ctx context.Context) error { return f.Rename(ctx, "p/a", "p/b", RenameOptions{}) },
		"set":      func(ctx context.Context) error { return f.Set(ctx, "p/a", map[string]string{"atime": "off"}) },
		"inherit":  func(ctx context.Context) error { return f.Inherit(ctx, "p/a", "atime", false) },
		"mount":    func(ctx context.Context) error { return f.Mount(ctx, "p/a") },
		"unmount":  func(ctx context.Context) error { return f.Unmount(ctx, "p/a", false) },
		"hold":     func(ctx context.Context) error { return f.Hold(ctx, "p/a@1", "t", false) },
		"release":  func(ctx context.Context) error { return f.Release(ctx, "p/a@1", "t", false) },
		"jail":     func(ctx context.Context) error { return f.Jail(ctx, "web", "p/a") },
		"unjail":   func(ctx context.Context) error { return f.Unjail(ctx, "web", "p/a") },
	}
}

// TestExecChangeIsNotCutShort: the end of a context killed zfs(8) in the middle of a
// change, which left a tree that was being renamed unmounted. It is done to its end,
// and its own result is returned.
func TestExecChangeIsNotCutShort(t *testing.T) {
	f := newFakeZFS(t, `: >"$d/begun"; while ! [ -e "$d/go" ]; do sleep 0.01; done; : >"$d/ended"
[ -e "$d/refuse" ] && { echo "cannot $1 'p/a': pool or dataset is busy" >&2; exit 1; }; exit 0`)
	file := func(name string) string { return filepath.Join(f.dir, name) }
	for _, refuse := range []bool{false, true} {
		for name, run := range f.changes() {
			for _, old := range []string{"begun", "go", "ended"} {
				os.Remove(file(old))
			}
			ctx, cancel := context.WithCancel(bg)
			done := make(chan error, 1)
			go func() { done <- run(ctx) }()
			f.waitFor("begun")
			cancel()
			select {
			case err := <-done:
				t.Errorf("%s ended with its context: %v", name, err)
			case <-time.After(20 * time.Millisecond):
			}
			os.WriteFile(file("go"), nil, 0o644)
			if err := <-done; refuse != errors.Is(err, ErrBusy) || !refuse && err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := os.Stat(file("ended")); err != nil {
				t.Errorf("%s did not end: %v", name, err)
			}
		}
		os.WriteFile(file("refuse"), nil, 0o644)
	}
}

// TestExecChangeBeginsWithItsContext: a change whose context has ended runs nothing.
func TestExecChangeBeginsWithItsContext(t *testing.T) {
	f := newFakeZFS(t, "")
	ctx, cancel := context.WithCancel(bg)
	cancel()
	for name, run := range f.changes() {
		if err := run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if calls := f.calls(); len(calls) > 0 {
		t.Errorf("ran %q", calls)
	}
}

// TestExecChangeLimit: a change that hangs had no limit at all but its caller's. It
// ends at its own, with what it started.
func TestExecChangeLimit(t *testing.T) {
	f := newFakeZFS(t, `sleep 60 & wait`)
	f.limit = 100 * time.Millisecond
	begin := time.Now()
	if err := f.Rename(bg, "p/a", "p/b", RenameOptions{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if took := time.Since(begin); took > waitDelay {
		t.Errorf("it took %v: the child was not killed", took)
	}
	if limit := NewExec(ExecOptions{}).limit; limit != 5*time.Minute {
		t.Errorf("the default is %v", limit)
	}
	if limit := NewExec(ExecOptions{ChangeLimit: time.Hour}).limit; limit != time.Hour {
		t.Errorf("the limit is %v", limit)
	}
}

func TestExecSend(t *testing.T) {
	f := newFakeZFS(t, `printf stream; [ "$2" = p/a@bad ] && { echo "internal error" >&2; exit 1; }; exit 0`)
	r, err := f.Send(bg, "p/a@1", SendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(r); string(text) != "stream" || err != nil {
		t.Errorf("read %q, %v", text, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	// A stream that ends with an error does not look whole.
	r, err = f.Send(bg, "p/a@bad", SendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var e *Error
	if text, err := io.ReadAll(r); string(text) != "stream" || !errors.As(err, &e) {
		t.Errorf("read %q, %v", text, err)
	}
	r.Close()
	f = newFakeZFS(t, `echo "cannot open 'p/a@1': dataset does not exist" >&2; exit 1`)
	if _, err := f.Send(bg, "p/a@1", SendOptions{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("a snapshot that does not exist: %v", err)
	}
	// A stream nobody reads to its end is ended by Close.
	f = newFakeZFS(t, `exec cat /dev/zero`)
	r, err = f.Send(bg, "p/a@1", SendOptions{From: "@0", Recursive: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if want := []string{"send -R -i @0 p/a@1"}; !slices.Equal(f.calls(), want) {
		t.Errorf("ran %q, want %q", f.calls(), want)
	}
}

func TestExecReceive(t *testing.T) {
	f := newFakeZFS(t, `cat >"$d/stream"`)
	if err := f.Receive(bg, "p/r", strings.NewReader("the stream"), ReceiveOptions{}); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(f.dir, "stream")); string(text) != "the stream" {
		t.Errorf("received %q, %v", text, err)
	}
}

func TestExecPools(t *testing.T) {
	f := newFakeZFS(t, `[ "$LC_ALL" = C ] || exit 9
printf 'a\t18014066205403508503\tONLINE\t20937965568\t101376\t20937864192\t-\toff\n'
printf 'b\t2\tUNAVAIL\t-\t-\t-\t/mnt\ton\n'`)
	pools, err := f.Pools(bg)
	want := []Pool{
		{Name: "a", GUID: 18014066205403508503, Health: "ONLINE", Size: 20937965568, Allocated: 101376, Free: 20937864192},
		{Name: "b", GUID: 2, Health: "UNAVAIL", Altroot: "/mnt", ReadOnly: true},
	}
	if err != nil || !slices.Equal(pools, want) {
		t.Errorf("%+v, %v", pools, err)
	}
	f = newFakeZFS(t, "echo 'no pools available'")
	if pools, err := f.Pools(bg); err != nil || len(pools) != 0 {
		t.Errorf("no pools: %v, %v", pools, err)
	}
	f = newFakeZFS(t, "echo what")
	if _, err := f.Pools(bg); err == nil {
		t.Error("nonsense was taken for a pool")
	}
}

// TestExecListForged checks that a value set within a jail cannot pass for a
// dataset: the listing is then read again, dataset by dataset.
func TestExecListForged(t *testing.T) {
	forged := "x\tlocal\n" + strings.Join(strings.Split(listing("p/a", ""), "\n")[10:], "\n") + listing("p/phantom", "")
	forged = strings.TrimSuffix(forged, "\n")
	for name, note := range map[string]string{"plain": "a\tb", "two lines": "a\nb", "forged": forged, "a record": "x\tlocal\np/b\tguid\t9\t-"} {
		t.Run(name, func(t *testing.T) {
			f := newFakeZFS(t, `case "$1 $2" in
"list -H") printf 'p/a\np/b\n';;
*) for last; do :; done
case "$*" in *note*) ;; *) cat "$d/native"; exit 0;; esac
[ "$last" = p ] && cat "$d/a" "$d/b"
[ "$last" = p/a ] && cat "$d/a"
[ "$last" = p/b ] && cat "$d/b"
exit 0;; esac`)
			os.WriteFile(filepath.Join(f.dir, "a"), []byte(listing("p/a", note)), 0o644)
			native := strings.ReplaceAll(listing("p/a", "note"), "p/a\torg.test:note\tnote\tlocal\n", "")
			os.WriteFile(filepath.Join(f.dir, "native"), []byte(native), 0o644)
			os.WriteFile(filepath.Join(f.dir, "b"), []byte(listing("p/b", "honest")), 0o644)
			found, err := f.List(bg, "p", ListOptions{Properties: []string{"org.test:note"}})
			if err != nil {
				t.Fatal(err)
			}
			if len(found) != 2 || found[0].Name != "p/a" || found[1].Name != "p/b" || found[1].Mountpoint != "/p/b" ||
				found[1].GUID != 1 || found[1].Properties["org.test:note"].Value != "honest" {
				t.Errorf("listed %+v", found)
			}
			if name != "forged" && found[0].Properties["org.test:note"].Value != note {
				t.Errorf("value %q, want %q", found[0].Properties["org.test:note"].Value, note)
			}
			if n := len(f.calls()); name == "plain" && n != 1 {
				t.Errorf("%d processes, want 1", n)
			}
		})
	}
}
