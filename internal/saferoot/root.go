package saferoot

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
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

	mu     sync.RWMutex // held for reading during a call, so that Close waits
	top    dir
	device uint64
	closed bool
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
	top, err := openTop(abs)
	if err != nil {
		if fi, statErr := os.Lstat(abs); statErr == nil && fi.Mode().Type() == fs.ModeSymlink {
			return nil, &EscapeError{Path: abs, Component: abs, Reason: ReasonSymlink, Err: err}
		}
		return nil, &fs.PathError{Op: "open", Path: abs, Err: err}
	}
	info, err := top.lstat(".")
	if err != nil {
		_ = top.close()
		return nil, &fs.PathError{Op: "fstat", Path: abs, Err: err}
	}
	return &Root{path: abs, options: o, top: top, device: info.Dev}, nil
}

// Path returns the absolute path that the root was opened by.
func (r *Root) Path() string { return r.path }

// Close closes the root directory, after waiting for running calls.
// It must happen before a process attaches to a jail: jail_attach(2) fails with
// EPERM while a directory is open. Later calls return fs.ErrClosed.
func (r *Root) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return fs.ErrClosed
	}
	r.closed = true
	return r.top.close()
}
