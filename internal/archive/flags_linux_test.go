package archive_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// immutableFlag is FS_IMMUTABLE_FL of <linux/fs.h>.
const immutableFlag = 0x10

// fileFlags reads the inode flags of chattr(1); bsdtar(1) maps schg to
// "immutable" on Linux.
func fileFlags(path string) (flags uint32, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	err = ioctl(f, unix.FS_IOC_GETFLAGS, &flags)
	return flags, err
}

func ioctl(f *os.File, req uintptr, flags *uint32) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), req, uintptr(unsafe.Pointer(flags))); errno != 0 {
		return errno
	}
	return nil
}

func immutable(path string) (bool, error) {
	flags, err := fileFlags(path)
	return flags&immutableFlag != 0, err
}

func clearFlags(t testing.TB, root string) {
	filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		flags, err := fileFlags(path)
		if err != nil || flags&immutableFlag == 0 {
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			t.Error(err)
			return nil
		}
		defer f.Close()
		flags &^= immutableFlag
		if err := ioctl(f, unix.FS_IOC_SETFLAGS, &flags); err != nil {
			t.Error(err)
		}
		return nil
	})
}
