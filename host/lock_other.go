//go:build !unix

package host

import (
	"errors"
	"io/fs"
	"os"
)

// tryLock creates the file, which only one process can; nil means that another has.
// Systems without flock(2) run simulated hosts only; a lock file that a killed
// process left is to be deleted by hand.
func tryLock(_, path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, nil
	}
	return file, err
}

func unlockFile(file *os.File) {
	file.Close()
	os.Remove(file.Name())
}
