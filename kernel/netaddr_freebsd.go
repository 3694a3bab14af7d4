//go:build amd64 || arm64 || riscv64

package kernel

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"
)

func (s ifStack) InterfaceSetMAC(ctx context.Context, name string, mac net.HardwareAddr) error {
	if len(mac) != 6 {
		return &CallError{Op: "SIOCSIFLLADDR", Subject: name, Errno: syscall.EINVAL, Msg: "a MAC address has 6 bytes"}
	}
	return s.request(ctx, "SIOCSIFLLADDR", name, func(sockets stackSockets) syscall.Errno {
		return ioctlCall(sockets.any(), siocSIFLLAddr, ifreqMAC(name, mac))
	})
}

// Interfaces reads them by SIOCGIFCONF, which names every interface and all of
// its addresses in one call, and asks for the rest of each.
func (s ifStack) Interfaces(ctx context.Context) ([]Interface, error) {
	var list []Interface
	err := s.with(ctx, func(sockets stackSockets) error {
		entries, errno := ifconfEntries(sockets.any())
		if errno != 0 {
			return ifError("SIOCGIFCONF", "", errno)
		}
		list = nil
		for _, e := range entries {
			if len(list) == 0 || list[len(list)-1].Name != e.name {
				list = append(list, Interface{Name: e.name})
			}
			nic := &list[len(list)-1]
			switch e.family {
			case afLink:
				nic.Index, nic.MAC = e.index, e.mac
			case afInet, afInet6:
				if bits, ok := sockets.prefixBits(e.name, nic.Index, e.addr); ok {
					nic.Addrs = append(nic.Addrs, netip.PrefixFrom(e.addr, bits))
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

func ifconfEntries(fd int) ([]ifconfEntry, syscall.Errno) {
	for size := 16 << 10; ; size *= 2 {
		buf := make([]byte, size)
		n, errno := ioctlConf(fd, buf)
		if errno != 0 {
			return nil, errno
		}
		// The kernel stops at the last that fits; one takes less than 512.
		if n < size-512 || size >= 64<<20 {
			return parseIfconf(buf[:n]), 0
		}
	}
}

// fill reads what SIOCGIFCONF does not tell. It is false for an interface that
// has gone meanwhile.
func (s stackSockets) fill(nic *Interface) bool {
	fd := s.any()
	b := ifreq(nic.Name)
	if ioctlCall(fd, siocGIFFlags, b) != 0 {
		return false
	}
	nic.Up = ifreqFlags(b)&flagUp != 0
	b = ifreq(nic.Name)
	if ioctlCall(fd, siocGIFMTU, b) == 0 {
		nic.MTU = int(nativeInt(b[16:20]))
	}
	if nic.Index == 0 {
		nic.Index = s.index(nic.Name)
	}
	for size := 256; size <= 64<<10; size *= 4 {
		buf := make([]byte, size)
		// Too small a buffer comes back with the length needed, unwritten.
		n, errno := ioctlBuffer(fd, siocGIFDescr, nic.Name, buf)
		if errno != 0 {
			break // ENOMSG: there is none
		}
		if n <= size {
			nic.Description = cString(buf)
			break
		}
	}
	if n, errno := ioctlGroups(fd, nic.Name, nil); errno == 0 && n > 0 {
		buf := make([]byte, n)
		if n, errno = ioctlGroups(fd, nic.Name, buf); errno == 0 {
			for b := buf[:min(n, len(buf))]; len(b) >= ifgreqSize; b = b[ifgreqSize:] {
				if g := cString(b[:ifgreqSize]); g != "" && g != "all" {
					nic.Groups = append(nic.Groups, g)
				}
			}
		}
	}
	return true
}

func (s stackSockets) index(name string) int {
	b := ifreq(name)
	if ioctlCall(s.any(), siocGIFIndex, b) != 0 {
		return 0
	}
	return int(binary.NativeEndian.Uint16(b[16:]))
}

// prefixBits asks for the mask of one address.
func (s stackSockets) prefixBits(name string, index int, addr netip.Addr) (int, bool) {
	if addr.Is4() {
		b := ifreq(name)
		copy(b[16:], sockaddr(addr, 0))
		if s.inet < 0 || ioctlCall(s.inet, siocGIFNetmask, b) != 0 {
			return 0, false
		}
		return maskBits(b[16:], false), true
	}
	if index == 0 {
		index = s.index(name)
	}
	b := in6Ifreq(name, addr, index)
	if s.inet6 < 0 || ioctlCall(s.inet6, siocGIFNetmask6, b) != 0 {
		return 0, false
	}
	return maskBits(b[16:16+sin6Size], true), true
}

func (s ifStack) AddressAdd(ctx context.Context, name string, addr Address) error {
	if !addr.Prefix.IsValid() {
		return &CallError{Op: "SIOCAIFADDR", Subject: name, Errno: syscall.EINVAL, Msg: "no address"}
	}
	if addr.Prefix.Addr().Is4() {
		return s.request(ctx, "SIOCAIFADDR", name, func(sockets stackSockets) syscall.Errno {
			if sockets.inet < 0 {
				return syscall.EAFNOSUPPORT
			}
			return ioctlCall(sockets.inet, siocAIFAddr, ifaliasreq(name, addr))
		})
	}
	return s.request(ctx, "SIOCAIFADDR_IN6", name, func(sockets stackSockets) syscall.Errno {
		if sockets.inet6 < 0 {
			return syscall.EAFNOSUPPORT
		}
		if addr.NoDAD {
			// IN6_IFF_NODAD of the address is not heeded for a new one; the
			// interface's flag is, and only while the address is added.
			undo, errno := sockets.noDAD(name)
			if errno != 0 {
				return errno
			}
			defer undo()
		}
		return ioctlCall(sockets.inet6, siocAIFAddr6, in6AliasReq(name, addr, sockets.index(name)))
	})
}

// noDAD sets ND6_IFF_NO_DAD on an interface until undo.
func (s stackSockets) noDAD(name string) (undo func(), errno syscall.Errno) {
	before, errno := s.setND6(name, ND6NoDAD, 0)
	if errno != 0 || before&ND6NoDAD != 0 {
		return func() {}, errno
	}
	return func() { _, _ = s.setND6(name, 0, ND6NoDAD) }, 0
}

// setND6 changes the flags of IPv6 and returns what they were.
func (s stackSockets) setND6(name string, set, clear ND6Flags) (before ND6Flags, errno syscall.Errno) {
	b := in6NDReq(name)
	if errno := ioctlCall(s.inet6, siocGIFInfo6, b); errno != 0 {
		return 0, errno
	}
	before = ND6Flags(binary.NativeEndian.Uint32(b[in6NDFlags:]))
	now := before&^clear | set
	if now == before {
		return before, 0
	}
	binary.NativeEndian.PutUint32(b[in6NDFlags:], uint32(now))
	return before, ioctlCall(s.inet6, siocSIFInfo6, b)
}

func (s ifStack) InterfaceSetND6(ctx context.Context, name string, set, clear ND6Flags) error {
	return s.request(ctx, "SIOCSIFINFO_IN6", name, func(sockets stackSockets) syscall.Errno {
		if sockets.inet6 < 0 {
			return syscall.EAFNOSUPPORT
		}
		_, errno := sockets.setND6(name, set, clear)
		return errno
	})
}

func (s ifStack) AddressState(ctx context.Context, name string, addr netip.Addr) (AddressState, error) {
	var state AddressState
	if !addr.Is6() {
		return state, &CallError{Op: "SIOCGIFAFLAG_IN6", Subject: name, Errno: syscall.EINVAL, Msg: "not an IPv6 address"}
	}
	err := s.request(ctx, "SIOCGIFAFLAG_IN6", name, func(sockets stackSockets) syscall.Errno {
		if sockets.inet6 < 0 {
			return syscall.EAFNOSUPPORT
		}
		b := in6Ifreq(name, addr, sockets.index(name))
		errno := ioctlCall(sockets.inet6, siocGIFAFlag6, b)
		flags := binary.NativeEndian.Uint32(b[ifNameSize:])
		state = AddressState{
			Tentative: flags&addrTentative != 0, Duplicated: flags&addrDuplicate != 0, Autoconf: flags&addrAutoconf != 0,
		}
		return errno
	})
	if err != nil {
		return AddressState{}, err
	}
	return state, nil
}

func (s ifStack) AddressDelete(ctx context.Context, name string, addr netip.Addr) error {
	switch {
	case !addr.IsValid():
		return &CallError{Op: "SIOCDIFADDR", Subject: name, Errno: syscall.EINVAL, Msg: "no address"}
	case addr.Is4():
		return s.request(ctx, "SIOCDIFADDR", name, func(sockets stackSockets) syscall.Errno {
			if sockets.inet < 0 {
				return syscall.EAFNOSUPPORT
			}
			b := ifreq(name)
			copy(b[16:], sockaddr(addr, 0))
			return ioctlCall(sockets.inet, siocDIFAddr, b)
		})
	}
	return s.request(ctx, "SIOCDIFADDR_IN6", name, func(sockets stackSockets) syscall.Errno {
		if sockets.inet6 < 0 {
			return syscall.EAFNOSUPPORT
		}
		return ioctlCall(sockets.inet6, siocDIFAddr6, in6Ifreq(name, addr, sockets.index(name)))
	})
}
