//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package saferoot

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// jail makes a root with a few traps, and a directory outside of it.
func jail(t *testing.T) (r *Root, root, outside string) {
	t.Helper()
	base := t.TempDir()
	root, outside = filepath.Join(base, "root"), filepath.Join(base, "outside")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(root, "etc"), 0o755))
	must(os.MkdirAll(filepath.Join(outside, "dir"), 0o755))
	must(os.WriteFile(filepath.Join(root, "etc", "rc.conf"), []byte("x=1\n"), 0o640))
	must(os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600))
	must(os.Symlink(outside, filepath.Join(root, "abs")))
	must(os.Symlink("../outside", filepath.Join(root, "up")))
	must(os.Symlink("etc", filepath.Join(root, "inside")))
	must(os.Symlink("self", filepath.Join(root, "self")))
	must(os.Symlink("../../outside/secret", filepath.Join(root, "etc", "secret")))
	must(os.Symlink("../../outside/new", filepath.Join(root, "etc", "dangling")))
	must(unix.Mkfifo(filepath.Join(root, "etc", "fifo"), 0o666))
	r, err := Open(root)
	must(err)
	t.Cleanup(func() {
		must(r.Close())
		assertOutside(t, outside)
	})
	return r, r.path, outside
}

func assertOutside(t *testing.T, outside string) {
	t.Helper()
	var names []string
	err := filepath.WalkDir(outside, func(path string, _ fs.DirEntry, err error) error {
		names = append(names, strings.TrimPrefix(path, outside))
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if want := []string{"", "/dir", "/secret"}; !reflect.DeepEqual(names, want) {
		t.Errorf("outside now has %q", names)
	}
	if data, err := os.ReadFile(filepath.Join(outside, "secret")); string(data) != "secret" {
		t.Errorf("the file outside has %q, %v", data, err)
	}
}

func TestEscapes(t *testing.T) {
	tests := []struct {
		rel, component, reason string
		leaf                   bool // only the last component is refused
	}{
		{rel: "", reason: ReasonInvalid},
		{rel: "..", component: "..", reason: ReasonDotDot},
		{rel: "etc/../../outside/secret", component: "etc/..", reason: ReasonDotDot},
		{rel: "etc/..", component: "etc/..", reason: ReasonDotDot},
		{rel: "/etc/rc.conf", component: "/", reason: ReasonAbsolute},
		{rel: "etc/a\x00b", component: "etc/a\x00b", reason: ReasonInvalid},
		{rel: "abs/secret", component: "abs", reason: ReasonSymlink},
		{rel: "abs/dir/new", component: "abs", reason: ReasonSymlink},
		{rel: "up/secret", component: "up", reason: ReasonSymlink},
		{rel: "./up//secret", component: "up", reason: ReasonSymlink},
		{rel: "inside/rc.conf", component: "inside", reason: ReasonSymlink},
		{rel: "self/x", component: "self", reason: ReasonSymlink},
		{rel: "etc/rc.conf/x", component: "etc/rc.conf", reason: ReasonNotDir},
		{rel: "etc/fifo/x", component: "etc/fifo", reason: ReasonNotDir},
		{rel: "etc/secret", component: "etc/secret", reason: ReasonSymlink, leaf: true},
		{rel: "etc/dangling", component: "etc/dangling", reason: ReasonSymlink, leaf: true},
		{rel: "up", component: "up", reason: ReasonSymlink, leaf: true},
		{rel: "self", component: "self", reason: ReasonSymlink, leaf: true},
		{rel: "etc/fifo", component: "etc/fifo", reason: ReasonNotRegular, leaf: true},
	}
	calls := map[string]func(*Root, string) error{
		"MountPoint": func(r *Root, rel string) error { _, err := r.MountPoint(rel); return err },
		"ReadFile":   func(r *Root, rel string) error { _, err := r.ReadFile(rel, 100); return err },
		"WriteFile":  func(r *Root, rel string) error { return r.WriteFile(rel, []byte("owned"), 0o644) },
		"Append": func(r *Root, rel string) error {
			f, err := r.OpenFile(rel, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_TRUNC, 0o644)
			if err == nil {
				f.Close()
			}
			return err
		},
		"Lstat":           func(r *Root, rel string) error { _, err := r.Lstat(rel); return err },
		"MkdirAll":        func(r *Root, rel string) error { _, err := r.MkdirAll(rel, 0o755); return err },
		"RemoveEmptyDirs": func(r *Root, rel string) error { return r.RemoveEmptyDirs([]string{rel}) },
		"Remove":          func(r *Root, rel string) error { return r.Remove(rel) },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			r, _, _ := jail(t)
			for _, tt := range tests {
				if tt.leaf && (name == "Lstat" || name == "Remove") {
					continue // they act on the link itself
				}
				err := call(r, tt.rel)
				var escape *EscapeError
				if !errors.As(err, &escape) || !errors.Is(err, ErrEscape) {
					t.Errorf("%q: got %v, want an EscapeError", tt.rel, err)
					continue
				}
				reason := tt.reason
				if reason == ReasonNotRegular && (name == "MkdirAll" || name == "RemoveEmptyDirs") {
					reason = ReasonNotDir
				}
				if escape.Path != tt.rel || escape.Component != tt.component || escape.Reason != reason {
					t.Errorf("%q: got %q, want it refused at %q: %s", tt.rel, err, tt.component, reason)
				}
			}
		})
	}
}

