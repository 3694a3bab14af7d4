package storetest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/libioc/go-libioc/zfsstore"
)

func testSnapshot(t *tester) {
	t.create("a", "a/b")
	t.ok(t.Store.Snapshot(t.ctx, t.in("a@1"), zfsstore.SnapshotOptions{
		Recursive: true, Properties: map[string]string{"org.test:why": "test"},
	}))
	t.wantNames([]string{"a@1", "a/b@1"}, zfsstore.Snapshot)
	d := t.get("a@1")
	if d.Type != zfsstore.Snapshot || d.Mountpoint != "" || d.Mounted || d.GUID == 0 || d.CreateTXG != t.get("a/b@1").CreateTXG {
		t.Errorf("snapshot is %+v", d)
	}
	t.wantProperty("a/b@1", "org.test:why", "test", zfsstore.SourceLocal)
	t.snapshot("a@2")
	if t.get("a@2").CreateTXG <= d.CreateTXG {
		t.Error("a later snapshot is not of a later transaction group")
	}
}

func testSnapshotRefusals(t *tester) {
	t.create("a", "a/b")
	t.snapshot("a@1")
	t.snapshot("a/b@2")
	for name, want := range map[string]error{
		"a@1":        zfsstore.ErrExists,
		"nosuch@1":   zfsstore.ErrNotFound,
		"a":          zfsstore.ErrInvalidName,
		"a@bad@name": zfsstore.ErrInvalidName,
		"a@":         zfsstore.ErrInvalidName,
		"a@x/y":      zfsstore.ErrInvalidName,
	} {
		t.refused(t.Store.Snapshot(t.ctx, t.in(name), zfsstore.SnapshotOptions{}), want)
	}
	// A recursive snapshot is atomic: if one cannot be taken, none is.
	t.refused(t.Store.Snapshot(t.ctx, t.in("a@2"), zfsstore.SnapshotOptions{Recursive: true}), zfsstore.ErrExists)
	t.wantNames([]string{"a@1", "a/b@2"}, zfsstore.Snapshot)
}

func testSnapshotFiles(t *tester) {
	t.create("a", "a/b")
	t.write(t.path("a", "file"), "old")
	t.ok(os.Chmod(t.path("a", "file"), 0o640))
	t.ok(os.Mkdir(t.path("a", "dir"), 0o750))
	t.ok(os.Symlink("../file", t.path("a", "dir", "link")))
	t.ok(os.Link(t.path("a", "file"), t.path("a", "dir", "hard")))
	t.write(t.path("a/b", "inner"), "below")
	t.snapshot("a@1")
	t.write(t.path("a", "file"), "new")
	t.write(t.path("a", "later"), "later")

	snap := func(elements ...string) string {
		return t.path("a", append([]string{".zfs", "snapshot", "1"}, elements...)...)
	}
	t.wantFile(snap("file"), "old")
	t.wantFile(snap("dir", "hard"), "old")
	t.wantNoFile(snap("later"))
	t.wantNoFile(snap(".zfs"))
	// The mountpoint of a child belongs to the parent, its files do not.
	t.wantNoFile(snap("b", "inner"))
	if info, err := os.Stat(snap("b")); err != nil || !info.IsDir() {
		t.Errorf("mountpoint of the child in the snapshot: %v", err)
	}
	if target, err := os.Readlink(snap("dir", "link")); err != nil || target != "../file" {
		t.Errorf("symbolic link to %q, %v", target, err)
	}
	file, err := os.Stat(snap("file"))
	t.ok(err)
	hard, err := os.Stat(snap("dir", "hard"))
	t.ok(err)
	if !os.SameFile(file, hard) || file.Mode().Perm() != 0o640 {
		t.Errorf("hard link kept: %v, mode %v", os.SameFile(file, hard), file.Mode())
	}
	if dir, err := os.Stat(snap("dir")); err != nil || dir.Mode().Perm() != 0o750 {
		t.Errorf("directory %v, %v", dir, err)
	}
	t.wantFile(t.path("a", "file"), "new")
	t.ok(t.Store.Destroy(t.ctx, t.in("a@1"), zfsstore.DestroyOptions{}))
	// Linux remembers the name of a directory that was looked up once.
	left, err := os.ReadDir(filepath.Dir(snap()))
	if err != nil && !errors.Is(err, fs.ErrNotExist) || len(left) > 0 {
		t.Errorf("in .zfs/snapshot after the snapshot's end: %v, %v", left, err)
	}
}

