package archive

import (
	"cmp"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// finish sets the owners, modes and times of directories, the deepest first: a
// read-only directory must not prevent writes below it, and writing below a
// directory changes its time.
func (w *writer) finish() error {
	w.forget()
	deepest := func(a, b string) int { return cmp.Or(cmp.Compare(depth(b), depth(a)), cmp.Compare(a, b)) }
	for _, name := range slices.SortedFunc(maps.Keys(w.dirs), deepest) {
		if err := w.attributes(name, w.dirs[name]); err != nil {
			return fail(name, err)
		}
	}
	return nil
}

func depth(name string) int {
	if name == "." {
		return 0
	}
	return 1 + strings.Count(name, "/")
}

// attributes sets the attributes of an open directory. It checks that this is the one
// that Lstat found, so that nothing put in its place is changed.
func (w *writer) attributes(name string, a attributes) error {
	if at, err := parents(diskTree{w.root}, name); err != nil {
		return &MemberError{Name: name, Reason: at, Err: err}
	}
	seen, err := w.root.Lstat(name)
	if err != nil {
		return err
	}
	if !seen.IsDir() {
		return errNotDir(name)
	}
	dir, err := w.root.Open(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	if fi, err := dir.Stat(); err != nil {
		return err
	} else if !os.SameFile(fi, seen) {
		return errNotDir(name)
	}
	if w.owner {
		if err := dir.Chown(a.uid, a.gid); err != nil {
			return err
		}
	}
	// Times before the mode: without search permission a path to it fails.
	if err := w.root.Chtimes(path.Clean(name), time.Time{}, a.mtime); err != nil {
		return err
	}
	return dir.Chmod(a.mode)
}
