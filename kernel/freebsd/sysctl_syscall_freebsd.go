//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/libioc/go-libioc/kernel/internal/abi"
)

// sysctlCall is __sysctl(2). old may be nil to learn the size; the result is
// the number of bytes that the kernel wrote or has.
func sysctlCall(mib []int32, old, value []byte) (int, syscall.Errno) {
	size := uintptr(len(old))
	_, errno := retry(func() (uintptr, syscall.Errno) {
		size = uintptr(len(old))
		r, _, errno := unix.Syscall6(unix.SYS___SYSCTL,
			uintptr(unsafe.Pointer(unsafe.SliceData(mib))), uintptr(len(mib)),
			uintptr(unsafe.Pointer(unsafe.SliceData(old))), uintptr(unsafe.Pointer(&size)),
			uintptr(unsafe.Pointer(unsafe.SliceData(value))), uintptr(len(value)))
		return r, errno
	})
	return int(size), errno
}

// mibBytes and bytesMIB carry an object identifier through a sysctl's value.
func mibBytes(b []byte) []int32 {
	mib := make([]int32, len(b)/4)
	for i := range mib {
		mib[i] = int32(abi.Int(b[4*i : 4*i+4]))
	}
	return mib
}
