package storetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/libioc/go-libioc/zfsstore"
)

func testDestroy(t *tester) {
	t.create("a", "a/b", "a/b/c", "keep")
	t.write(t.path("a/b", "file"), "x")
	path := t.path("a")
	t.ok(t.Store.Snapshot(t.ctx, t.in("a@1"), zfsstore.SnapshotOptions{Recursive: true}))
	t.ok(t.Store.Destroy(t.ctx, t.in("a@1"), zfsstore.DestroyOptions{}))
	t.wantNames([]string{"a/b@1", "a/b/c@1"}, zfsstore.Snapshot)
	t.ok(t.Store.Snapshot(t.ctx, t.in("a@2"), zfsstore.SnapshotOptions{Recursive: true}))
	t.ok(t.Store.Destroy(t.ctx, t.in("a@2"), zfsstore.DestroyOptions{Recursive: true}))
	t.wantNames([]string{"a/b@1", "a/b/c@1"}, zfsstore.Snapshot)
	t.ok(t.Store.Destroy(t.ctx, t.in("a"), zfsstore.DestroyOptions{Recursive: true}))
	t.wantNames([]string{"keep"}, all...)
	t.wantNoFile(path)
	// The name can be reused, and the old files are gone.
	t.create("a", "a/b")
	t.wantNoFile(t.path("a/b", "file"))
}

func testDestroyRefusals(t *tester) {
	t.create("a", "a/b", "s")
	t.snapshot("s@1")
	t.refused(t.Store.Destroy(t.ctx, t.in("a"), zfsstore.DestroyOptions{}), zfsstore.ErrHasChildren)
	t.refused(t.Store.Destroy(t.ctx, t.in("s"), zfsstore.DestroyOptions{}), zfsstore.ErrHasChildren)
	t.refused(t.Store.Destroy(t.ctx, t.in("nosuch"), zfsstore.DestroyOptions{}), zfsstore.ErrNotFound)
	t.refused(t.Store.Destroy(t.ctx, t.in("s@nosuch"), zfsstore.DestroyOptions{}), zfsstore.ErrNotFound)
	t.refused(t.Store.Destroy(t.ctx, t.in("s@nosuch"), zfsstore.DestroyOptions{Recursive: true}), zfsstore.ErrNotFound)
	t.refused(t.Store.Destroy(t.ctx, t.in("nosuch@1"), zfsstore.DestroyOptions{}), zfsstore.ErrNotFound)
	pool, _, _ := strings.Cut(t.Root, "/")
	t.refused(t.Store.Destroy(t.ctx, pool, zfsstore.DestroyOptions{}), zfsstore.ErrIsPool)
	t.wantNames([]string{"a", "a/b", "s", "s@1"}, all...)
}

func testDestroyClones(t *tester) {
	t.create("a")
	t.snapshot("a@1")
	t.ok(t.Store.Clone(t.ctx, t.in("a@1"), t.in("c"), zfsstore.CloneOptions{}))
	t.snapshot("c@2")
	t.ok(t.Store.Clone(t.ctx, t.in("c@2"), t.in("d"), zfsstore.CloneOptions{}))
	t.refused(t.Store.Destroy(t.ctx, t.in("a@1"), zfsstore.DestroyOptions{}), zfsstore.ErrHasDependents)
	t.refused(t.Store.Destroy(t.ctx, t.in("a@1"), zfsstore.DestroyOptions{Recursive: true}), zfsstore.ErrHasDependents)
	t.refused(t.Store.Destroy(t.ctx, t.in("a"), zfsstore.DestroyOptions{Recursive: true}), zfsstore.ErrHasDependents)
	t.wantNames([]string{"a", "a@1", "c", "c@2", "d"}, all...)
	t.ok(t.Store.Destroy(t.ctx, t.in("a"), zfsstore.DestroyOptions{Dependents: true}))
	t.wantNames(nil, all...)

	t.create("a")
	t.snapshot("a@1")
	t.ok(t.Store.Clone(t.ctx, t.in("a@1"), t.in("c"), zfsstore.CloneOptions{}))
	t.ok(t.Store.Destroy(t.ctx, t.in("a@1"), zfsstore.DestroyOptions{Defer: true}))
	t.wantNames([]string{"a", "a@1", "c"}, all...)
	t.ok(t.Store.Destroy(t.ctx, t.in("c"), zfsstore.DestroyOptions{}))
	t.wantNames([]string{"a"}, all...)

	// A clone within the subtree is destroyed before its origin, whatever their
	// names.
	t.create("a/m")
	t.snapshot("a/m@1")
	t.ok(t.Store.Clone(t.ctx, t.in("a/m@1"), t.in("a/z"), zfsstore.CloneOptions{}))
	t.ok(t.Store.Clone(t.ctx, t.in("a/m@1"), t.in("a/b"), zfsstore.CloneOptions{}))
	t.ok(t.Store.Destroy(t.ctx, t.in("a"), zfsstore.DestroyOptions{Recursive: true}))
	t.wantNames(nil, all...)
}

