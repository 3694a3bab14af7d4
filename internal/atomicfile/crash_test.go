package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// disk is a file system that can stop at any operation and lose what was not
// flushed. It keeps what a running system sees and what is on the disk apart:
// file contents reach the disk by Sync, names by SyncDir. Since a system may
// also write earlier than asked, lose enumerates every state that can be found
// after a power loss.
type disk struct {
	live    map[string]*inode // names as the running system sees them
	durable map[string]*inode // names that SyncDir has made safe
	pending []func(map[string]*inode)
	left    int  // operations until the stop; negative for none
	broken  bool // the stop is an error instead of a power loss
	ops     []string
}

type inode struct {
	data, safe []byte // as seen, as flushed
	mode       fs.FileMode
	owner      int
	flushed    bool
}

var errStop = errors.New("stopped")

func (d *disk) op(format string, args ...any) error {
	if d.left == 0 {
		if d.broken {
			d.left = -1 // one failure, then the system goes on
		}
		return errStop
	}
	d.left--
	d.ops = append(d.ops, fmt.Sprintf(format, args...))
	return nil
}

func (d *disk) Lstat(name string) (fs.FileInfo, error) {
	if err := d.op("lstat"); err != nil {
		return nil, err
	}
	n, ok := d.live[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return info{n}, nil
}

func (d *disk) Create(name string) (tempFile, error) {
	if err := d.op("create"); err != nil {
		return nil, err
	}
	if _, ok := d.live[name]; ok {
		return nil, fs.ErrExist
	}
	n := &inode{mode: 0o600, owner: 1}
	d.live[name] = n
	d.pending = append(d.pending, func(names map[string]*inode) { names[name] = n })
	return &diskFile{d, n}, nil
}

func (d *disk) Rename(oldname, newname string) error {
	if err := d.op("rename"); err != nil {
		return err
	}
	n := d.live[oldname]
	d.live[newname] = n
	delete(d.live, oldname)
	d.pending = append(d.pending, func(names map[string]*inode) { names[newname] = n; delete(names, oldname) })
	return nil
}

func (d *disk) Remove(name string) error {
	if err := d.op("remove"); err != nil {
		return err
	}
	delete(d.live, name)
	d.pending = append(d.pending, func(names map[string]*inode) { delete(names, name) })
	return nil
}

func (d *disk) SyncDir(string) error {
	if err := d.op("syncdir"); err != nil {
		return err
	}
	d.durable, d.pending = maps.Clone(d.live), nil
	return nil
}

type diskFile struct {
	d *disk
	n *inode
}

func (f *diskFile) Write(p []byte) (int, error) {
	// A write may stop half way: two operations.
	half := len(p) / 2
	for _, piece := range [][]byte{p[:half], p[half:]} {
		if err := f.d.op("write"); err != nil {
			return 0, err
		}
		f.n.data = append(f.n.data, piece...)
	}
	return len(p), nil
}

func (f *diskFile) ChownLike(i fs.FileInfo) error {
	if err := f.d.op("chown"); err != nil {
		return err
	}
	f.n.owner = i.(info).n.owner
	return nil
}

func (f *diskFile) Chmod(mode fs.FileMode) error {
	if err := f.d.op("chmod"); err != nil {
		return err
	}
	f.n.mode = mode
	return nil
}

func (f *diskFile) Sync() error {
	if err := f.d.op("fsync"); err != nil {
		return err
	}
	f.n.safe, f.n.flushed = append([]byte(nil), f.n.data...), true
	return nil
}

func (f *diskFile) Close() error { return f.d.op("close") }

// lose lists the contents that path can have after a power loss: any number of
// the unflushed changes of names may have reached the disk, in order, and of a
// file that was not flushed any beginning.
func (d *disk) lose(path string) map[string]bool {
	found := make(map[string]bool)
	names := maps.Clone(d.durable)
	for n := 0; ; n++ {
		if node, ok := names[path]; !ok {
			found["<missing>"] = true
		} else if node.flushed {
			found[string(node.safe)] = true
		} else {
			for i := range len(node.data) + 1 {
				found[string(node.data[:i])] = true
			}
		}
		if n == len(d.pending) {
			return found
		}
		d.pending[n](names)
	}
}

type info struct{ n *inode }

func (i info) Name() string       { return "" }
func (i info) Size() int64        { return int64(len(i.n.data)) }
func (i info) Mode() fs.FileMode  { return i.n.mode }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return false }
func (i info) Sys() any           { return nil }

