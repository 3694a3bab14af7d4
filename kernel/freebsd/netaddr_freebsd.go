//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/abi"
)

func (s ifStack) InterfaceSetMAC(ctx context.Context, name string, mac net.HardwareAddr) error {
	if len(mac) != 6 {
		return &kernel.CallError{Op: "SIOCSIFLLADDR", Subject: name, Errno: syscall.EINVAL, Msg: "a MAC address has 6 bytes"}
	}
	return s.request(ctx, "SIOCSIFLLADDR", name, func(sockets stackSockets) syscall.Errno {
		return ioctlCall(sockets.any(), abi.SIOCSIFLLAddr, abi.IfreqMAC(name, mac))
	})
}

// Interfaces reads them by SIOCGIFCONF, which names every interface and all of
// its addresses in one call, and asks for the rest of each.
func (s ifStack) Interfaces(ctx context.Context) ([]kernel.Interface, error) {
	var list []kernel.Interface
	err := s.with(ctx, func(sockets stackSockets) error {
		entries, errno := ifconfEntries(sockets.any())
		if errno != 0 {
			return ifError("SIOCGIFCONF", "", errno)
		}
		list = nil
		for _, e := range entries {
			if len(list) == 0 || list[len(list)-1].Name != e.Name {
				list = append(list, kernel.Interface{Name: e.Name})
			}
			nic := &list[len(list)-1]
			switch e.Family {
			case abi.AFLink:
				nic.Index, nic.MAC = e.Index, e.Mac
			case abi.AFInet, abi.AFInet6:
				if bits, ok := sockets.prefixBits(e.Name, nic.Index, e.Addr); ok {
					nic.Addrs = append(nic.Addrs, netip.PrefixFrom(e.Addr, bits))
				}
			}
		}
		kept := list[:0]
		for _, nic := range list {
			if sockets.fill(&nic) {
				kept = append(kept, nic)
			}
		}
		list = kept
		return nil
	})
	return list, err
}

func ifconfEntries(fd int) ([]abi.IfconfEntry, syscall.Errno) {
	for size := 16 << 10; ; size *= 2 {
		buf := make([]byte, size)
		n, errno := ioctlConf(fd, buf)
		if errno != 0 {
			return nil, errno
		}
		// The kernel stops at the last that fits; one takes less than 512.
		if n < size-512 || size >= 64<<20 {
			return abi.ParseIfconf(buf[:n]), 0
		}
	}
}

// fill reads what SIOCGIFCONF does not report. It returns false for an interface that
// has gone in the meantime.
func (s stackSockets) fill(nic *kernel.Interface) bool {
	fd := s.any()
	b := abi.Ifreq(nic.Name)
	if ioctlCall(fd, abi.SIOCGIFFlags, b) != 0 {
		return false
	}
	nic.Up = abi.IfreqFlags(b)&abi.FlagUp != 0
	b = abi.Ifreq(nic.Name)
	if ioctlCall(fd, abi.SIOCGIFMTU, b) == 0 {
		nic.MTU = int(abi.Int(b[16:20]))
	}
	if nic.Index == 0 {
		nic.Index = s.index(nic.Name)
	}
	for size := 256; size <= 64<<10; size *= 4 {
		buf := make([]byte, size)
		// Too small a buffer comes back with the length needed, unwritten.
		n, errno := ioctlBuffer(fd, abi.SIOCGIFDescr, nic.Name, buf)
		if errno != 0 {
			break // ENOMSG: no more
		}
		if n <= size {
			nic.Description = abi.CString(buf)
			break
		}
	}
	if n, errno := ioctlGroups(fd, nic.Name, nil); errno == 0 && n > 0 {
		buf := make([]byte, n)
		if n, errno = ioctlGroups(fd, nic.Name, buf); errno == 0 {
			for b := buf[:min(n, len(buf))]; len(b) >= abi.IfgreqSize; b = b[abi.IfgreqSize:] {
				if g := abi.CString(b[:abi.IfgreqSize]); g != "" && g != "all" {
					nic.Groups = append(nic.Groups, g)
				}
			}
		}
	}
	return true
}

func (s stackSockets) index(name string) int {
	b := abi.Ifreq(name)
	if ioctlCall(s.any(), abi.SIOCGIFIndex, b) != 0 {
		return 0
	}
	return int(binary.NativeEndian.Uint16(b[16:]))
}

// prefixBits asks for the mask of one address.
func (s stackSockets) prefixBits(name string, index int, addr netip.Addr) (int, bool) {
	if addr.Is4() {
		b := abi.Ifreq(name)
		copy(b[16:], abi.Sockaddr(addr, 0))
		if s.inet < 0 || ioctlCall(s.inet, abi.SIOCGIFNetmask, b) != 0 {
			return 0, false
		}
		return abi.MaskBits(b[16:], false), true
	}
	if index == 0 {
		index = s.index(name)
	}
	b := abi.In6Ifreq(name, addr, index)
	if s.inet6 < 0 || ioctlCall(s.inet6, abi.SIOCGIFNetmask6, b) != 0 {
		return 0, false
	}
	return abi.MaskBits(b[16:16+abi.Sin6Size], true), true
}

