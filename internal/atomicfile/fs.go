package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
)

// FS is what a replacement needs of a file system. Tests implement it to stop
// at any operation.
type FS interface {
	// Lstat does not follow symbolic links.
	Lstat(name string) (fs.FileInfo, error)
	// Create makes a new file, mode 0600; fs.ErrExist if the name is taken.
	Create(name string) (File, error)
	// Rename replaces newname in one step.
	Rename(oldname, newname string) error
	Remove(name string) error
	// SyncDir flushes a directory's entries.
	SyncDir(name string) error
}

// File is a file being written.
type File interface {
	Write(p []byte) (int, error)
	// ChownLike takes the owner and group of info, where they differ.
	ChownLike(info fs.FileInfo) error
	Chmod(mode fs.FileMode) error
	Sync() error
	Close() error
}

// OS is the operating system's file system.
type OS struct{}

// Lstat is os.Lstat.
func (OS) Lstat(name string) (fs.FileInfo, error) { return os.Lstat(name) }

// Create opens with O_EXCL, which does not follow a symbolic link.
func (OS) Create(name string) (File, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Rename is os.Rename.
func (OS) Rename(oldname, newname string) error { return os.Rename(oldname, newname) }

// Remove is os.Remove.
func (OS) Remove(name string) error { return os.Remove(name) }

// SyncDir is the function of that name.
func (OS) SyncDir(name string) error { return SyncDir(name) }

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
