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

// Options determine which paths a Root rejects.
type Options struct {
	// SameDevice rejects paths from the root's file system into another one. File
	// systems are compared by st_dev, which detects a nullfs, devfs or dataset of
	// FreeBSD mounted below the root, but not a Linux bind mount of the same file
	// system. It has no effect on systems without openat(2).
	SameDevice bool
	// Devices are other file systems (st_dev) that SameDevice permits: those that
	// the caller has mounted itself.
	Devices []uint64
}

// Root is an open root directory. Its methods are safe for concurrent use.
type Root struct {
	path    string
	options Options

	mu sync.RWMutex // held for reading during a call, so that Close waits
	platform
}

// Open opens a jail's root directory with the zero Options.
func Open(root string) (*Root, error) { return Options{}.Open(root) }

// Open opens a jail's root directory. Symbolic links in the directories above
// it are the host's own and are resolved; root itself must be a directory, since it
// may be in a directory that a jail can write to. Errors are
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

// Close closes the root directory, after waiting for running calls.
// It must happen before a process attaches to a jail: jail_attach(2) fails with
// EPERM while a directory is open. Later calls return fs.ErrClosed.
func (r *Root) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.close()
}

// Lstat describes a file or link. The directories above it must not be links.
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

// MkdirAll creates a directory and missing parents, with permissions perm minus the
// umask. It returns the directories that it created, outermost first, even if it
// fails, for RemoveEmptyDirs. A link, file or device in the way is an *EscapeError.
func (r *Root) MkdirAll(rel string, perm fs.FileMode) (created []string, err error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	parts, err := split(rel)
	if err != nil {
		return nil, err
	}
	return r.mkdirAll(rel, parts, perm)
}

// OpenFile opens a regular file with the flags of os.OpenFile; perm applies to
// os.O_CREATE, minus the umask. Anything but a regular file is an *EscapeError; it
// is not waited for or truncated. The caller closes the file.
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
// ErrTooLarge, so that a jail cannot exhaust the host's memory.
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

// WriteFile replaces a file's content atomically: it writes, syncs and renames a
// temporary file in the same directory, and syncs the directory. An existing
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
// the last one first. Missing or nonempty directories are skipped without an error.
// It tries all and joins the errors.
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

// MountPoint checks that rel can be mounted on: every component is a real
// directory, or the last one a regular file, and the root is still the directory at
// its path. It returns the absolute path for nmount(2), which does not accept a
// descriptor.
//
// The result is valid while nobody inside the jail can change the path. For a jail
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