func testRollback(t *tester) {
	t.create("a", "a/b")
	t.write(t.path("a", "file"), "one")
	t.write(t.path("a/b", "inner"), "below")
	t.snapshot("a@1")
	t.write(t.path("a", "file"), "two")
	t.write(t.path("a", "extra"), "")
	t.ok(t.Store.Rollback(t.ctx, t.in("a@1"), zfsstore.RollbackOptions{}))
	t.wantFile(t.path("a", "file"), "one")
	t.wantNoFile(t.path("a", "extra"))
	t.wantFile(t.path("a/b", "inner"), "below")
	if !t.get("a").Mounted || !t.get("a/b").Mounted {
		t.Error("not mounted after a rollback")
	}
	written := func() string { return t.get("a", "written@1").Properties["written@1"].Value }
	if now := written(); now != "0" {
		t.Errorf("written@1 is %s after a rollback", now)
	}
	t.write(t.path("a", "more"), "more")
	for end := time.Now().Add(time.Minute); written() == "0"; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) { // ZFS counts what a transaction group has written
			t.Error("written@1 is 0 after a write")
			break
		}
	}
	t.ok(os.Remove(t.path("a", "more")))
	t.snapshot("a@2")
	t.snapshot("a@3")
	t.ok(t.Store.Clone(t.ctx, t.in("a@3"), t.in("c"), zfsstore.CloneOptions{}))
	t.write(t.path("a", "file"), "three")
	t.refused(t.Store.Rollback(t.ctx, t.in("a@1"), zfsstore.RollbackOptions{}), zfsstore.ErrNewerSnapshots)
	t.refused(t.Store.Rollback(t.ctx, t.in("a@1"), zfsstore.RollbackOptions{Recent: true}), zfsstore.ErrHasDependents)
	t.refused(t.Store.Rollback(t.ctx, t.in("a@nosuch"), zfsstore.RollbackOptions{}), zfsstore.ErrNotFound)
	t.wantFile(t.path("a", "file"), "three")
	t.ok(t.Store.Rollback(t.ctx, t.in("a@2"), zfsstore.RollbackOptions{Dependents: true}))
	t.wantNames([]string{"a", "a@1", "a@2", "a/b"}, all...)
	t.wantFile(t.path("a", "file"), "one")
	t.ok(t.Store.Rollback(t.ctx, t.in("a@1"), zfsstore.RollbackOptions{Recent: true}))
	t.wantNames([]string{"a", "a@1", "a/b"}, all...)
	t.wantFile(t.path("a", ".zfs", "snapshot", "1", "file"), "one")
}

