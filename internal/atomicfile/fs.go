package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
)

// fileSystem has the operations of a replacement. Tests implement it to stop at any
// of them.
type fileSystem interface {
	// Lstat does not follow symbolic links.
	Lstat(name string) (fs.FileInfo, error)
	// Create creates a new file, mode 0600; fs.ErrExist if the name is taken.
	Create(name string) (tempFile, error)
	// Rename replaces newname atomically.
	Rename(oldname, newname string) error
	Remove(name string) error
	// SyncDir flushes a directory's entries.
	SyncDir(name string) error
}

// tempFile is a file being written.
type tempFile interface {
	Write(p []byte) (int, error)
	// ChownLike sets the owner and group of info, if they differ.
	ChownLike(info fs.FileInfo) error
	Chmod(mode fs.FileMode) error
	Sync() error
	Close() error
}

// system is the operating system's file system.
type system struct{}

func (system) Lstat(name string) (fs.FileInfo, error) { return os.Lstat(name) }

// Create opens with O_EXCL, which does not follow a symbolic link.
func (system) Create(name string) (tempFile, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (system) Rename(oldname, newname string) error { return os.Rename(oldname, newname) }

func (system) Remove(name string) error { return os.Remove(name) }

func (system) SyncDir(name string) error { return SyncDir(name) }

// SyncDir flushes a directory's entries, so that a file created, renamed or
// removed there stays so after a power loss, fsync(2). Windows cannot flush a
// directory and journals renames itself.
func SyncDir(name string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

type osFile struct{ *os.File }
