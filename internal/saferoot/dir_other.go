//go:build osroot || !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package saferoot

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"
)

// dir is a directory below an os.Root. Its methods take names of files in it,
// and return errors of the system.
type dir struct {
	root *os.Root
	path string // "." for the root's own
}

// localName reports whether name is a plain name on this system, not a drive or a
// reserved device of Windows.
func localName(name string) bool {
	return filepath.IsLocal(name) && filepath.Base(name) == name
}

func openTop(path string) (dir, error) {
	fi, err := os.Lstat(path)
	if err == nil && !fi.IsDir() {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return dir{}, bare(err)
	}
	root, err := os.OpenRoot(path)
	return dir{root, "."}, bare(err)
}

func (d dir) close() error {
	if d.path != "." {
		return nil
	}
	return d.root.Close()
}

// isAt reports whether path leads to this directory.
func (d dir) isAt(path string) (bool, error) {
	there, err := os.Lstat(path)
	if err != nil {
		return false, err
	}
	here, err := d.root.Stat(d.path)
	return err == nil && os.SameFile(here, there), err
}

func (d dir) enter(name string) (dir, error) {
	info, err := d.lstat(name)
	if err == nil && !info.IsDir() {
		err = syscall.ENOTDIR
	}
	return dir{d.root, path.Join(d.path, name)}, err
}

// list opens the directory for reading its names.
func (d dir) list() (*os.File, error) {
	f, err := d.root.Open(d.path)
	return f, bare(err)
}

func (d dir) lstat(name string) (Info, error) {
	fi, err := d.root.Lstat(path.Join(d.path, name))
	if err != nil {
		return Info{}, bare(err)
	}
	return infoOf(name, fi), nil
}

func (d dir) mkdir(name string, perm fs.FileMode) error {
	return bare(d.root.Mkdir(path.Join(d.path, name), perm.Perm()))
}

func (d dir) open(name string, flags int, perm fs.FileMode) (*os.File, error) {
	f, err := d.root.OpenFile(path.Join(d.path, name), flags, perm.Perm())
	return f, bare(err)
}

func (d dir) rename(from, to string) error {
	return bare(d.root.Rename(path.Join(d.path, from), path.Join(d.path, to)))
}

func (d dir) remove(name string, _ bool) error {
	return bare(d.root.Remove(path.Join(d.path, name)))
}

// sync does nothing: Windows cannot flush a directory.
func (d dir) sync() error { return nil }

// bare returns an error without its path.
func bare(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}

// replaced reports whether os.Root rejected something that became a link after
// it was examined, with an error that is not an errno.
func replaced(err error) bool {
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrClosed)
	}
	return errno == syscall.ENOTDIR
}

func statFile(f *os.File) (Info, error) {
	fi, err := f.Stat()
	if err != nil {
		return Info{}, err
	}
	return infoOf(fi.Name(), fi), nil
}

func infoOf(name string, fi fs.FileInfo) Info {
	return Info{Name: name, Mode: fi.Mode(), Size: fi.Size(), ModTime: fi.ModTime()}
}