func TestMkdirAllAndUndo(t *testing.T) {
	r, root, _ := jail(t)
	created, err := r.MkdirAll("etc/a/b/c", 0o750)
	if want := []string{"etc/a", "etc/a/b", "etc/a/b/c"}; err != nil || !reflect.DeepEqual(created, want) {
		t.Fatalf("created %q, %v", created, err)
	}
	if again, err := r.MkdirAll("./etc//a/b/c/", 0o750); err != nil || again != nil {
		t.Errorf("made again: %q, %v", again, err)
	}
	if none, err := r.MkdirAll(".", 0o750); err != nil || none != nil {
		t.Errorf("made the root: %q, %v", none, err)
	}
	if err := os.WriteFile(filepath.Join(root, "etc/a/keep"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.RemoveEmptyDirs(created); err != nil {
		t.Errorf("undo: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(root, "etc/a/b")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("etc/a/b is left: %v", err)
	}
	if _, err := r.ReadFile("etc/a/keep", 1); err != nil {
		t.Errorf("a directory in use was removed: %v", err)
	}
	if err := r.RemoveEmptyDirs(created); err != nil {
		t.Errorf("a second undo: %v", err)
	}
	if created, err = r.MkdirAll("etc/n1/n2", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(root, "etc/n1"), filepath.Join(root, "etc/moved")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("moved", filepath.Join(root, "etc/n1")); err != nil {
		t.Fatal(err)
	}
	if err := r.RemoveEmptyDirs(created); !errors.Is(err, ErrEscape) {
		t.Errorf("undo through a link: %v", err)
	}
	if _, err := os.Stat(filepath.Join(root, "etc/moved/n2")); err != nil {
		t.Errorf("undo went through a link: %v", err)
	}
}

func TestMkdirAllTellsWhatItMadeBeforeFailing(t *testing.T) {
	r, _, _ := jail(t)
	created, err := r.MkdirAll("etc/a/"+strings.Repeat("x", 300), 0o755)
	if !errors.Is(err, unix.ENAMETOOLONG) || !reflect.DeepEqual(created, []string{"etc/a"}) {
		t.Errorf("created %q, %v", created, err)
	}
}

func TestFiles(t *testing.T) {
	r, root, _ := jail(t)
	if err := os.Chmod(filepath.Join(root, "etc/rc.conf"), 0o604|fs.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteFile("etc/rc.conf", []byte("y=2\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	info, err := r.Lstat("etc/rc.conf")
	if err != nil || info.Mode != 0o604|fs.ModeSetuid || info.Size != 4 || info.Name != "rc.conf" || !info.IsRegular() {
		t.Errorf("an existing file keeps its mode: %+v, %v", info, err)
	}
	if err := r.WriteFile("new", []byte("n"), 0o646); err != nil {
		t.Fatal(err)
	}
	if info, err := r.Lstat("new"); err != nil || info.Mode != 0o646 {
		t.Errorf("a new file gets its mode: %+v, %v", info, err)
	}
	if data, err := r.ReadFile("etc/rc.conf", 4); err != nil || string(data) != "y=2\n" {
		t.Errorf("read %q, %v", data, err)
	}
	if _, err := r.ReadFile("etc/rc.conf", 3); !errors.Is(err, ErrTooLarge) {
		t.Errorf("read beyond the limit: %v", err)
	}
	for _, rel := range []string{"none", "none/none"} {
		if _, err := r.ReadFile(rel, 3); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", rel, err)
		}
	}
	if err := r.WriteFile("none/x", nil, 0o644); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("write into a missing directory: %v", err)
	}
	if err := r.WriteFile("etc", nil, 0o644); !errors.Is(err, ErrEscape) {
		t.Errorf("write over a directory: %v", err)
	}
	f, err := r.OpenFile("etc/rc.conf", os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("z"); err != nil || f.Close() != nil {
		t.Errorf("write: %v", err)
	}
	if data, _ := os.ReadFile(filepath.Join(root, "etc/rc.conf")); string(data) != "z" {
		t.Errorf("after truncation: %q", data)
	}
	if left, _ := filepath.Glob(filepath.Join(root, "*", ".saferoot-*")); left != nil {
		t.Errorf("temporary files are left: %q", left)
	}
}

func TestRemoveActsOnTheLinkItself(t *testing.T) {
	r, root, _ := jail(t)
	for _, rel := range []string{"abs", "etc/secret", "etc/fifo", "self"} {
		if err := r.Remove(rel); err != nil {
			t.Errorf("%s: %v", rel, err)
		}
		if _, err := os.Lstat(filepath.Join(root, rel)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left: %v", rel, err)
		}
	}
	if err := r.Remove("etc"); !errors.Is(err, unix.ENOTEMPTY) {
		t.Errorf("removed a full directory: %v", err)
	}
	if err := r.Remove("."); !errors.Is(err, ErrEscape) {
		t.Errorf("removed the root: %v", err)
	}
}

func TestMountPoint(t *testing.T) {
	r, root, _ := jail(t)
	for rel, want := range map[string]string{".": root, "etc": root + "/etc", "./etc//rc.conf": root + "/etc/rc.conf"} {
		if got, err := r.MountPoint(rel); err != nil || got != want {
			t.Errorf("%s: %q, %v", rel, got, err)
		}
	}
	if _, err := r.MountPoint("none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing one: %v", err)
	}
	moved := root + ".moved"
	if err := os.Rename(root, moved); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	var escape *EscapeError
	if _, err := r.MountPoint("etc"); !errors.As(err, &escape) || escape.Reason != ReasonRootChanged {
		t.Errorf("with another directory in the root's place: %v", err)
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "pool", "root"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("pool", filepath.Join(dir, "iocage")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("root", filepath.Join(dir, "pool", "link")); err != nil {
		t.Fatal(err)
	}
	r, err := Open(filepath.Join(dir, "iocage", "root"))
	if err != nil {
		t.Fatalf("a link above the root is the host's own: %v", err)
	}
	if real, _ := filepath.EvalSymlinks(filepath.Join(dir, "pool", "root")); r.path != real {
		t.Errorf("path %q, want %q", r.path, real)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := r.Lstat("."); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := r.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("second Close: %v", err)
	}
	if _, err := Open(filepath.Join(dir, "pool", "link")); !errors.Is(err, ErrEscape) {
		t.Errorf("the root is a link: %v", err)
	}
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the root is missing: %v", err)
	}
}

// descriptors counts this process's open files, by asking for each: FreeBSD's
// /dev/fd has three entries unless fdescfs(5) is mounted there.
func descriptors() int {
	open := 0
	for fd := range 4096 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			open++
		}
	}
	return open
}

func TestNoDescriptorIsLeft(t *testing.T) {
	before := descriptors()
	r, _, _ := jail(t)
	open := descriptors()
	if open != before+1 {
		t.Errorf("a Root holds %d descriptors, want 1", open-before)
	}
	for _, rel := range []string{".", "etc", "etc/rc.conf", "etc/fifo", "etc/secret", "up/x", "none/x", "d1/d2", "etc/rc.conf/x", "../x"} {
		created, _ := r.MkdirAll(rel, 0o755)
		_, _ = r.Lstat(rel)
		_, _ = r.MountPoint(rel)
		_, _ = r.ReadFile(rel, 1)
		_ = r.WriteFile(rel, []byte("abc"), 0o644)
		if f, err := r.OpenFile(rel, os.O_RDONLY, 0); err == nil {
			f.Close()
		}
		_ = r.RemoveEmptyDirs(created)
		_ = r.Remove("none/" + rel)
	}
	if after := descriptors(); after != open {
		t.Errorf("%d descriptors before the calls, %d after", open, after)
	}
}
