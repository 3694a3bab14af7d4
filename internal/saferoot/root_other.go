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

// platform is the part of a Root that depends on the system.
type platform struct {
	root *os.Root
	self fs.FileInfo
}

// localName reports whether name is a plain name on this system, not a drive or a
// reserved device of Windows.
func localName(name string) bool {
	return filepath.IsLocal(name) && filepath.Base(name) == name
}

func (r *Root) open() error {
	self, err := os.Lstat(r.path)
	if err != nil {
		return err
	}
	switch {
	case self.Mode().Type() == fs.ModeSymlink:
		return &EscapeError{Path: r.path, Component: r.path, Reason: ReasonSymlink}
	case !self.IsDir():
		return &fs.PathError{Op: "open", Path: r.path, Err: syscall.ENOTDIR}
	}
	root, err := os.OpenRoot(r.path)
	if err != nil {
		return err
	}
	r.root, r.self = root, self
	return nil
}

func (r *Root) close() error {
	if r.root == nil {
		return fs.ErrClosed
	}
	err := r.root.Close()
	r.root = nil
	return err
}

// walk checks that each of parts is a directory.
func (r *Root) walk(rel string, parts []string) error {
	if r.root == nil {
		return &fs.PathError{Op: "open", Path: rel, Err: fs.ErrClosed}
	}
	for i := range parts {
		fi, err := r.root.Lstat(join(parts[:i+1]))
		switch {
		case err != nil:
			return err
		case fi.Mode().Type() == fs.ModeSymlink:
			return &EscapeError{Path: rel, Component: join(parts[:i+1]), Reason: ReasonSymlink}
		case !fi.IsDir():
			return &EscapeError{Path: rel, Component: join(parts[:i+1]), Reason: ReasonNotDir, Err: syscall.ENOTDIR}
		}
	}
	return nil
}

// openDir opens a directory for reading its names.
func (r *Root) openDir(rel string, parts []string) (*os.File, error) {
	if err := r.walk(rel, parts); err != nil {
		return nil, raced(rel, err)
	}
	f, err := r.root.Open(join(parts))
	return f, raced(rel, err)
}

func (r *Root) lstat(rel string, parts []string) (info Info, err error) {
	defer func() { err = raced(rel, err) }()
	if err := r.walk(rel, parts[:max(len(parts)-1, 0)]); err != nil {
		return Info{}, err
	}
	fi, err := r.root.Lstat(join(parts))
	if err != nil {
		return Info{}, err
	}
	return Info{Name: path.Base(join(parts)), Mode: fi.Mode(), Size: fi.Size(), ModTime: fi.ModTime()}, nil
}

func (r *Root) sameRoot(rel string) error {
	fi, err := os.Lstat(r.path)
	if err != nil || !os.SameFile(fi, r.self) {
		return &EscapeError{Path: rel, Component: r.path, Reason: ReasonRootChanged, Err: err}
	}
	return nil
}

func (r *Root) mkdirAll(rel string, parts []string, perm fs.FileMode) (created []string, err error) {
	defer func() { err = raced(rel, err) }()
	for i := range parts {
		name := join(parts[:i+1])
		err := r.walk(rel, parts[:i+1])
		if errors.Is(err, fs.ErrNotExist) {
			if err = r.root.Mkdir(name, perm); err == nil {
				created = append(created, name)
			} else if errors.Is(err, fs.ErrExist) {
				err = r.walk(rel, parts[:i+1])
			}
		}
		if err != nil {
			return created, err
		}
	}
	return created, r.walk(rel, nil)
}

// raced turns errors of os.Root into an EscapeError. os.Root rejects only what
// became a link after it was examined, with an error that is not an errno.
func raced(rel string, err error) error {
	var escape *EscapeError
	var pathErr *fs.PathError
	var errno syscall.Errno
	if errors.As(err, &escape) || !errors.As(err, &pathErr) || errors.Is(err, fs.ErrNotExist) ||
		errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrClosed) {
		return err
	}
	if errors.As(err, &errno) && errno != syscall.ENOTDIR {
		return err
	}
	return &EscapeError{Path: rel, Component: pathErr.Path, Reason: ReasonReplaced, Err: err}
}

// leaf returns information on the file at rel, if any, and rejects all but regular
// files.
func (r *Root) leaf(rel string, dirs []string, base string) (name string, fi fs.FileInfo, err error) {
	if err := r.walk(rel, dirs); err != nil {
		return "", nil, err
	}
	name = join(append(dirs[:len(dirs):len(dirs)], base))
	fi, err = r.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return name, nil, nil
	}
	if err == nil && !fi.Mode().IsRegular() {
		err = &EscapeError{Path: rel, Component: name, Reason: leafReason(fi.Mode())}
	}
	return name, fi, err
}

func (r *Root) openFile(rel string, dirs []string, base string, flags int, perm fs.FileMode) (f *os.File, err error) {
	defer func() { err = raced(rel, err) }()
	name, _, err := r.leaf(rel, dirs, base)
	if err != nil {
		return nil, err
	}
	f, err = r.root.OpenFile(name, flags&^os.O_TRUNC, perm)
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = &EscapeError{Path: rel, Component: name, Reason: ReasonReplaced}
	}
	if err == nil && flags&os.O_TRUNC != 0 {
		err = f.Truncate(0)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

func (r *Root) writeFile(rel string, dirs []string, base string, data []byte, perm fs.FileMode) (err error) {
	defer func() { err = raced(rel, err) }()
	name, old, err := r.leaf(rel, dirs, base)
	if err != nil {
		return err
	}
	if old != nil {
		perm = old.Mode()
	}
	temp := join(append(dirs[:len(dirs):len(dirs)], tempName()))
	f, err := r.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = r.root.Chmod(temp, perm)
	}
	if err == nil {
		err = r.root.Rename(temp, name)
	}
	if err != nil {
		_ = r.root.Remove(temp) // the first error is the one to report
	}
	return err
}

func (r *Root) remove(rel string, dirs []string, base string, onlyDir bool) (err error) {
	defer func() { err = raced(rel, err) }()
	if err := r.walk(rel, dirs); err != nil {
		return err
	}
	name := join(append(dirs[:len(dirs):len(dirs)], base))
	if onlyDir {
		if err := r.walk(rel, append(dirs[:len(dirs):len(dirs)], base)); err != nil {
			return err
		}
	}
	return r.root.Remove(name)
}
