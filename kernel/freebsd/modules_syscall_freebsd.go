//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// moduleCall is modfind(2), kldfind(2) or kldload(2), which take a name.
func moduleCall(num uintptr, name string) syscall.Errno {
	text := append([]byte(name), 0)
	_, errno := retry(func() (uintptr, syscall.Errno) {
		r, _, errno := unix.Syscall(num, uintptr(unsafe.Pointer(&text[0])), 0, 0)
		return r, errno
	})
	return errno
}