func testHold(t *tester) {
	t.create("a", "a/b")
	t.ok(t.Store.Snapshot(t.ctx, t.in("a@1"), zfsstore.SnapshotOptions{Recursive: true}))
	t.ok(t.Store.Hold(t.ctx, t.in("a@1"), "keep", true))
	t.refused(t.Store.Hold(t.ctx, t.in("a@1"), "keep", false), zfsstore.ErrExists)
	t.wantProperty("a/b@1", "userrefs", "1", zfsstore.SourceNone)
	t.refused(t.Store.Destroy(t.ctx, t.in("a@1"), zfsstore.DestroyOptions{}), zfsstore.ErrBusy)
	t.refused(t.Store.Destroy(t.ctx, t.in("a"), zfsstore.DestroyOptions{Recursive: true}), zfsstore.ErrBusy)
	t.refused(t.Store.Release(t.ctx, t.in("a@1"), "other", false), zfsstore.ErrNotFound)
	t.refused(t.Store.Hold(t.ctx, t.in("a@nosuch"), "keep", false), zfsstore.ErrNotFound)
	t.refused(t.Store.Hold(t.ctx, t.in("a@nosuch"), "keep", true), zfsstore.ErrNotFound)
	t.refused(t.Store.Hold(t.ctx, t.in("nosuch@1"), "keep", false), zfsstore.ErrNotFound)
	t.refused(t.Store.Release(t.ctx, t.in("a@nosuch"), "keep", false), zfsstore.ErrNotFound)
	t.ok(t.Store.Release(t.ctx, t.in("a@1"), "keep", true))
	t.ok(t.Store.Destroy(t.ctx, t.in("a"), zfsstore.DestroyOptions{Recursive: true}))
}

// testDestroyPartly checks what remains of a recursive destroy that cannot remove
// everything: snapshots are destroyed together or not at all, and it continues
// after those that are kept.
func testDestroyPartly(t *tester) {
	t.create("a", "a/b", "a/c")
	t.snapshot("a/b@1")
	t.snapshot("a/b@2")
	t.snapshot("a/c@3")
	t.ok(t.Store.Hold(t.ctx, t.in("a/b@1"), "keep", false))
	t.refused(t.Store.Destroy(t.ctx, t.in("a"), zfsstore.DestroyOptions{Recursive: true}), zfsstore.ErrBusy)
	t.wantNames([]string{"a", "a/b", "a/b@1", "a/b@2"}, all...)
	t.ok(t.Store.Release(t.ctx, t.in("a/b@1"), "keep", false))

	// A hold below is enough for recursive holds and releases.
	t.ok(t.Store.Hold(t.ctx, t.in("a@1"), "keep", true))
	t.ok(t.Store.Release(t.ctx, t.in("a@1"), "keep", true))
	t.ok(t.Store.Destroy(t.ctx, t.in("a"), zfsstore.DestroyOptions{Recursive: true}))
}

