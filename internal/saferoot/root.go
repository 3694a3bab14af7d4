package saferoot

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// Options say how strict a Root is.
type Options struct {
	// SameDevice refuses to cross from the root's file system to another one.
	// File systems are told apart by st_dev, so a nullfs, devfs or dataset of
	// FreeBSD mounted below the root is seen. Linux bind mounts of one file
	// system are not. It has no effect on systems without openat(2).
	SameDevice bool
	// Devices are further file systems (st_dev) that SameDevice lets pass: those
	// which the caller has mounted itself.
	Devices []uint64
}

// Root is an open root directory. Its methods may be called from several
// goroutines at once.
type Root struct {
	path    string
	options Options

	mu sync.RWMutex // held for reading during a call, so that Close waits
	platform
}

// Open opens a jail's root directory with the zero Options.
func Open(root string) (*Root, error) { return Options{}.Open(root) }

// Open opens a jail's root directory. Symbolic links in the directories above
// it are the host's own and are resolved; root itself must be a directory, for
// its name may lie in a directory that a jail can write to. Errors are
// *EscapeError for a link, and *fs.PathError with the errno.
func (o Options) Open(root string) (*Root, error) {
	abs, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("saferoot: %w", err)
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(abs))
	if err != nil {
		return nil, fmt.Errorf("saferoot: %w", err)
	}
	if filepath.Dir(abs) != abs {
		abs = filepath.Join(parent, filepath.Base(abs))
	}
	r := &Root{path: abs, options: o}
	if err := r.open(); err != nil {
		return nil, err
	}
	return r, nil
}

// Path returns the root's absolute path, without symbolic links.
func (r *Root) Path() string { return r.path }

// Close closes the root directory, after waiting for calls that are under way.
// It must happen before a process attaches to a jail: jail_attach(2) fails with
// EPERM while a directory is open. Later calls return fs.ErrClosed.
func (r *Root) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.close()
}

// Lstat describes a file or link. The directories above it must be no links.
// Errors are *EscapeError and *fs.PathError (fs.ErrNotExist).
func (r *Root) Lstat(rel string) (Info, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	parts, err := split(rel)
	if err != nil {
		return Info{}, err
	}
	return r.lstat(rel, parts)
}

// MkdirAll makes a directory and the missing ones above it, with permissions
// perm minus the umask. It returns those it made, outermost first, also when it
// fails on the way, for RemoveEmptyDirs. A link, file or device in the way is an
// *EscapeError.
func (r *Root) MkdirAll(rel string, perm fs.FileMode) (created []string, err error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	parts, err := split(rel)
	if err != nil {
		return nil, err
	}
	return r.mkdirAll(rel, parts, perm)
}

// OpenFile opens a regular file with the flags of os.OpenFile; perm counts for
// os.O_CREATE, minus the umask. Anything but a regular file is an *EscapeError,
// and has neither been waited for nor truncated. The caller closes the file.
func (r *Root) OpenFile(rel string, flags int, perm fs.FileMode) (*os.File, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	dirs, base, err := splitFile(rel)
	if err != nil {
		return nil, err
	}
	return r.openFile(rel, dirs, base, flags, perm)
}

// ReadFile reads a regular file of at most limit bytes; a larger one is
// ErrTooLarge, so that a jail cannot make the host read without end.
func (r *Root) ReadFile(rel string, limit int64) ([]byte, error) {
	f, err := r.OpenFile(rel, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit))
	if err != nil {
		return nil, err
	}
	if n, err := f.Read(make([]byte, 1)); n > 0 {
		return nil, &fs.PathError{Op: "read", Path: rel, Err: ErrTooLarge}
	} else if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return data, nil
}

// WriteFile replaces a file's content, all or nothing: a temporary file beside
// it is written, synced and renamed, and the directory synced. An existing
// regular file keeps its mode and owner, a new one gets perm exactly; its
// directory must exist. A link or anything else in its place is an *EscapeError.
func (r *Root) WriteFile(rel string, data []byte, perm fs.FileMode) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	dirs, base, err := splitFile(rel)
	if err != nil {
		return err
	}
	return r.writeFile(rel, dirs, base, data, perm)
}

// Remove removes a file, an empty directory, or a symbolic link itself. Errors
// are *EscapeError and *fs.PathError.
func (r *Root) Remove(rel string) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	dirs, base, err := splitFile(rel)
	if err != nil {
		return err
	}
	return r.remove(rel, dirs, base, false)
}

// RemoveEmptyDirs undoes MkdirAll: it removes the directories that are empty,
// the last one first. Those which are gone or in use by now are left alone
// without an error. All are tried, and the errors joined.
func (r *Root) RemoveEmptyDirs(created []string) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var errs []error
	for i := len(created) - 1; i >= 0; i-- {
		dirs, base, err := splitFile(created[i])
		if err == nil {
			err = r.remove(created[i], dirs, base, true)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTEMPTY) && !errors.Is(err, fs.ErrExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// MountPoint proves that something may be mounted on rel: every component is a
// real directory, or the last one a regular file, and the root is still the
// directory at its path. It returns the absolute path for nmount(2), which
// takes no descriptor.
//
// The proof holds while nobody inside the jail can change the path. For a jail
// with processes, compare f_mntonname of getfsstat(2) with the path after the
// mount, and undo the mount if they differ.
func (r *Root) MountPoint(rel string) (abs string, err error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	parts, err := split(rel)
	if err != nil {
		return "", err
	}
	info, err := r.lstat(rel, parts)
	if err != nil {
		return "", err
	}
	if !info.IsDir() && !info.IsRegular() {
		return "", &EscapeError{Path: rel, Component: join(parts), Reason: leafReason(info.Mode)}
	}
	if err := r.sameRoot(rel); err != nil {
		return "", err
	}
	return filepath.Join(r.path, filepath.FromSlash(join(parts))), nil
}
