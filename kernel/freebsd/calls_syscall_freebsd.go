//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/abi"
)

// call makes a system call, of at most six arguments, and repeats it when a
// signal interrupts it. An argument that is a pointer converted to uintptr in the
// call expression is kept alive.
//
//go:uintptrescapes
func call(num uintptr, args ...uintptr) (uintptr, syscall.Errno) {
	var a [6]uintptr
	copy(a[:], args)
	for {
		r, _, errno := unix.Syscall6(num, a[0], a[1], a[2], a[3], a[4], a[5])
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
	r, errno := call(num, uintptr(unsafe.Pointer(&iov[0])), uintptr(len(iov)), flags)
	for i := range pairs {
		lengths = append(lengths, int(iov[2*i+1].Len))
	}
	runtime.KeepAlive(all)
	return int(int32(r)), lengths, abi.CString(message), errno
}

// numberCall makes a system call that takes a number: jail_remove(2) or
// jail_attach(2).
func numberCall(num uintptr, n int) syscall.Errno {
	_, errno := call(num, uintptr(n))
	return errno
}

// textCall makes a system call that takes a name or path, and flags or nothing:
// modfind(2), kldfind(2), kldload(2) or unmount(2).
func textCall(num uintptr, text string, flags uint64) syscall.Errno {
	p, err := unix.BytePtrFromString(text)
	if err != nil {
		return syscall.EINVAL
	}
	_, errno := call(num, uintptr(unsafe.Pointer(p)), uintptr(flags))
	return errno
}

// ioctlCall is ioctl(2) with a payload that the kernel reads and may write.
func ioctlCall(fd int, request uintptr, payload []byte) syscall.Errno {
	return ioctlPointer(fd, request, unsafe.Pointer(&payload[0]))
}

func ioctlPointer(fd int, request uintptr, arg unsafe.Pointer) syscall.Errno {
	_, errno := call(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg))
	return errno
}

// getfsstatCall is getfsstat(2); a nil buffer asks for the number of mounts.
func getfsstatCall(buf []byte) (int, syscall.Errno) {
	n, errno := call(unix.SYS_GETFSSTAT, uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), abi.MntNoWait)
	return int(n), errno
}

func statfsCall(path string) (kernel.Mounted, syscall.Errno) {
	p, err := unix.BytePtrFromString(path)
	if err != nil {
		return kernel.Mounted{}, syscall.EINVAL
	}
	buf := make([]byte, abi.StatfsSize)
	_, errno := call(unix.SYS_STATFS, uintptr(unsafe.Pointer(p)), uintptr(unsafe.Pointer(&buf[0])))
	return abi.ParseStatfs(buf), errno
}

func fstatfsCall(fd int) (kernel.Mounted, syscall.Errno) {
	buf := make([]byte, abi.StatfsSize)
	_, errno := call(unix.SYS_FSTATFS, uintptr(fd), uintptr(unsafe.Pointer(&buf[0])))
	return abi.ParseStatfs(buf), errno
}

// rctlCall makes one of rctl(2)'s calls: text in and, if out is not empty, text
// back.
func rctlCall(num uintptr, in string, out []byte) syscall.Errno {
	text := append([]byte(in), 0)
	_, errno := call(num, uintptr(unsafe.Pointer(&text[0])), uintptr(len(text)),
		uintptr(unsafe.Pointer(unsafe.SliceData(out))), uintptr(len(out)))
	return errno
}

// cpusetCall is cpuset_getaffinity(2) or cpuset_setaffinity(2) for a jail. Its
// id_t has 64 bits, which is one register on the systems built for.
func cpusetCall(num uintptr, jid int, mask abi.CpuMask) syscall.Errno {
	_, errno := call(num, abi.CpuLevelWhich, abi.CpuWhichJail, uintptr(jid),
		uintptr(len(mask)), uintptr(unsafe.Pointer(unsafe.SliceData(mask))))
	return errno
}

// sysctlCall is __sysctl(2). old may be nil to learn the size; the result is
// the number of bytes that the kernel wrote or has.
func sysctlCall(mib []int32, old, value []byte) (int, syscall.Errno) {
	size := uintptr(len(old))
	_, errno := call(unix.SYS___SYSCTL,
		uintptr(unsafe.Pointer(unsafe.SliceData(mib))), uintptr(len(mib)),
		uintptr(unsafe.Pointer(unsafe.SliceData(old))), uintptr(unsafe.Pointer(&size)),
		uintptr(unsafe.Pointer(unsafe.SliceData(value))), uintptr(len(value)))
	return int(size), errno
}
