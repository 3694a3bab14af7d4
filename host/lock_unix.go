//go:build unix

package host

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/libioc/go-libioc/internal/atomicfile"
)

// createLock opens a lock file, and creates it if it is missing.
var createLock = func(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
}

// tryLock locks the file, below the directory top, without waiting; nil means that
// another process has it. A file that was removed while it was being locked is tried
// again.
func tryLock(top, path string) (*os.File, error) {
	for {
		file, err := createLock(path)
		if atomicfile.NoSpace(err) || errors.Is(err, fs.ErrNotExist) { // nor has its directory been made
			return lockWithoutFile(top, path)
		}
		if err != nil {
			return nil, err
		}
		if free, err := flock(file, unix.LOCK_EX); err != nil || !free {
			return nil, errors.Join(err, file.Close())
		}
		mine, err1 := file.Stat()
		there, err2 := os.Stat(path)
		if err1 == nil && err2 == nil && os.SameFile(mine, there) {
			if free, err := withFile(top); err != nil || !free {
				unlockFile(file)
				return nil, err
			}
			return file, nil
		}
		file.Close()
	}
}

// lockWithoutFile locks what a full disk gives no file: what takes a jail away is what
// makes space. It takes the directory of all locks, so that there is one such lock at a
// time, and nobody may have the file.
func lockWithoutFile(top, path string) (*os.File, error) {
	dir, err := os.Open(top)
	if err != nil {
		return nil, err
	}
	free, err := flock(dir, unix.LOCK_EX)
	if err == nil && free {
		if _, err = os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			return dir, nil
		}
	}
	return nil, errors.Join(err, dir.Close())
}

// withFile reports whether nobody has a lock without a file. The caller has its own
// file by then, which lockWithoutFile sees, so that one of the two gives way.
func withFile(top string) (bool, error) {
	dir, err := os.Open(top)
	if err != nil {
		return false, err
	}
	free, err := flock(dir, unix.LOCK_SH)
	return free, errors.Join(err, dir.Close())
}

// flock locks an open file without waiting, and reports whether it was free.
func flock(file *os.File, how int) (free bool, err error) {
	err = unix.Flock(int(file.Fd()), how|unix.LOCK_NB)
	switch {
	case errors.Is(err, unix.EWOULDBLOCK):
		return false, nil
	case err != nil:
		return false, &os.PathError{Op: "flock", Path: file.Name(), Err: err}
	}
	return true, nil
}

// unlockFile removes the file before unlocking it, so that none are left over;
// tryLock detects that.
func unlockFile(file *os.File) {
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
		os.Remove(file.Name())
	}
	file.Close()
}
