//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"context"
	"encoding/binary"
	"net"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/abi"
)

func (s ifStack) BridgeAdd(ctx context.Context, bridge, member string) error {
	return s.bridge(ctx, "BRDGADD", bridge, member, func(sockets stackSockets) syscall.Errno {
		return ioctlDriver(sockets.any(), abi.SIOCSDrvSpec, bridge, abi.BRDGAdd, abi.Ifbreq(member))
	})
}

func (s ifStack) BridgeDelete(ctx context.Context, bridge, member string) error {
	return s.bridge(ctx, "BRDGDEL", bridge, member, func(sockets stackSockets) syscall.Errno {
		return ioctlDriver(sockets.any(), abi.SIOCSDrvSpec, bridge, abi.BRDGDel, abi.Ifbreq(member))
	})
}

func (s ifStack) bridge(ctx context.Context, op, bridge, member string, do func(stackSockets) syscall.Errno) error {
	for _, name := range [...]string{bridge, member} {
		if err := checkIfName(op, name); err != nil {
			return err
		}
	}
	return s.with(ctx, func(sockets stackSockets) error {
		errno := do(sockets)
		err := ifError(op, bridge+" "+member, errno)
		if e, ok := err.(*kernel.CallError); ok {
			switch errno {
			case syscall.EBUSY:
				e.Msg = "is a member of another bridge"
			case syscall.EINVAL:
				e.Msg = "has another MTU than the bridge, or cannot be bridged"
			}
		}
		return err
	})
}

func (s ifStack) BridgeMembers(ctx context.Context, bridge string) ([]string, error) {
	if err := checkIfName("BRDGGIFS", bridge); err != nil {
		return nil, err
	}
	var members []string
	err := s.with(ctx, func(sockets stackSockets) error {
		for size := 64 * abi.IfbreqSize; ; size *= 2 {
			buf := make([]byte, size)
			n, errno := ioctlMembers(sockets.any(), bridge, buf)
			if errno != 0 {
				return ifError("BRDGGIFS", bridge, errno)
			}
			if n > size-abi.IfbreqSize && size < 64<<20 {
				continue // full, so there may be more
			}
			members = nil
			for b := buf[:min(n, size)]; len(b) >= abi.IfbreqSize; b = b[abi.IfbreqSize:] {
				members = append(members, abi.CString(b[:abi.IfNameSize]))
			}
			return nil
		}
	})
	return members, err
}

// BridgeStatic also keeps the bridge from sending frames for unknown addresses
// to the member. An entry for the address on another member is taken away
// first, as the kernel would ignore the new one without a word.
func (s ifStack) BridgeStatic(ctx context.Context, bridge, member string, mac net.HardwareAddr) error {
	if len(mac) != 6 {
		return &kernel.CallError{Op: "BRDGSADDR", Subject: member, Errno: syscall.EINVAL, Msg: "a MAC address has 6 bytes"}
	}
	return s.bridge(ctx, "BRDGSADDR", bridge, member, func(sockets stackSockets) syscall.Errno {
		fd := sockets.any()
		flags := abi.Ifbreq(member)
		if errno := ioctlDriver(fd, abi.SIOCGDrvSpec, bridge, abi.BRDGGIFFlags, flags); errno != 0 {
			return errno
		}
		if errno := ioctlDriver(fd, abi.SIOCSDrvSpec, bridge, abi.BRDGDAddr, abi.Ifbareq("", mac)); errno != 0 && errno != syscall.ENOENT {
			return errno
		}
		if errno := ioctlDriver(fd, abi.SIOCSDrvSpec, bridge, abi.BRDGSAddr, abi.Ifbareq(member, mac)); errno != 0 {
			return errno
		}
		now := binary.NativeEndian.Uint32(flags[abi.IfbreqFlags:])
		binary.NativeEndian.PutUint32(flags[abi.IfbreqFlags:], now&^(abi.MemberLearn|abi.MemberFlood))
		return ioctlDriver(fd, abi.SIOCSDrvSpec, bridge, abi.BRDGSIFFlags, flags)
	})
}
