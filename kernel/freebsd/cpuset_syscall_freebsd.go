//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/libioc/go-libioc/kernel/internal/abi"
)

const (
	getAffinity uintptr = unix.SYS_CPUSET_GETAFFINITY
	setAffinity uintptr = unix.SYS_CPUSET_SETAFFINITY
)

// cpusetCall is cpuset_getaffinity(2) or cpuset_setaffinity(2) for a jail. Its
// id_t has 64 bits, which is one register on the systems built for.
func cpusetCall(num uintptr, jid int, mask abi.CpuMask) syscall.Errno {
	_, errno := retry(func() (uintptr, syscall.Errno) {
		r, _, errno := unix.Syscall6(num, abi.CpuLevelWhich, abi.CpuWhichJail, uintptr(jid),
			uintptr(len(mask)), uintptr(unsafe.Pointer(unsafe.SliceData(mask))), 0)
		return r, errno
	})
	return errno
}
