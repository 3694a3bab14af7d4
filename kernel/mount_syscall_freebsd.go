//go:build amd64 || arm64 || riscv64

package kernel

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// getfsstatCall is getfsstat(2); a nil buffer asks for the number of mounts.
func getfsstatCall(buf []byte) (int, syscall.Errno) {
	n, errno := retry(func() (uintptr, syscall.Errno) {
		r, _, errno := unix.Syscall(unix.SYS_GETFSSTAT, uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), mntNoWait)
		return r, errno
	})
	return int(n), errno
}

func statfsCall(path string) (Mounted, syscall.Errno) {
	p, err := unix.BytePtrFromString(path)
	if err != nil {
		return Mounted{}, syscall.EINVAL
	}
	buf := make([]byte, statfsSize)
	_, errno := retry(func() (uintptr, syscall.Errno) {
		r, _, errno := unix.Syscall(unix.SYS_STATFS, uintptr(unsafe.Pointer(p)), uintptr(unsafe.Pointer(&buf[0])), 0)
		return r, errno
	})
	return parseStatfs(buf), errno
}

func fstatfsCall(fd int) (Mounted, syscall.Errno) {
	buf := make([]byte, statfsSize)
	_, errno := retry(func() (uintptr, syscall.Errno) {
		r, _, errno := unix.Syscall(unix.SYS_FSTATFS, uintptr(fd), uintptr(unsafe.Pointer(&buf[0])), 0)
		return r, errno
	})
	return parseStatfs(buf), errno
}

func unmountCall(path string, flags uint64) syscall.Errno {
	p, err := unix.BytePtrFromString(path)
	if err != nil {
		return syscall.EINVAL
	}
	_, errno := retry(func() (uintptr, syscall.Errno) {
		r, _, errno := unix.Syscall(unix.SYS_UNMOUNT, uintptr(unsafe.Pointer(p)), uintptr(flags), 0)
		return r, errno
	})
	return errno
}
