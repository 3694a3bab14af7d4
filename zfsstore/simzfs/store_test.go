package simzfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libioc/go-libioc/host/fault"
	"github.com/libioc/go-libioc/zfsstore"
)

func newTestStore(t *testing.T, change func(*Options)) (*Store, string) {
	t.Helper()
	dir := t.TempDir()
	opts := Options{Pools: []Pool{{Name: "p", Altroot: dir}}}
	if change != nil {
		change(&opts)
	}
	z, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return z, dir
}

func TestFaults(t *testing.T) {
	z, dir := newTestStore(t, nil)
	broken := errors.New("injected")
	remove := z.Fail(t, fault.Fault{Op: OpCreate, Match: "p/*", Nth: 2, Err: broken})
	if err := z.Create(bg, "p/a", zfsstore.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	var e *zfsstore.Error
	if err := z.Create(bg, "p/b", zfsstore.CreateOptions{}); !errors.Is(err, broken) || !errors.As(err, &e) || e.Dataset != "p/b" {
		t.Errorf("the second create: %v", err)
	}
	if err := z.Create(bg, "p/b", zfsstore.CreateOptions{}); err != nil {
		t.Errorf("the third create: %v", err)
	}
	remove()
	z.Fail(t, fault.Fault{Op: OpCreate, Err: broken, After: true})
	if err := z.Create(bg, "p/c", zfsstore.CreateOptions{}); !errors.Is(err, broken) {
		t.Errorf("a create that fails after its effect: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "p/c")); err != nil {
		t.Errorf("it had no effect: %v", err)
	}
	// What would be refused anyway is refused as ever.
	if err := z.Create(bg, "p/c", zfsstore.CreateOptions{}); !errors.Is(err, zfsstore.ErrExists) {
		t.Errorf("an existing dataset: %v", err)
	}
	var asked []string
	for _, call := range z.Calls() {
		asked = append(asked, call.Dataset)
	}
	if want := []string{"p/a", "p/b", "p/b", "p/c", "p/c"}; !slices.Equal(asked, want) {
		t.Errorf("calls for %q, want %q", asked, want)
	}
	if args := z.Calls()[0].Args; !slices.Equal(args, []string{"zfs", "create", "p/a"}) {
		t.Errorf("the first call was %q", args)
	}
	z.ForgetCalls()
	if len(z.Calls()) != 0 {
		t.Error("calls after ForgetCalls")
	}
}

// TestOperationNames calls each method: a fault can be injected into all.
func TestOperationNames(t *testing.T) {
	z, _ := newTestStore(t, nil)
	z.Get(bg, "p/x", zfsstore.GetOptions{})
	z.List(bg, "p/x", zfsstore.ListOptions{})
	z.Pools(bg)
	z.Create(bg, "x", zfsstore.CreateOptions{})
	z.Destroy(bg, "p/x", zfsstore.DestroyOptions{})
	z.Snapshot(bg, "p/x@1", zfsstore.SnapshotOptions{})
	z.Rollback(bg, "p/x@1", zfsstore.RollbackOptions{})
	z.Clone(bg, "p/x@1", "p/y", zfsstore.CloneOptions{})
	z.Promote(bg, "p/x")
	z.Rename(bg, "p/x", "p/y", zfsstore.RenameOptions{})
	z.Set(bg, "p/x", nil)
	z.Inherit(bg, "p/x", "atime", false)
	z.Mount(bg, "p/x")
	z.Unmount(bg, "p/x", false)
	z.Send(bg, "p/x@1", zfsstore.SendOptions{})
	z.Receive(bg, "p/x", strings.NewReader(""), zfsstore.ReceiveOptions{})
	z.Jail(bg, "web", "p/x")
	z.Unjail(bg, "web", "p/x")
	z.Hold(bg, "p/x@1", "t", false)
	z.Release(bg, "p/x@1", "t", false)
	var asked []string
	for _, call := range z.Calls() {
		asked = append(asked, call.Op)
	}
	if !slices.Equal(asked, operations) {
		t.Errorf("asked for %q, want %q", asked, operations)
	}
	for _, op := range operations {
		z.Fail(t, fault.Fault{Op: op, Err: errors.New("injected")})
	}
}

func TestFaultsRace(t *testing.T) {
	z, _ := newTestStore(t, nil)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			remove := z.Fail(t, fault.Fault{Op: OpSnapshot, Err: errors.New("injected")})
			z.Create(bg, fmt.Sprintf("p/%d", i), zfsstore.CreateOptions{})
			z.Calls()
			z.Mounts()
			remove()
		})
	}
	wg.Wait()
	if n := len(z.Mounts()); n != 5 {
		t.Errorf("%d mounts, want 5", n)
	}
}

