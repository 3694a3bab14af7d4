package storetest

import (
	"os"
	"path/filepath"

	"github.com/libioc/go-libioc/zfsstore"
)

func testMount(t *tester) {
	t.create("a")
	t.write(t.path("a", "file"), "content")
	path := t.path("a")
	t.refused(t.Store.Mount(t.ctx, t.in("a")), zfsstore.ErrMounted)
	t.ok(t.Store.Unmount(t.ctx, t.in("a"), false))
	if t.get("a").Mounted {
		t.Error("mounted after Unmount")
	}
	t.wantNoFile(filepath.Join(path, "file"))
	t.refused(t.Store.Unmount(t.ctx, t.in("a"), false), zfsstore.ErrNotMounted)
	t.ok(t.Store.Mount(t.ctx, t.in("a")))
	t.wantFile(filepath.Join(path, "file"), "content")
	t.ok(t.Store.Unmount(t.ctx, t.in("a"), true))
	t.refused(t.Store.Mount(t.ctx, t.in("nosuch")), zfsstore.ErrNotFound)
	t.refused(t.Store.Unmount(t.ctx, t.in("nosuch"), false), zfsstore.ErrNotFound)
	for _, property := range []struct {
		name, value string
		want        error
	}{
		{"canmount", "off", zfsstore.ErrNoMountpoint},
		{"mountpoint", "none", zfsstore.ErrNoMountpoint},
		{"mountpoint", "legacy", zfsstore.ErrNoMountpoint},
	} {
		t.set("a", property.name, property.value)
		t.refused(t.Store.Mount(t.ctx, t.in("a")), property.want)
		if d := t.get("a"); property.name == "mountpoint" && d.Mountpoint != "" {
			t.Errorf("mountpoint=%s: %q", property.value, d.Mountpoint)
		}
		if property.name == "canmount" {
			t.set("a", "canmount", "on") // it is not inherited
			continue
		}
		t.ok(t.Store.Inherit(t.ctx, t.in("a"), property.name, false))
	}
}

func testMountpoint(t *tester) {
	t.create("a", "a/b", "a/b/c")
	t.write(t.path("a/b", "file"), "content")
	t.write(t.path("a/b/c", "inner"), "below")
	a := t.path("a")
	root := filepath.Dir(a)
	altroot := root[:len(root)-len(t.shownWithoutAltroot())]
	elsewhere := t.shownWithoutAltroot() + "/else/where"
	t.set("a/b", "mountpoint", elsewhere)
	if got := t.path("a/b/c"); got != filepath.Join(altroot, elsewhere, "c") {
		t.Errorf("child of a moved file system is at %s", got)
	}
	t.wantFile(t.path("a/b", "file"), "content")
	t.wantFile(t.path("a/b/c", "inner"), "below")
	t.wantNoFile(filepath.Join(a, "b", "file"))

	t.set("a/b", "mountpoint", "none")
	if b, c := t.get("a/b"), t.get("a/b/c"); b.Mounted || c.Mounted || b.Mountpoint != "" || c.Mountpoint != "" {
		t.Errorf("mountpoint=none: %+v, %+v", b, c)
	}
	t.ok(t.Store.Inherit(t.ctx, t.in("a/b"), "mountpoint", false))
	for _, name := range []string{"a/b", "a/b/c"} {
		if !t.get(name).Mounted {
			t.ok(t.Store.Mount(t.ctx, t.in(name)))
		}
	}
	t.wantFile(filepath.Join(a, "b", "file"), "content")
	t.wantFile(filepath.Join(a, "b", "c", "inner"), "below")
	t.ok(os.RemoveAll(filepath.Join(root, "else")))
}

// shownWithoutAltroot returns the root's mountpoint as it would have to be set.
func (t *tester) shownWithoutAltroot() string {
	t.Helper()
	root, err := t.Store.Get(t.ctx, t.Root, zfsstore.GetOptions{})
	t.ok(err)
	pools, err := t.Store.Pools(t.ctx)
	t.ok(err)
	for _, p := range pools {
		if len(t.Root) > len(p.Name) && t.Root[:len(p.Name)+1] == p.Name+"/" {
			return root.Mountpoint[len(p.Altroot):]
		}
	}
	t.Fatal("no pool")
	return ""
}

func testNested(t *tester) {
	t.create("a", "a/b")
	t.write(t.path("a/b", "inner"), "below")
	// Datasets that inherit their mountpoint from a file system are unmounted with it.
	t.ok(t.Store.Unmount(t.ctx, t.in("a"), false))
	t.refused(t.Store.Unmount(t.ctx, t.in("a/b"), false), zfsstore.ErrNotMounted)
	t.ok(t.Store.Mount(t.ctx, t.in("a")))
	// A file written to an empty mountpoint is covered, not lost.
	covered := t.path("a/b", "covered")
	t.write(covered, "parent's")
	t.ok(t.Store.Mount(t.ctx, t.in("a/b")))
	t.wantNoFile(covered)
	t.wantFile(t.path("a/b", "inner"), "below")
	t.ok(t.Store.Unmount(t.ctx, t.in("a/b"), false))
	t.wantFile(covered, "parent's")
	t.ok(t.Store.Unmount(t.ctx, t.in("a"), false))
	t.ok(t.Store.Mount(t.ctx, t.in("a")))
	t.wantFile(covered, "parent's")
	t.ok(os.Remove(covered))
	t.ok(t.Store.Mount(t.ctx, t.in("a/b")))
}
