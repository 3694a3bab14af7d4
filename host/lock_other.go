//go:build !unix

package host

import (
	"errors"
	"io/fs"
	"os"
)

// tryLock makes the file, which only one process can; nil means that another
// has it. Systems without flock(2) run simulated hosts only, so a lock file
// left by a killed process is no more than a file to delete.
func tryLock(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return nil, nil
	}
	return file, err
}

func unlockFile(file *os.File) {
	file.Close()
	os.Remove(file.Name())
}