func testClone(t *tester) {
	t.create("a")
	t.write(t.path("a", "file"), "content")
	t.snapshot("a@1")
	t.ok(t.Store.Clone(t.ctx, t.in("a@1"), t.in("c"), zfsstore.CloneOptions{Properties: map[string]string{"org.test:x": "1"}}))
	t.ok(t.Store.Clone(t.ctx, t.in("a@1"), t.in("p/q"), zfsstore.CloneOptions{Parents: true}))
	t.ok(t.Store.Clone(t.ctx, t.in("a@1"), t.in("late"), zfsstore.CloneOptions{Properties: map[string]string{"canmount": "noauto"}}))
	c := t.get("c")
	if c.Origin != t.in("a@1") || !c.Mounted || c.GUID == t.get("a").GUID {
		t.Errorf("clone is %+v", c)
	}
	clones := t.get("a@1").Clones
	if len(clones) != 3 {
		t.Errorf("clones are %q", clones)
	}
	t.wantProperty("c", "org.test:x", "1", zfsstore.SourceLocal)
	t.wantFile(t.path("c", "file"), "content")
	t.write(t.path("c", "file"), "changed")
	t.write(t.path("a", "file"), "changed too")
	t.wantFile(t.path("p/q", "file"), "content")
	t.wantFile(t.path("a", ".zfs", "snapshot", "1", "file"), "content")
	t.ok(t.Store.Mount(t.ctx, t.in("late")))
	t.wantFile(t.path("late", "file"), "content")
	t.wantNoFile(t.path("c", ".zfs", "snapshot", "1"))
}

func testCloneRefusals(t *tester) {
	t.create("a")
	t.snapshot("a@1")
	for _, test := range []struct {
		from, to string
		want     error
	}{
		{t.in("a@nosuch"), t.in("c"), zfsstore.ErrNotFound},
		{t.in("nosuch@1"), t.in("c"), zfsstore.ErrNotFound},
		{t.in("a@1"), t.in("a"), zfsstore.ErrExists},
		{t.in("a@1"), t.in("no/parent/c"), zfsstore.ErrParentNotFound},
		{t.in("a@1"), "nosuchpool/c", zfsstore.ErrNoPool},
		{t.in("a"), t.in("c"), zfsstore.ErrInvalidName},
		{t.in("a@1"), t.in("c@x"), zfsstore.ErrInvalidName},
	} {
		t.refused(t.Store.Clone(t.ctx, test.from, test.to, zfsstore.CloneOptions{}), test.want)
	}
	t.wantNames([]string{"a"})
}

func testPromote(t *tester) {
	t.create("a")
	t.write(t.path("a", "file"), "first")
	t.snapshot("a@1")
	t.write(t.path("a", "file"), "second")
	t.snapshot("a@2")
	t.snapshot("a@3")
	t.ok(t.Store.Clone(t.ctx, t.in("a@2"), t.in("c"), zfsstore.CloneOptions{}))
	guid := t.get("a@1").GUID
	t.refused(t.Store.Promote(t.ctx, t.in("a")), zfsstore.ErrNotClone)
	t.refused(t.Store.Promote(t.ctx, t.in("nosuch")), zfsstore.ErrNotFound)
	t.snapshot("c@1")
	t.refused(t.Store.Promote(t.ctx, t.in("c")), zfsstore.ErrExists)
	t.wantNames([]string{"a@1", "a@2", "a@3", "c@1"}, zfsstore.Snapshot)
	t.ok(t.Store.Destroy(t.ctx, t.in("c@1"), zfsstore.DestroyOptions{}))
	t.ok(t.Store.Promote(t.ctx, t.in("c")))
	t.wantNames([]string{"a@3", "c@1", "c@2"}, zfsstore.Snapshot)
	if a, c := t.get("a"), t.get("c"); a.Origin != t.in("c@2") || c.Origin != "" || t.get("c@1").GUID != guid {
		t.Errorf("after promoting: %+v, %+v", a, c)
	}
	t.wantFile(t.path("c", ".zfs", "snapshot", "1", "file"), "first")
	t.wantFile(t.path("c", ".zfs", "snapshot", "2", "file"), "second")
	t.refused(t.Store.Promote(t.ctx, t.in("c")), zfsstore.ErrNotClone)
	t.ok(t.Store.Destroy(t.ctx, t.in("a"), zfsstore.DestroyOptions{Recursive: true}))
	t.wantFile(t.path("c", "file"), "second")
	t.wantNames([]string{"c", "c@1", "c@2"}, all...)
}

