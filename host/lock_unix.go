//go:build unix

package host

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// tryLock locks the file without waiting; nil means that another process has
// it. A file that was removed while it was being locked is tried again.
func tryLock(path string) (*os.File, error) {
	for {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, file.Close()
		}
		if err != nil {
			file.Close()
			return nil, &os.PathError{Op: "flock", Path: path, Err: err}
		}
		mine, err1 := file.Stat()
		there, err2 := os.Stat(path)
		if err1 == nil && err2 == nil && os.SameFile(mine, there) {
			return file, nil
		}
		file.Close()
	}
}

// unlockFile removes the file before unlocking it, so that none are left over;
// tryLock detects that.
func unlockFile(file *os.File) {
	os.Remove(file.Name())
	file.Close()
}
