//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/abi"
)

// getfsstatCall is getfsstat(2); a nil buffer asks for the number of mounts.
func getfsstatCall(buf []byte) (int, syscall.Errno) {
	n, errno := retry(func() (uintptr, syscall.Errno) {
		r, _, errno := unix.Syscall(unix.SYS_GETFSSTAT, uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), abi.MntNoWait)
		return r, errno
	})
	return int(n), errno
}

func statfsCall(path string) (kernel.Mounted, syscall.Errno) {
	p, err := unix.BytePtrFromString(path)
	if err != nil {
		return kernel.Mounted{}, syscall.EINVAL
	}
	buf := make([]byte, abi.StatfsSize)
	_, errno := retry(func() (uintptr, syscall.Errno) {
		r, _, errno := unix.Syscall(unix.SYS_STATFS, uintptr(unsafe.Pointer(p)), uintptr(unsafe.Pointer(&buf[0])), 0)
		return r, errno
	})
	return abi.ParseStatfs(buf), errno
}

func fstatfsCall(fd int) (kernel.Mounted, syscall.Errno) {
	buf := make([]byte, abi.StatfsSize)
	_, errno := retry(func() (uintptr, syscall.Errno) {
		r, _, errno := unix.Syscall(unix.SYS_FSTATFS, uintptr(fd), uintptr(unsafe.Pointer(&buf[0])), 0)
		return r, errno
	})
	return abi.ParseStatfs(buf), errno
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