func testRename(t *tester) {
	t.create("a", "a/b", "other")
	t.write(t.path("a", "file"), "content")
	t.write(t.path("a/b", "inner"), "below")
	old := t.path("a")
	t.ok(t.Store.Snapshot(t.ctx, t.in("a@1"), zfsstore.SnapshotOptions{Recursive: true}))
	guid := t.get("a").GUID
	t.ok(t.Store.Rename(t.ctx, t.in("a"), t.in("z"), zfsstore.RenameOptions{}))
	t.wantNames([]string{"other", "z", "z@1", "z/b", "z/b@1"}, all...)
	if d := t.get("z"); d.GUID != guid || !d.Mounted || filepath.Base(d.Mountpoint) != "z" {
		t.Errorf("renamed %+v", d)
	}
	t.wantFile(t.path("z", "file"), "content")
	t.wantFile(t.path("z/b", "inner"), "below")
	t.wantFile(t.path("z", ".zfs", "snapshot", "1", "file"), "content")
	t.wantNoFile(old)
	t.ok(t.Store.Rename(t.ctx, t.in("z"), t.in("p/q"), zfsstore.RenameOptions{Parents: true}))
	t.wantFile(t.path("p/q/b", "inner"), "below")
	// An unmounted dataset stays unmounted.
	t.ok(t.Store.Unmount(t.ctx, t.in("other"), false))
	t.ok(t.Store.Rename(t.ctx, t.in("other"), t.in("another"), zfsstore.RenameOptions{}))
	if t.get("another").Mounted {
		t.Error("rename mounted what was not")
	}
}

func testRenameRefusals(t *tester) {
	t.create("a", "b")
	for _, test := range []struct {
		from, to string
		want     error
	}{
		{t.in("a"), t.in("b"), zfsstore.ErrExists},
		{t.in("nosuch"), t.in("c"), zfsstore.ErrNotFound},
		{t.in("a"), t.in("no/such/parent"), zfsstore.ErrParentNotFound},
		{t.in("a"), "nosuchpool/a", zfsstore.ErrNoPool},
		{t.in("a"), t.in("a/below"), zfsstore.ErrInvalidName},
		{t.in("a"), t.in("bad%name"), zfsstore.ErrInvalidName},
	} {
		t.refused(t.Store.Rename(t.ctx, test.from, test.to, zfsstore.RenameOptions{}), test.want)
	}
	t.wantNames([]string{"a", "b"})
}

func testRenameSnapshot(t *tester) {
	t.create("a", "a/b")
	t.write(t.path("a", "file"), "content")
	t.ok(t.Store.Snapshot(t.ctx, t.in("a@1"), zfsstore.SnapshotOptions{Recursive: true}))
	t.ok(t.Store.Rename(t.ctx, t.in("a@1"), t.in("a@2"), zfsstore.RenameOptions{}))
	t.wantNames([]string{"a@2", "a/b@1"}, zfsstore.Snapshot)
	t.wantFile(t.path("a", ".zfs", "snapshot", "2", "file"), "content")
	t.wantNoFile(t.path("a", ".zfs", "snapshot", "1", "file"))
	// Children without that snapshot do not matter.
	t.ok(t.Store.Rename(t.ctx, t.in("a@2"), t.in("a@1"), zfsstore.RenameOptions{Recursive: true}))
	t.ok(t.Store.Rename(t.ctx, t.in("a@1"), t.in("a@3"), zfsstore.RenameOptions{Recursive: true}))
	t.wantNames([]string{"a@3", "a/b@3"}, zfsstore.Snapshot)
	t.snapshot("a@4")
	t.refused(t.Store.Rename(t.ctx, t.in("a@3"), t.in("a@4"), zfsstore.RenameOptions{}), zfsstore.ErrExists)
	t.refused(t.Store.Rename(t.ctx, t.in("a@nosuch"), t.in("a@5"), zfsstore.RenameOptions{}), zfsstore.ErrNotFound)
}
