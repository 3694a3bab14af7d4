//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"syscall"
	"unsafe"

	"github.com/libioc/go-libioc/kernel/internal/abi"
)

// The requests that hold a pointer, net/if.h. Their layout is that of 64-bit
// machines.
type (
	ifreqData struct {
		name [abi.IfNameSize]byte
		data unsafe.Pointer
		_    [8]byte
	}
	ifreqBuffer struct {
		name   [abi.IfNameSize]byte
		length uint64
		buffer unsafe.Pointer
	}
	ifgroupreq struct {
		name   [abi.IfNameSize]byte
		length uint32
		_      uint32
		groups unsafe.Pointer
		_      [8]byte
	}
	ifdrv struct {
		name   [abi.IfNameSize]byte
		cmd    uint64
		length uint64
		data   unsafe.Pointer
	}
	ifconf struct { // ifbifconf is the same
		length int32
		_      uint32
		buffer unsafe.Pointer
	}
)

// ioctlData passes an ifreq whose ifr_data points to data.
func ioctlData(fd int, request uintptr, name string, data []byte) syscall.Errno {
	r := &ifreqData{data: unsafe.Pointer(unsafe.SliceData(data))}
	copy(r.name[:abi.IfNameSize-1], name)
	return ioctlPointer(fd, request, unsafe.Pointer(r))
}

// ioctlBuffer passes an ifreq with ifr_buffer and returns its length, which is
// 0 or the length needed when the kernel found the buffer too small.
func ioctlBuffer(fd int, request uintptr, name string, buf []byte) (int, syscall.Errno) {
	r := &ifreqBuffer{length: uint64(len(buf)), buffer: unsafe.Pointer(unsafe.SliceData(buf))}
	copy(r.name[:abi.IfNameSize-1], name)
	errno := ioctlPointer(fd, request, unsafe.Pointer(r))
	return int(r.length), errno
}

// ioctlGroups reads the groups of an interface.
func ioctlGroups(fd int, name string, buf []byte) (int, syscall.Errno) {
	r := &ifgroupreq{length: uint32(len(buf)), groups: unsafe.Pointer(unsafe.SliceData(buf))}
	copy(r.name[:abi.IfNameSize-1], name)
	errno := ioctlPointer(fd, abi.SIOCGIFGroup, unsafe.Pointer(r))
	return int(r.length), errno
}

// ioctlDriver passes a request to a driver, such as a bridge.
func ioctlDriver(fd int, request uintptr, name string, cmd int, data []byte) syscall.Errno {
	r := &ifdrv{cmd: uint64(cmd), length: uint64(len(data)), data: unsafe.Pointer(unsafe.SliceData(data))}
	copy(r.name[:abi.IfNameSize-1], name)
	return ioctlPointer(fd, request, unsafe.Pointer(r))
}

// ioctlConf reads all interfaces into buf and returns how much of it is used.
func ioctlConf(fd int, buf []byte) (int, syscall.Errno) {
	r := &ifconf{length: int32(len(buf)), buffer: unsafe.Pointer(unsafe.SliceData(buf))}
	errno := ioctlPointer(fd, abi.SIOCGIFConf, unsafe.Pointer(r))
	return int(r.length), errno
}

// ioctlMembers reads the members of a bridge into buf.
func ioctlMembers(fd int, bridge string, buf []byte) (int, syscall.Errno) {
	c := &ifconf{length: int32(len(buf)), buffer: unsafe.Pointer(unsafe.SliceData(buf))}
	r := &ifdrv{cmd: abi.BRDGGIFs, length: uint64(unsafe.Sizeof(*c)), data: unsafe.Pointer(c)}
	copy(r.name[:abi.IfNameSize-1], bridge)
	errno := ioctlPointer(fd, abi.SIOCGDrvSpec, unsafe.Pointer(r))
	return int(c.length), errno
}