const (
	oldText = "the old configuration"
	newText = "the new configuration, which is longer"
)

func newDisk(exists bool) (*disk, string) {
	path := filepath.Join("jail", "config.json")
	d := &disk{live: map[string]*inode{}, left: -1}
	if exists {
		d.live[path] = &inode{data: []byte(oldText), safe: []byte(oldText), flushed: true, mode: 0o640, owner: 7}
	}
	d.durable = maps.Clone(d.live)
	return d, path
}

// TestPowerLoss stops a save before each of its operations.
func TestPowerLoss(t *testing.T) {
	for _, exists := range []bool{true, false} {
		before := oldText
		if !exists {
			before = "<missing>"
		}
		d, path := newDisk(exists)
		if err := writeTo(d, path, []byte(newText), 0o644); err != nil {
			t.Fatal(err)
		}
		ops := d.ops
		if got := d.lose(path); len(got) != 1 || !got[newText] {
			t.Errorf("after the save: %v", got)
		}
		if n := d.live[path]; exists && (n.mode != 0o640 || n.owner != 7) || !exists && n.mode != 0o644 {
			t.Errorf("mode %v, owner %d", n.mode, n.owner)
		}
		t.Logf("operations: %s", strings.Join(ops, " "))
		for stop := range len(ops) {
			d, path := newDisk(exists)
			d.left = stop
			if err := writeTo(d, path, []byte(newText), 0o644); !errors.Is(err, errStop) {
				t.Fatalf("stop at %d (%s): %v", stop, ops[stop], err)
			}
			for content := range d.lose(path) {
				if content != before && content != newText {
					t.Errorf("stop at %d (%s): %q", stop, ops[stop], content)
				}
			}
			if n, ok := d.live[path]; ok && string(n.data) != before && string(n.data) != newText {
				t.Errorf("stop at %d (%s): a reader sees %q", stop, ops[stop], n.data)
			}
		}
	}
}

// TestFailure lets each operation fail once: nothing is left behind.
func TestFailure(t *testing.T) {
	d, path := newDisk(true)
	if err := writeTo(d, path, []byte(newText), 0o644); err != nil {
		t.Fatal(err)
	}
	for stop, op := range d.ops {
		d, path := newDisk(true)
		d.left, d.broken = stop, true
		if err := writeTo(d, path, []byte(newText), 0o644); !errors.Is(err, errStop) {
			t.Fatalf("failure of %s: %v", op, err)
		}
		want := oldText
		if op == "syncdir" {
			want = newText
		}
		if len(d.live) != 1 || string(d.live[path].data) != want {
			t.Errorf("failure of %s: %d files, content %q", op, len(d.live), d.live[path].data)
		}
	}
}

// TestCrashTestFinds shows that the disk catches the two classic mistakes.
func TestCrashTestFinds(t *testing.T) {
	d, path := newDisk(true)
	temp := path + ".tmp"
	f, err := d.Create(temp)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte(newText)); err != nil {
		t.Fatal(err)
	}
	if err := d.Rename(temp, path); err != nil {
		t.Fatal(err)
	}
	if got := d.lose(path); !got[""] {
		t.Errorf("rename without fsync: an empty file was not found in %v", got)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if got := d.lose(path); !got[oldText] {
		t.Errorf("rename without a flush of the directory: the old file was not found in %v", got)
	}
}