func (s ifStack) AddressAdd(ctx context.Context, name string, addr kernel.Address) error {
	if !addr.Prefix.IsValid() {
		return &kernel.CallError{Op: "SIOCAIFADDR", Subject: name, Errno: syscall.EINVAL, Msg: "no address"}
	}
	if addr.Prefix.Addr().Is4() {
		return s.requestFamily(ctx, "SIOCAIFADDR", name, unix.AF_INET, func(sockets stackSockets) syscall.Errno {
			return ioctlCall(sockets.inet, abi.SIOCAIFAddr, abi.Ifaliasreq(name, addr))
		})
	}
	return s.requestFamily(ctx, "SIOCAIFADDR_IN6", name, unix.AF_INET6, func(sockets stackSockets) syscall.Errno {
		if addr.NoDAD {
			// IN6_IFF_NODAD of the address is not heeded for a new one; the
			// interface's flag is, and only while the address is added.
			undo, errno := sockets.noDAD(name)
			if errno != 0 {
				return errno
			}
			defer undo()
		}
		return ioctlCall(sockets.inet6, abi.SIOCAIFAddr6, abi.In6AliasReq(name, addr, sockets.index(name)))
	})
}

// noDAD sets ND6_IFF_NO_DAD on an interface until undo.
func (s stackSockets) noDAD(name string) (undo func(), errno syscall.Errno) {
	before, errno := s.setND6(name, kernel.ND6NoDAD, 0)
	if errno != 0 || before&kernel.ND6NoDAD != 0 {
		return func() {}, errno
	}
	return func() { _, _ = s.setND6(name, 0, kernel.ND6NoDAD) }, 0
}

// setND6 changes the flags of IPv6 and returns what they were.
func (s stackSockets) setND6(name string, set, clear kernel.ND6Flags) (before kernel.ND6Flags, errno syscall.Errno) {
	b := abi.In6NDReq(name)
	if errno := ioctlCall(s.inet6, abi.SIOCGIFInfo6, b); errno != 0 {
		return 0, errno
	}
	before = kernel.ND6Flags(binary.NativeEndian.Uint32(b[abi.In6NDFlags:]))
	now := before&^clear | set
	if now == before {
		return before, 0
	}
	binary.NativeEndian.PutUint32(b[abi.In6NDFlags:], uint32(now))
	return before, ioctlCall(s.inet6, abi.SIOCSIFInfo6, b)
}

func (s ifStack) InterfaceSetND6(ctx context.Context, name string, set, clear kernel.ND6Flags) error {
	return s.requestFamily(ctx, "SIOCSIFINFO_IN6", name, unix.AF_INET6, func(sockets stackSockets) syscall.Errno {
		_, errno := sockets.setND6(name, set, clear)
		return errno
	})
}

func (s ifStack) AddressState(ctx context.Context, name string, addr netip.Addr) (kernel.AddressState, error) {
	var state kernel.AddressState
	if !addr.Is6() {
		return state, &kernel.CallError{Op: "SIOCGIFAFLAG_IN6", Subject: name, Errno: syscall.EINVAL, Msg: "not an IPv6 address"}
	}
	err := s.requestFamily(ctx, "SIOCGIFAFLAG_IN6", name, unix.AF_INET6, func(sockets stackSockets) syscall.Errno {
		b := abi.In6Ifreq(name, addr, sockets.index(name))
		errno := ioctlCall(sockets.inet6, abi.SIOCGIFAFlag6, b)
		flags := binary.NativeEndian.Uint32(b[abi.IfNameSize:])
		state = kernel.AddressState{
			Tentative: flags&abi.AddrTentative != 0, Duplicated: flags&abi.AddrDuplicate != 0, Autoconf: flags&abi.AddrAutoconf != 0,
		}
		return errno
	})
	if err != nil {
		return kernel.AddressState{}, err
	}
	return state, nil
}

func (s ifStack) AddressDelete(ctx context.Context, name string, addr netip.Addr) error {
	switch {
	case !addr.IsValid():
		return &kernel.CallError{Op: "SIOCDIFADDR", Subject: name, Errno: syscall.EINVAL, Msg: "no address"}
	case addr.Is4():
		return s.requestFamily(ctx, "SIOCDIFADDR", name, unix.AF_INET, func(sockets stackSockets) syscall.Errno {
			b := abi.Ifreq(name)
			copy(b[16:], abi.Sockaddr(addr, 0))
			return ioctlCall(sockets.inet, abi.SIOCDIFAddr, b)
		})
	}
	return s.requestFamily(ctx, "SIOCDIFADDR_IN6", name, unix.AF_INET6, func(sockets stackSockets) syscall.Errno {
		return ioctlCall(sockets.inet6, abi.SIOCDIFAddr6, abi.In6Ifreq(name, addr, sockets.index(name)))
	})
}
