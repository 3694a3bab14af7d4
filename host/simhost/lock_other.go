//go:build !unix

package simhost

import "os"

// lockDir opens the lock file. Without flock(2) nothing keeps a second process
// away.
func lockDir(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
}

func unlockDir(file *os.File) error { return file.Close() }
