package simkernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/libioc/go-libioc/kernel"
)

func TestResolve(t *testing.T) {
	ctx := context.Background()
	s := newSim(t, Options{})
	root := s.s.opts.Root
	id := newJail(t, s, "a")
	check(t, os.WriteFile(filepath.Join(root, "j/etc/motd"), []byte("hi"), 0o644))
	check(t, os.Symlink("/etc/motd", filepath.Join(root, "j/link")))
	check(t, os.Symlink("../../../../etc/motd", filepath.Join(root, "j/up")))
	for path, want := range map[string]string{
		"/j/bin/echo": "rel/bin/echo", "/j/bin": "rel/bin", "/j/etc/../etc/motd": "j/etc/motd", "/": "",
	} {
		got, err := s.Resolve(path)
		if err != nil || got != filepath.Join(root, want) {
			t.Errorf("%s: %s %v", path, got, err)
		}
	}
	for _, path := range []string{"/link", "/up"} {
		got, err := s.ResolveIn(id, path)
		if err != nil || got != filepath.Join(root, "j/etc/motd") {
			t.Errorf("in the jail %s: %s %v", path, got, err)
		}
	}
	_, err := s.Resolve("/j/none")
	wantErr(t, err, os.ErrNotExist, kernel.ErrNotFound)
	_, err = s.ResolveWrite("/j/bin/new")
	wantErr(t, err, syscall.EROFS)
	got, err := s.ResolveWrite("/j/etc/new")
	if err != nil || got != filepath.Join(root, "j/etc/new") {
		t.Errorf("%s %v", got, err)
	}
	_, err = s.Nmount(ctx, kernel.MountRequest{Type: "tmpfs", Path: "/j/tmp"})
	check(t, err)
	got, err = s.ResolveWrite("/j/tmp/x")
	check(t, err)
	check(t, os.WriteFile(got, nil, 0o600))
	check(t, s.Unmount(ctx, "/j/tmp", 0))
	if _, err := os.Stat(filepath.Dir(got)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the tmpfs left its files: %v", err)
	}
}

func TestBusy(t *testing.T) {
	s := newSim(t, Options{})
	_, err := s.AttachMount(kernel.Mounted{Type: "zfs", From: "zroot/mnt", Path: "/mnt"})
	check(t, err)
	if s.Busy("/") || s.Busy("/mnt") {
		t.Error("an attached file system alone is no use of it")
	}
	release, err := s.HoldBusy("/mnt")
	check(t, err)
	wantErr(t, s.DetachMount("/mnt", 0), syscall.EBUSY)
	release()
	check(t, s.DetachMount("/mnt", 0))
	newJail(t, s, "a")
	for path, want := range map[string]bool{"/": true, "/j": true, "/j/bin": true, "/rel": true, "/mnt": false, "/j/etc": false} {
		if got := s.Busy(path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestDevfs(t *testing.T) {
	ctx := context.Background()
	s := newSim(t, Options{})
	mount := func(ruleset string) {
		t.Helper()
		_, err := s.Nmount(ctx, kernel.MountRequest{Type: "devfs", Path: "/j/dev", Below: "/j", Options: []kernel.MountOption{{Name: "ruleset", Value: ruleset}}})
		check(t, err)
	}
	mount("4")
	_, err := s.Nmount(ctx, kernel.MountRequest{Type: "fdescfs", Path: "/j/dev/fd", Below: "/j"})
	check(t, err)
	wantErr(t, s.Unmount(ctx, "/j/dev", 0), syscall.EBUSY)
	check(t, s.Unmount(ctx, "/j/dev/fd", 0))
	check(t, s.Unmount(ctx, "/j/dev", 0))
	check(t, s.DevfsAddRule(ctx, 90, kernel.DevfsRule{Hide: true}))
	check(t, s.DevfsAddRule(ctx, 90, kernel.DevfsRule{Include: 2}))
	mount("90")
	_, err = s.Nmount(ctx, kernel.MountRequest{Type: "fdescfs", Path: "/j/dev/fd", Below: "/j"})
	wantErr(t, err, kernel.ErrNotFound)
	check(t, s.DevfsApply(ctx, "/j/dev", 3))
	_, err = s.Nmount(ctx, kernel.MountRequest{Type: "fdescfs", Path: "/j/dev/fd", Below: "/j"})
	check(t, err)
	names, err := s.ReadDir("/j/dev")
	check(t, err)
	if got := fmt.Sprint(names); got != "[fd null random stderr stdin stdout urandom zero]" {
		t.Error(got)
	}
}