// TestCommitFails checks that an operation whose records could not be
// kept has no effect at all.
func TestCommitFails(t *testing.T) {
	full := errors.New("disk full")
	for _, op := range killOperations {
		t.Run(op.name, func(t *testing.T) {
			d := &disked{t: t, dir: t.TempDir()}
			z := d.base()
			before := d.describe(z)
			z.opts.Commit = func([]Record) error { return full }
			if err := op.run(z); !errors.Is(err, full) {
				t.Fatalf("got %v", err)
			}
			after := d.describe(z)
			if op.name == "rollback" {
				return // the files of the snapshot are in place already
			}
			if after != before {
				t.Errorf("it had effects:\n%s", changes(before, after))
			}
			d.wantSound(z)
			if left := d.leftovers(z); len(left) > 0 {
				t.Errorf("it left %v", left)
			}
		})
	}
}

func TestBusy(t *testing.T) {
	inUse := ""
	z, dir := newTestStore(t, func(o *Options) {
		o.Busy = func(path string) bool { return inUse != "" && below(inUse, path) }
	})
	if err := z.Create(bg, "p/a/b", zfsstore.CreateOptions{Parents: true}); err != nil {
		t.Fatal(err)
	}
	if err := z.Snapshot(bg, "p/a@1", zfsstore.SnapshotOptions{}); err != nil {
		t.Fatal(err)
	}
	inUse = filepath.Join(dir, "p/a/b/c")
	for name, err := range map[string]error{
		"unmount":    z.Unmount(bg, "p/a/b", false),
		"rename":     z.Rename(bg, "p/a", "p/z", zfsstore.RenameOptions{}),
		"destroy":    z.Destroy(bg, "p/a/b", zfsstore.DestroyOptions{}),
		"mountpoint": z.Set(bg, "p/a", map[string]string{"mountpoint": "/other"}),
		"none":       z.Set(bg, "p/a/b", map[string]string{"mountpoint": "none"}),
	} {
		if !errors.Is(err, zfsstore.ErrBusy) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(z.Mounts()) != 3 {
		t.Errorf("mounted: %v", z.Mounts())
	}
	if err := z.Unmount(bg, "p/a/b", true); err != nil {
		t.Errorf("by force: %v", err)
	}
	inUse = filepath.Join(dir, "p/a/.zfs/snapshot/1/bin")
	if err := z.Destroy(bg, "p/a@1", zfsstore.DestroyOptions{}); !errors.Is(err, zfsstore.ErrBusy) {
		t.Errorf("a snapshot that is mounted from: %v", err)
	}
	if err := z.Rename(bg, "p/a@1", "p/a@2", zfsstore.RenameOptions{}); err != nil {
		t.Errorf("renaming it: %v", err)
	}
	// Only what cannot be removed is left of a recursive destroy.
	inUse = filepath.Join(dir, "p/a")
	if err := z.Mount(bg, "p/a/b"); err != nil {
		t.Fatal(err)
	}
	if err := z.Destroy(bg, "p/a", zfsstore.DestroyOptions{Recursive: true}); !errors.Is(err, zfsstore.ErrBusy) {
		t.Errorf("recursive: %v", err)
	}
	if found, _ := z.List(bg, "p/a", zfsstore.ListOptions{Types: []zfsstore.Type{zfsstore.Filesystem, zfsstore.Snapshot}}); len(found) != 1 {
		t.Errorf("left: %v", found)
	}
}

func TestMountHook(t *testing.T) {
	var events []MountEvent
	z, dir := newTestStore(t, func(o *Options) {
		o.MountHook = func(e MountEvent) {
			if e.GUID == 0 {
				t.Errorf("no guid: %+v", e)
			}
			e.GUID = 0
			events = append(events, e)
		}
	})
	steps := []error{
		z.Create(bg, "p/a", zfsstore.CreateOptions{}),
		z.Snapshot(bg, "p/a@1", zfsstore.SnapshotOptions{}),
		z.Rollback(bg, "p/a@1", zfsstore.RollbackOptions{}),
		z.Rename(bg, "p/a", "p/b", zfsstore.RenameOptions{}),
		z.Destroy(bg, "p/b", zfsstore.DestroyOptions{Recursive: true}),
	}
	if err := errors.Join(steps...); err != nil {
		t.Fatal(err)
	}
	want := []MountEvent{
		{Dataset: "p", Path: dir + "/p", Mounted: true},
		{Dataset: "p/a", Path: dir + "/p/a", Mounted: true},
		{Dataset: "p/a", Path: dir + "/p/a", Mounted: false},
		{Dataset: "p/b", Path: dir + "/p/b", Mounted: true},
		{Dataset: "p/b", Path: dir + "/p/b", Mounted: false},
	}
	if !slices.Equal(events, want) {
		t.Errorf("events %v\nwant %v", events, want)
	}
}

// TestSymlink checks that a mountpoint below a symbolic link is the
// place the link names, and that no link leads out of the altroot.
func TestSymlink(t *testing.T) {
	z, dir := newTestStore(t, nil)
	outside := t.TempDir()
	for link, target := range map[string]string{"sym": "/p/n", "out": outside, "up": "../../../../../.."} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for name, mountpoint := range map[string]string{"p/n": "/p/n", "p/s": "/sym/below", "p/o": "/out/below", "p/u": "/up/below"} {
		if err := z.Create(bg, name, zfsstore.CreateOptions{Properties: map[string]string{"mountpoint": mountpoint}}); err != nil {
			t.Fatal(err)
		}
	}
	at := make(map[string]string)
	for _, mount := range z.Mounts() {
		at[mount.Dataset] = mount.Path
		if !below(mount.Path, dir) {
			t.Errorf("%s is mounted outside, at %s", mount.Dataset, mount.Path)
		}
	}
	if at["p/s"] != filepath.Join(dir, "p/n/below") {
		t.Errorf("mounted at %s", at["p/s"])
	}
	if d, _ := z.Get(bg, "p/s", zfsstore.GetOptions{}); d.Mountpoint != filepath.Join(dir, "sym/below") {
		t.Errorf("mountpoint %s", d.Mountpoint)
	}
	if entries, _ := os.ReadDir(outside); len(entries) > 0 {
		t.Errorf("outside there is %v now", entries)
	}
}

func TestReboot(t *testing.T) {
	z, dir := newTestStore(t, func(o *Options) {
		o.Jail = func(string) (int, bool) { return 3, true }
	})
	steps := []error{
		z.Create(bg, "p/a/b", zfsstore.CreateOptions{Parents: true}),
		z.Create(bg, "p/n", zfsstore.CreateOptions{Properties: map[string]string{"canmount": "noauto"}}),
		os.WriteFile(filepath.Join(dir, "p/a/b/f"), []byte("kept"), 0o644),
		z.Mount(bg, "p/n"),
		z.Unmount(bg, "p/a/b", false),
		z.Jail(bg, "web", "p/a"),
	}
	if err := errors.Join(steps...); err != nil {
		t.Fatal(err)
	}
	if got := z.Jailed(3); !slices.Equal(got, []string{"p/a"}) {
		t.Errorf("attached to the jail: %v", got)
	}
	if err := z.Reboot(); err != nil {
		t.Fatal(err)
	}
	var mounted []string
	for _, mount := range z.Mounts() {
		mounted = append(mounted, mount.Dataset)
	}
	if want := []string{"p", "p/a", "p/a/b"}; !slices.Equal(mounted, want) || len(z.Jailed(3)) > 0 {
		t.Errorf("mounted %q, want %q; attached %v", mounted, want, z.Jailed(3))
	}
	if text, err := os.ReadFile(filepath.Join(dir, "p/a/b/f")); string(text) != "kept" {
		t.Errorf("file: %q, %v", text, err)
	}
	if err := errors.Join(z.Jail(bg, "web", "p/a"), z.JailGone(3)); err != nil || len(z.Jailed(3)) > 0 {
		t.Errorf("after the jail is gone: %v, %v", z.Jailed(3), err)
	}
}

// TestMany checks that the work for one of many datasets does not grow
// with their number, nor that of a listing with its square.
func TestMany(t *testing.T) {
	z, _ := newTestStore(t, nil)
	many := 1000
	if testing.Short() {
		many = 200
	}
	if err := z.Create(bg, "p/j", zfsstore.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for i := range many {
		if err := z.Create(bg, fmt.Sprintf("p/j/%d", i), zfsstore.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Now()
	found, err := z.List(bg, "p", zfsstore.ListOptions{Properties: []string{"org:x", "compression"}})
	if took := time.Since(begin); err != nil || len(found) != many+2 || took > 2*time.Second {
		t.Errorf("listed %d in %v, %v", len(found), took, err)
	}
	begin = time.Now()
	for i := range many {
		if _, err := z.Get(bg, fmt.Sprintf("p/j/%d", i), zfsstore.GetOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("got each of %d in %v", many, took)
	}
}
