//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ioctlCall is ioctl(2) with a payload that the kernel reads and may write.
func ioctlCall(fd int, request uintptr, payload []byte) syscall.Errno {
	_, errno := retry(func() (uintptr, syscall.Errno) {
		r, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(&payload[0])))
		return r, errno
	})
	return errno
}