// testDestroyOfGUID checks that only the dataset that is meant is destroyed, and only
// as a whole.
func testDestroyOfGUID(t *tester) {
	destroy := func(name string, guid uint64) error {
		return t.Store.Destroy(t.ctx, t.in(name), zfsstore.DestroyOptions{Recursive: true, GUID: guid})
	}
	t.create("a", "a/m", "keep")
	guid := t.get("a").GUID
	t.snapshot("a@1")
	t.snapshot("a/m@1")
	t.ok(t.Store.Clone(t.ctx, t.in("a/m@1"), t.in("a/b"), zfsstore.CloneOptions{})) // goes before its origin
	t.ok(t.Store.Clone(t.ctx, t.in("a/m@1"), t.in("a/z"), zfsstore.CloneOptions{}))
	whole := []string{"a", "a@1", "a/b", "a/m", "a/m@1", "a/z", "keep"}
	t.refused(destroy("a", guid+1), zfsstore.ErrReplaced)
	t.refused(destroy("nosuch", guid), zfsstore.ErrNotFound)
	t.refused(t.Store.Destroy(t.ctx, "zfsstore-no-such-pool/a", zfsstore.DestroyOptions{GUID: guid}), zfsstore.ErrNotFound)
	t.refused(destroy("a@1", t.get("a@1").GUID), zfsstore.ErrInvalidName)
	t.refused(t.Store.Destroy(t.ctx, t.in("a"), zfsstore.DestroyOptions{GUID: guid}), zfsstore.ErrHasChildren)
	t.refused(destroy("a", guid), zfsstore.ErrBusy) // mounted
	for _, name := range []string{"a/z", "a/m", "a/b", "a"} {
		if name == "a" {
			t.ok(t.Store.Mount(t.ctx, t.in("a/z")))
			t.refused(destroy("a", guid), zfsstore.ErrBusy)
			t.ok(t.Store.Unmount(t.ctx, t.in("a/z"), false))
		}
		t.ok(t.Store.Unmount(t.ctx, t.in(name), false))
	}
	t.wantNames(whole, all...)
	t.ok(t.Store.Hold(t.ctx, t.in("a/m@1"), "hold", false))
	t.refused(destroy("a", guid), zfsstore.ErrBusy)
	t.ok(t.Store.Release(t.ctx, t.in("a/m@1"), "hold", false))
	t.ok(t.Store.Clone(t.ctx, t.in("a@1"), t.in("c"), zfsstore.CloneOptions{}))
	t.refused(destroy("a", guid), zfsstore.ErrHasDependents)
	t.ok(t.Store.Destroy(t.ctx, t.in("c"), zfsstore.DestroyOptions{}))
	t.wantNames(whole, all...)
	path := t.path("keep")
	t.ok(destroy("a", guid))
	t.wantNames([]string{"keep"}, all...)
	t.create("a")
	t.refused(destroy("a", guid), zfsstore.ErrReplaced)
	t.wantNames([]string{"a", "keep"}, all...)
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func testJail(t *tester) {
	t.create("a")
	if t.Jail == "" {
		err := t.Store.Jail(t.ctx, "zfsstore-no-such-jail", t.in("a"))
		if !errors.Is(err, zfsstore.ErrUnsupported) && !errors.Is(err, zfsstore.ErrNoJail) {
			t.Errorf("a jail that does not exist: %v", err)
		}
		return
	}
	t.ok(t.Store.Jail(t.ctx, t.Jail, t.in("a")))
	t.refused(t.Store.Jail(t.ctx, t.Jail, t.in("a")), zfsstore.ErrExists)
	t.refused(t.Store.Jail(t.ctx, t.Jail, t.in("nosuch")), zfsstore.ErrNotFound)
	t.refused(t.Store.Jail(t.ctx, "zfsstore-no-such-jail", t.in("a")), zfsstore.ErrNoJail)
	t.ok(t.Store.Unjail(t.ctx, t.Jail, t.in("a")))
	t.refused(t.Store.Unjail(t.ctx, t.Jail, t.in("a")), zfsstore.ErrNotFound)
}

func testCancelled(t *tester) {
	t.create("a")
	ctx, cancel := context.WithCancel(t.ctx)
	cancel()
	_, err := t.Store.Get(ctx, t.in("a"), zfsstore.GetOptions{})
	t.refused(err, context.Canceled)
	_, err = t.Store.List(ctx, t.Root, zfsstore.ListOptions{})
	t.refused(err, context.Canceled)
	_, err = t.Store.Pools(ctx)
	t.refused(err, context.Canceled)
	t.refused(t.Store.Create(ctx, t.in("b"), zfsstore.CreateOptions{}), context.Canceled)
	t.refused(t.Store.Destroy(ctx, t.in("a"), zfsstore.DestroyOptions{}), context.Canceled)
	t.wantNames([]string{"a"})
}

// testNotCutShort ends the context of a rename at any time: it is done whole, with
// its mount, or not begun.
func testNotCutShort(t *tester) {
	t.create("from")
	t.write(t.path("from", "file"), "content")
	from, to := "from", "to"
	for wait := range 8 {
		ctx, cancel := context.WithTimeout(t.ctx, time.Duration(wait*wait)*300*time.Microsecond)
		err := t.Store.Rename(ctx, t.in(from), t.in(to), zfsstore.RenameOptions{})
		cancel()
		if err == nil {
			from, to = to, from
		} else {
			t.refused(err, context.DeadlineExceeded)
		}
		t.wantNames([]string{from})
		t.wantFile(t.path(from, "file"), "content")
	}
}

// testErrors checks that an error can be repeated by hand.
func testErrors(t *tester) {
	err := t.Store.Create(t.ctx, t.in("no such/child"), zfsstore.CreateOptions{})
	var e *zfsstore.Error
	if !errors.As(err, &e) {
		t.Fatalf("%T is no *zfsstore.Error", err)
	}
	if e.Op != "create" || e.Dataset != t.in("no such/child") || e.ExitCode != 1 || !strings.Contains(e.Stderr, "parent does not exist") {
		t.Errorf("%#v", e)
	}
	if want := "create '" + t.in("no such/child") + "': cannot create"; !strings.Contains(err.Error(), want) {
		t.Errorf("%q does not contain %q", err, want)
	}
}

func testConcurrent(t *tester) {
	const workers = 8
	t.create("a")
	var wg sync.WaitGroup
	failed := make([]error, workers)
	for i := range workers {
		wg.Go(func() {
			name := t.in(fmt.Sprintf("a/%d", i))
			failed[i] = errors.Join(
				t.Store.Create(t.ctx, name, zfsstore.CreateOptions{}),
				t.Store.Snapshot(t.ctx, name+"@1", zfsstore.SnapshotOptions{}),
				func() error { _, err := t.Store.List(t.ctx, t.in("a"), zfsstore.ListOptions{Types: all}); return err }(),
				t.Store.Rename(t.ctx, name, name+"x", zfsstore.RenameOptions{}),
				t.Store.Destroy(t.ctx, name+"x", zfsstore.DestroyOptions{Recursive: true}),
			)
		})
	}
	wg.Wait()
	for _, err := range failed {
		t.ok(err)
	}
	t.wantNames([]string{"a"}, all...)
	entries, err := os.ReadDir(t.path("a"))
	t.ok(err)
	if len(entries) > 0 {
		t.Errorf("left in the mountpoint: %v", entries)
	}
}
