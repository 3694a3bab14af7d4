package simkernel

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/libioc/go-libioc/kernel"
)

// check and wantErr end the test at the first surprise.
func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t testing.TB, err error, all ...error) {
	t.Helper()
	for _, want := range all {
		if !errors.Is(err, want) {
			t.Fatalf("got %v, want %v", err, want)
		}
	}
}

// newSim boots a kernel over an empty directory with a jail root /j and a release /rel.
func newSim(t testing.TB, opts Options) *Kernel {
	t.Helper()
	if opts.Root == "" {
		opts.Root = t.TempDir()
	}
	for _, d := range []string{"rel/bin", "j/bin", "j/dev", "j/tmp", "j/etc", "mnt"} {
		check(t, os.MkdirAll(filepath.Join(opts.Root, d), 0o755))
	}
	for _, p := range []string{"echo", "sh", "sleep", "cat", "true", "kill", "env", "pwd", "ls", "id", "hostname"} {
		check(t, os.WriteFile(filepath.Join(opts.Root, "rel/bin", p), []byte("#!sim "+p+"\n"), 0o755))
	}
	s, err := New(opts)
	check(t, err)
	return s
}

// newJail makes a persistent jail over /j with the release's programs.
func newJail(t testing.TB, s *Kernel, name string, params ...kernel.Param) kernel.Identity {
	t.Helper()
	ctx := context.Background()
	if !s.Busy("/j/bin") {
		_, err := s.Nmount(ctx, kernel.MountRequest{Type: "nullfs", From: "/rel/bin", Path: "/j/bin", Below: "/j", Flags: kernel.MntRdOnly})
		check(t, err)
	}
	params = append([]kernel.Param{kernel.String("name", name), kernel.String("path", "/j"), kernel.Bool("persist", true)}, params...)
	_, err := s.JailSet(ctx, kernel.JailCreate, params...)
	check(t, err)
	id, err := s.JailIdentify(ctx, 0, kernel.ByName(name))
	check(t, err)
	return id
}

func TestJailOverMount(t *testing.T) {
	ctx := context.Background()
	s := newSim(t, Options{})
	_, err := s.Nmount(ctx, kernel.MountRequest{Type: "devfs", Path: "/j/dev", Options: []kernel.MountOption{{Name: "ruleset", Value: "4711"}}})
	wantErr(t, err, kernel.ErrEmptyRuleset)
	id := newJail(t, s, "a")
	if id.JID != 1 || id.Incarnation != 3 {
		t.Fatalf("identity %+v", id)
	}
	var out bytes.Buffer
	e, err := s.Run(ctx, kernel.Command{Jail: id, Argv: []string{"echo", "hi"}, Env: []string{"PATH=/bin"}, Stdout: &out, Stderr: &out})
	check(t, err)
	if out.String() != "hi\n" || !e.Success() {
		t.Fatalf("%q %+v", out.String(), e)
	}
	wantErr(t, s.Unmount(ctx, "/rel/bin", 0), kernel.ErrNotFound)
	check(t, s.JailRemove(ctx, id))
	check(t, s.Unmount(ctx, "/j/bin", 0))
	if s.Forks() != 1 {
		t.Errorf("%d forks", s.Forks())
	}
}
