//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/libioc/go-libioc/kernel/internal/abi"
)

// retry repeats a system call that a signal interrupts. It is the only
// place that does.
func retry(call func() (uintptr, syscall.Errno)) (uintptr, syscall.Errno) {
	for {
		r, errno := call()
		if errno != syscall.EINTR {
			return r, errno
		}
	}
}

// pairsCall makes a system call that takes pairs as an iovec array: jail_set(2),
// jail_get(2) and nmount(2). An errmsg buffer of the given size is added.
// lengths are the kernel's for each pair's value.
func pairsCall(num uintptr, pairs []abi.Pair, flags uintptr, errMsgSize int) (result int, lengths []int, errmsg string, errno syscall.Errno) {
	message := make([]byte, errMsgSize)
	all := append(pairs[:len(pairs):len(pairs)], abi.NewPair("errmsg", message))
	iov := make([]unix.Iovec, 0, 2*len(all))
	for _, p := range all {
		iov = append(iov, unix.Iovec{Base: &p.Name[0], Len: uint64(len(p.Name))}, unix.Iovec{Base: unsafe.SliceData(p.Value), Len: uint64(len(p.Value))})
	}
	r, errno := retry(func() (uintptr, syscall.Errno) {
		r, _, errno := unix.Syscall(num, uintptr(unsafe.Pointer(&iov[0])), uintptr(len(iov)), flags)
		return r, errno
	})
	for i := range pairs {
		lengths = append(lengths, int(iov[2*i+1].Len))
	}
	runtime.KeepAlive(all)
	return int(int32(r)), lengths, abi.CString(message), errno
}

func jailRemoveCall(jid int) syscall.Errno {
	_, errno := retry(func() (uintptr, syscall.Errno) {
		r, _, errno := unix.Syscall(unix.SYS_JAIL_REMOVE, uintptr(jid), 0, 0)
		return r, errno
	})
	return errno
}

func jailAttachCall(jid int) syscall.Errno {
	_, errno := retry(func() (uintptr, syscall.Errno) {
		r, _, errno := unix.Syscall(unix.SYS_JAIL_ATTACH, uintptr(jid), 0, 0)
		return r, errno
	})
	return errno
}
