package simzfs

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/libioc/go-libioc/zfsstore"
)

// The files of a simulated dataset are real ones, which anybody can write. So that tests
// find who writes to a dataset with readonly=on, as the real ZFS would refuse, it is
// compared with what it was when it became so.

// Written names the datasets whose files have changed while they had readonly=on of their
// own, in the life of this Store or since.
func (z *Store) Written() []string {
	z.mu.Lock()
	defer z.mu.Unlock()
	names := slices.Clone(z.written)
	for _, d := range z.state.datasets {
		if d.ReadOnly != "" && d.ReadOnly != z.filesOf(d) {
			names = append(names, d.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// watched is a change of properties that looks at readonly before and after.
func (c *change) watched(d *dataset, changing func()) func() {
	if d.Type != zfsstore.Filesystem {
		return changing
	}
	return func() {
		changing()
		value := d.Local["readonly"]
		switch {
		case value == "on" && d.ReadOnly == "":
			d.ReadOnly = c.z.filesOf(d)
		case value != "on" && d.ReadOnly != "":
			if d.ReadOnly != c.z.filesOf(d) {
				c.z.written = append(c.z.written, d.Name)
			}
			d.ReadOnly = ""
		}
	}
}

// filesOf is a digest of the names, kinds, sizes and times of a file system's own files.
func (z *Store) filesOf(d *dataset) string {
	sum := sha256.New()
	root := z.place(d)
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // it is gone, which the digest shows
		}
		if entry.IsDir() && (path == filepath.Join(root, ".zfs") || path != root && z.covers(path)) {
			return filepath.SkipDir
		}
		info, err := entry.Info()
		if err != nil {
			return nil //nolint:nilerr // as above
		}
		fmt.Fprintln(sum, path[len(root):], info.Mode())
		if info.Mode().IsRegular() {
			fmt.Fprintln(sum, info.Size(), info.ModTime().UnixNano())
		}
		return nil
	})
	return fmt.Sprintf("%x", sum.Sum(nil)[:8])
}

// covers reports whether another dataset is mounted at the path.
func (z *Store) covers(path string) bool {
	for _, d := range z.state.mounts {
		if d.MountedAt == path {
			return true
		}
	}
	return false
}
