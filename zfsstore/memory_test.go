package zfsstore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

func newTestMemory(t *testing.T, change func(*MemoryOptions)) (*Memory, string) {
	t.Helper()
	dir := t.TempDir()
	opts := MemoryOptions{Pools: []MemoryPool{{Name: "p", Altroot: dir}}}
	if change != nil {
		change(&opts)
	}
	m, err := NewMemory(opts)
	if err != nil {
		t.Fatal(err)
	}
	return m, dir
}

func TestMemoryFaults(t *testing.T) {
	m, dir := newTestMemory(t, nil)
	broken := errors.New("injected")
	remove := m.Fail(Fault{Op: "create", Dataset: "p/*", Nth: 2, Err: broken})
	if err := m.Create(bg, "p/a", CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	var e *Error
	if err := m.Create(bg, "p/b", CreateOptions{}); !errors.Is(err, broken) || !errors.As(err, &e) || e.Dataset != "p/b" {
		t.Errorf("the second create: %v", err)
	}
	if err := m.Create(bg, "p/b", CreateOptions{}); err != nil {
		t.Errorf("the third create: %v", err)
	}
	remove()
	m.Fail(Fault{Op: "create", Err: broken, After: true})
	if err := m.Create(bg, "p/c", CreateOptions{}); !errors.Is(err, broken) {
		t.Errorf("a create that fails after its effect: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "p/c")); err != nil {
		t.Errorf("it had no effect: %v", err)
	}
	// What would be refused anyway is refused as ever.
	if err := m.Create(bg, "p/c", CreateOptions{}); !errors.Is(err, ErrExists) {
		t.Errorf("an existing dataset: %v", err)
	}
	var asked []string
	for _, call := range m.Calls() {
		asked = append(asked, call.Dataset)
	}
	if want := []string{"p/a", "p/b", "p/b", "p/c", "p/c"}; !slices.Equal(asked, want) {
		t.Errorf("calls for %q, want %q", asked, want)
	}
	if args := m.Calls()[0].Args; !slices.Equal(args, []string{"zfs", "create", "p/a"}) {
		t.Errorf("the first call was %q", args)
	}
	m.ForgetCalls()
	if len(m.Calls()) != 0 {
		t.Error("calls after ForgetCalls")
	}
}

func TestMemoryFaultsRace(t *testing.T) {
	m, _ := newTestMemory(t, nil)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			remove := m.Fail(Fault{Op: "snapshot", Err: errors.New("injected")})
			m.Create(bg, fmt.Sprintf("p/%d", i), CreateOptions{})
			m.Calls()
			m.Mounts()
			remove()
		})
	}
	wg.Wait()
	if n := len(m.Mounts()); n != 5 {
		t.Errorf("%d mounts, want 5", n)
	}
}

// TestMemoryCommitFails checks that an operation whose records could not be
// kept has no effect at all.
func TestMemoryCommitFails(t *testing.T) {
	full := errors.New("disk full")
	for _, op := range killOperations {
		t.Run(op.name, func(t *testing.T) {
			d := &disked{t: t, dir: t.TempDir()}
			m := d.base()
			before := d.describe(m)
			m.opts.Commit = func([]Record) error { return full }
			if err := op.run(m); !errors.Is(err, full) {
				t.Fatalf("got %v", err)
			}
			after := d.describe(m)
			if op.name == "rollback" {
				return // the files of the snapshot are in place already
			}
			if after != before {
				t.Errorf("it had effects:\n%s", changes(before, after))
			}
			d.wantSound(m)
			if left := d.leftovers(m); len(left) > 0 {
				t.Errorf("it left %v", left)
			}
		})
	}
}

