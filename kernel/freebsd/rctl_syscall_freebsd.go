//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// rctlCall is one of rctl(2)'s calls: text in and, if out is not empty, text
// back.
func rctlCall(num uintptr, in string, out []byte) syscall.Errno {
	text := append([]byte(in), 0)
	_, errno := retry(func() (uintptr, syscall.Errno) {
		r, _, errno := unix.Syscall6(num,
			uintptr(unsafe.Pointer(&text[0])), uintptr(len(text)),
			uintptr(unsafe.Pointer(unsafe.SliceData(out))), uintptr(len(out)), 0, 0)
		return r, errno
	})
	return errno
}
