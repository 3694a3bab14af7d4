//go:build linux || freebsd || darwin || netbsd || openbsd || dragonfly

package simzfs

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// fileID identifies a file.
type fileID struct{ dev, ino uint64 }

// linkID returns the identity of a file that has several names.
func linkID(info fs.FileInfo) (fileID, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Nlink < 2 {
		return fileID{}, false
	}
	return fileID{dev: uint64(st.Dev), ino: uint64(st.Ino)}, true
}

// keepOwner changes the owner of path to the original's, if permitted.
func keepOwner(path string, info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	err := os.Lchown(path, int(st.Uid), int(st.Gid))
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}

func makePipe(path string) error { return syscall.Mkfifo(path, 0o600) }