func TestMemoryBusy(t *testing.T) {
	inUse := ""
	m, dir := newTestMemory(t, func(o *MemoryOptions) {
		o.Busy = func(path string) bool { return inUse != "" && below(inUse, path) }
	})
	if err := m.Create(bg, "p/a/b", CreateOptions{Parents: true}); err != nil {
		t.Fatal(err)
	}
	if err := m.Snapshot(bg, "p/a@1", SnapshotOptions{}); err != nil {
		t.Fatal(err)
	}
	inUse = filepath.Join(dir, "p/a/b/c")
	for name, err := range map[string]error{
		"unmount":    m.Unmount(bg, "p/a/b", false),
		"rename":     m.Rename(bg, "p/a", "p/z", RenameOptions{}),
		"destroy":    m.Destroy(bg, "p/a/b", DestroyOptions{}),
		"mountpoint": m.Set(bg, "p/a", map[string]string{"mountpoint": "/other"}),
		"none":       m.Set(bg, "p/a/b", map[string]string{"mountpoint": "none"}),
	} {
		if !errors.Is(err, ErrBusy) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(m.Mounts()) != 3 {
		t.Errorf("mounted: %v", m.Mounts())
	}
	if err := m.Unmount(bg, "p/a/b", true); err != nil {
		t.Errorf("by force: %v", err)
	}
	inUse = filepath.Join(dir, "p/a/.zfs/snapshot/1/bin")
	if err := m.Destroy(bg, "p/a@1", DestroyOptions{}); !errors.Is(err, ErrBusy) {
		t.Errorf("a snapshot that is mounted from: %v", err)
	}
	if err := m.Rename(bg, "p/a@1", "p/a@2", RenameOptions{}); err != nil {
		t.Errorf("renaming it: %v", err)
	}
	// Only what cannot be removed is left of a recursive destroy.
	inUse = filepath.Join(dir, "p/a")
	if err := m.Mount(bg, "p/a/b"); err != nil {
		t.Fatal(err)
	}
	if err := m.Destroy(bg, "p/a", DestroyOptions{Recursive: true}); !errors.Is(err, ErrBusy) {
		t.Errorf("recursive: %v", err)
	}
	if found, _ := m.List(bg, "p/a", ListOptions{Types: []Type{Filesystem, Snapshot}}); len(found) != 1 {
		t.Errorf("left: %v", found)
	}
}

func TestMemoryMountHook(t *testing.T) {
	var events []MountEvent
	m, dir := newTestMemory(t, func(o *MemoryOptions) {
		o.MountHook = func(e MountEvent) { events = append(events, e) }
	})
	steps := []error{
		m.Create(bg, "p/a", CreateOptions{}),
		m.Snapshot(bg, "p/a@1", SnapshotOptions{}),
		m.Rollback(bg, "p/a@1", RollbackOptions{}),
		m.Rename(bg, "p/a", "p/b", RenameOptions{}),
		m.Destroy(bg, "p/b", DestroyOptions{Recursive: true}),
	}
	if err := errors.Join(steps...); err != nil {
		t.Fatal(err)
	}
	want := []MountEvent{
		{"p", dir + "/p", true},
		{"p/a", dir + "/p/a", true},
		{"p/a", dir + "/p/a", false},
		{"p/b", dir + "/p/b", true},
		{"p/b", dir + "/p/b", false},
	}
	if !slices.Equal(events, want) {
		t.Errorf("events %v\nwant %v", events, want)
	}
}

// TestMemorySymlink checks that a mountpoint behind a symbolic link is the
// place the link names, and that no link leads out of the altroot.
func TestMemorySymlink(t *testing.T) {
	m, dir := newTestMemory(t, nil)
	outside := t.TempDir()
	for link, target := range map[string]string{"sym": "/p/n", "out": outside, "up": "../../../../../.."} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for name, mountpoint := range map[string]string{"p/n": "/p/n", "p/s": "/sym/below", "p/o": "/out/below", "p/u": "/up/below"} {
		if err := m.Create(bg, name, CreateOptions{Properties: map[string]string{"mountpoint": mountpoint}}); err != nil {
			t.Fatal(err)
		}
	}
	at := make(map[string]string)
	for _, mount := range m.Mounts() {
		at[mount.Dataset] = mount.Path
		if !below(mount.Path, dir) {
			t.Errorf("%s is mounted outside, at %s", mount.Dataset, mount.Path)
		}
	}
	if at["p/s"] != filepath.Join(dir, "p/n/below") {
		t.Errorf("mounted at %s", at["p/s"])
	}
	if d, _ := m.Get(bg, "p/s", GetOptions{}); d.Mountpoint != filepath.Join(dir, "sym/below") {
		t.Errorf("mountpoint %s", d.Mountpoint)
	}
	if entries, _ := os.ReadDir(outside); len(entries) > 0 {
		t.Errorf("outside there is %v now", entries)
	}
}

func TestMemoryReboot(t *testing.T) {
	m, dir := newTestMemory(t, func(o *MemoryOptions) {
		o.Jail = func(string) (int, bool) { return 3, true }
	})
	steps := []error{
		m.Create(bg, "p/a/b", CreateOptions{Parents: true}),
		m.Create(bg, "p/n", CreateOptions{Properties: map[string]string{"canmount": "noauto"}}),
		os.WriteFile(filepath.Join(dir, "p/a/b/f"), []byte("kept"), 0o644),
		m.Mount(bg, "p/n"),
		m.Unmount(bg, "p/a/b", false),
		m.Jail(bg, "web", "p/a"),
	}
	if err := errors.Join(steps...); err != nil {
		t.Fatal(err)
	}
	if got := m.Jailed(3); !slices.Equal(got, []string{"p/a"}) {
		t.Errorf("attached to the jail: %v", got)
	}
	if err := m.Reboot(); err != nil {
		t.Fatal(err)
	}
	var mounted []string
	for _, mount := range m.Mounts() {
		mounted = append(mounted, mount.Dataset)
	}
	if want := []string{"p", "p/a", "p/a/b"}; !slices.Equal(mounted, want) || len(m.Jailed(3)) > 0 {
		t.Errorf("mounted %q, want %q; attached %v", mounted, want, m.Jailed(3))
	}
	if text, err := os.ReadFile(filepath.Join(dir, "p/a/b/f")); string(text) != "kept" {
		t.Errorf("file: %q, %v", text, err)
	}
	if err := errors.Join(m.Jail(bg, "web", "p/a"), m.JailGone(3)); err != nil || len(m.Jailed(3)) > 0 {
		t.Errorf("after the jail is gone: %v, %v", m.Jailed(3), err)
	}
}

// TestMemoryMany checks that the work for one of many datasets does not grow
// with their number, nor that of a listing with its square.
func TestMemoryMany(t *testing.T) {
	m, _ := newTestMemory(t, nil)
	const many = 1000
	if err := m.Create(bg, "p/j", CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for i := range many {
		if err := m.Create(bg, fmt.Sprintf("p/j/%d", i), CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Now()
	found, err := m.List(bg, "p", ListOptions{Properties: []string{"org:x", "compression"}})
	if took := time.Since(begin); err != nil || len(found) != many+2 || took > 2*time.Second {
		t.Errorf("listed %d in %v, %v", len(found), took, err)
	}
	begin = time.Now()
	for i := range many {
		if _, err := m.Get(bg, fmt.Sprintf("p/j/%d", i), GetOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("got each of %d in %v", many, took)
	}
}
