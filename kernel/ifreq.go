package kernel

import (
	"encoding/binary"
	"net"
	"net/netip"
)

// ioctls of sys/sockio.h, netinet6/in6_var.h and net/if_bridgevar.h with the
// sizes of 64-bit machines.
const (
	siocIFCreate2   = 0xc020697c
	siocIFDestroy   = 0x80206979
	siocGIFConf     = 0xc0106924
	siocGIFFlags    = 0xc0206911
	siocSIFFlags    = 0x80206910
	siocGIFMTU      = 0xc0206933
	siocSIFMTU      = 0x80206934
	siocGIFIndex    = 0xc0206920
	siocGIFNetmask  = 0xc0206925
	siocSIFName     = 0x80206928
	siocSIFDescr    = 0x80206929
	siocGIFDescr    = 0xc020692a
	siocSIFLLAddr   = 0x8020693c
	siocSIFVnet     = 0xc020695a
	siocSIFRVnet    = 0xc020695b
	siocSETVLAN     = 0x80206939
	siocAIFGroup    = 0x80286987
	siocDIFGroup    = 0x80286989
	siocGIFGroup    = 0xc0286988
	siocSDrvSpec    = 0x8028697b
	siocGDrvSpec    = 0xc028697b
	siocAIFAddr     = 0x8044692b
	siocDIFAddr     = 0x80206919
	siocAIFAddr6    = 0x8088691b
	siocDIFAddr6    = 0x81206919
	siocGIFNetmask6 = 0xc1206925
	siocGIFInfo6    = 0xc048696c
	siocSIFInfo6    = 0xc048696d
	siocGIFAFlag6   = 0xc1206949
)

// Address families of FreeBSD, sys/socket.h.
const (
	afInet  = 2
	afLink  = 18
	afInet6 = 28
)

// Sizes of the structures.
const (
	ifNameSize     = 16 // with the final NUL
	ifreqSize      = 32
	ifaliasreqSize = 68
	in6AliasSize   = 136
	in6IfreqSize   = 288
	in6NDSize      = 72
	in6NDFlags     = 36
	sinSize        = 16
	sin6Size       = 28
	vlanreqSize    = 20
	ifbreqSize     = 80
	ifbreqFlags    = 16
	ifbareqSize    = 40
	ifgreqSize     = 16
)

const (
	flagUp        = 0x1  // IFF_UP
	addrTentative = 0x2  // IN6_IFF_TENTATIVE
	addrDuplicate = 0x4  // IN6_IFF_DUPLICATED
	addrAutoconf  = 0x40 // IN6_IFF_AUTOCONF
	memberLearn   = 0x1  // IFBIF_LEARNING
	memberFlood   = 0x2  // IFBIF_DISCOVER
	staticAddr    = 1    // IFBAF_STATIC
	foreverLife   = 0xffffffff
	etherTypeVLAN = 0x8100

	brdgAdd      = 0
	brdgDel      = 1
	brdgGIFFlags = 2
	brdgSIFFlags = 3
	brdgGIFs     = 6
	brdgSAddr    = 8
	brdgDAddr    = 11
)

// ifreq is a request with the name and an empty union.
func ifreq(name string) []byte {
	b := make([]byte, ifreqSize)
	copy(b[:ifNameSize-1], name)
	return b
}

// ifreqInt is one with a number: an MTU or a jid.
func ifreqInt(name string, n int) []byte {
	b := ifreq(name)
	binary.NativeEndian.PutUint32(b[ifNameSize:], uint32(int32(n)))
	return b
}

// ifreqFlags reads the flags, of which the lower half comes first.
func ifreqFlags(b []byte) uint32 {
	return uint32(binary.NativeEndian.Uint16(b[16:])) | uint32(binary.NativeEndian.Uint16(b[18:]))<<16
}

func putIfreqFlags(b []byte, flags uint32) {
	binary.NativeEndian.PutUint16(b[16:], uint16(flags))
	binary.NativeEndian.PutUint16(b[18:], uint16(flags>>16))
}

// ifreqMAC carries a MAC address for SIOCSIFLLADDR.
func ifreqMAC(name string, mac net.HardwareAddr) []byte {
	b := ifreq(name)
	b[16], b[17] = byte(len(mac)), afLink
	copy(b[18:], mac)
	return b
}

// sockaddr is a sockaddr_in or a sockaddr_in6. A link-local address needs the
// index of its interface.
func sockaddr(addr netip.Addr, scope int) []byte {
	if addr.Is4() {
		b := make([]byte, sinSize)
		b[0], b[1] = sinSize, afInet
		a := addr.As4()
		copy(b[4:], a[:])
		return b
	}
	b := make([]byte, sin6Size)
	b[0], b[1] = sin6Size, afInet6
	a := addr.As16()
	copy(b[8:], a[:])
	if addr.IsLinkLocalUnicast() || addr.IsLinkLocalMulticast() {
		binary.NativeEndian.PutUint32(b[24:], uint32(scope))
	}
	return b
}

// maskAddr is a prefix length as an address.
func maskAddr(p netip.Prefix) netip.Addr {
	full := netip.IPv4Unspecified()
	if p.Addr().Is6() {
		full = netip.IPv6Unspecified()
	}
	b := full.AsSlice()
	for i := range p.Bits() {
		b[i/8] |= 0x80 >> (i % 8)
	}
	mask, _ := netip.AddrFromSlice(b)
	return mask
}

// ifaliasreq adds an IPv4 address. Without a broadcast address the kernel
// derives it.
func ifaliasreq(name string, a Address) []byte {
	b := make([]byte, ifaliasreqSize)
	copy(b[:ifNameSize-1], name)
	copy(b[16:], sockaddr(a.Prefix.Addr(), 0))
	if a.Broadcast.Is4() {
		copy(b[32:], sockaddr(a.Broadcast, 0))
	}
	copy(b[48:], sockaddr(maskAddr(a.Prefix), 0))
	return b
}

// in6AliasReq adds an IPv6 address that never expires.
func in6AliasReq(name string, a Address, scope int) []byte {
	b := make([]byte, in6AliasSize)
	copy(b[:ifNameSize-1], name)
	copy(b[16:], sockaddr(a.Prefix.Addr(), scope))
	copy(b[72:], sockaddr(maskAddr(a.Prefix), 0))
	binary.NativeEndian.PutUint32(b[120:], foreverLife)
	binary.NativeEndian.PutUint32(b[124:], foreverLife)
	return b
}

// in6Ifreq names an IPv6 address of an interface.
func in6Ifreq(name string, addr netip.Addr, scope int) []byte {
	b := make([]byte, in6IfreqSize)
	copy(b[:ifNameSize-1], name)
	copy(b[16:], sockaddr(addr, scope))
	return b
}

func in6NDReq(name string) []byte {
	b := make([]byte, in6NDSize)
	copy(b[:ifNameSize-1], name)
	return b
}

func vlanreq(v VLAN) []byte {
	b := make([]byte, vlanreqSize)
	copy(b[:ifNameSize-1], v.Parent)
	binary.NativeEndian.PutUint16(b[16:], v.Tag)
	binary.NativeEndian.PutUint16(b[18:], etherTypeVLAN)
	return b
}

func ifbreq(member string) []byte {
	b := make([]byte, ifbreqSize)
	copy(b[:ifNameSize-1], member)
	return b
}

// ifbareq is a static entry of a bridge's address table.
func ifbareq(member string, mac net.HardwareAddr) []byte {
	b := make([]byte, ifbareqSize)
	copy(b[:ifNameSize-1], member)
	b[24] = staticAddr
	copy(b[25:31], mac)
	return b
}

// ifconfEntry is one address that SIOCGIFCONF tells.
type ifconfEntry struct {
	name   string
	family byte
	index  int // of a link address
	mac    net.HardwareAddr
	addr   netip.Addr
}

// parseIfconf reads SIOCGIFCONF's buffer: a name and a sockaddr each, which
// takes at least 16 bytes.
func parseIfconf(b []byte) []ifconfEntry {
	var list []ifconfEntry
	for len(b) >= ifreqSize {
		sa := b[ifNameSize:]
		size := max(int(sa[0]), sinSize)
		if size > len(sa) {
			break
		}
		e := ifconfEntry{name: cString(b[:ifNameSize]), family: sa[1]}
		switch e.family {
		case afLink:
			e.index, e.mac = parseLink(sa[:size])
		case afInet, afInet6:
			e.addr = parseSockaddr(sa[:size])
		}
		list = append(list, e)
		b = sa[size:]
	}
	return list
}

// parseLink reads a sockaddr_dl: the interface's index and link address.
func parseLink(sa []byte) (index int, mac net.HardwareAddr) {
	if len(sa) < 8 {
		return 0, nil
	}
	index = int(binary.NativeEndian.Uint16(sa[2:]))
	from, n := 8+int(sa[5]), int(sa[6])
	if n > 0 && from+n <= len(sa) {
		mac = net.HardwareAddr(append([]byte(nil), sa[from:from+n]...))
	}
	return index, mac
}

// parseSockaddr reads a sockaddr_in or sockaddr_in6. The kernel may give a
// link-local address with the interface's index inside, which is taken out.
func parseSockaddr(sa []byte) netip.Addr {
	if len(sa) < 2 {
		return netip.Addr{}
	}
	switch {
	case sa[1] == afInet && len(sa) >= 8:
		return netip.AddrFrom4([4]byte(sa[4:8]))
	case sa[1] == afInet6 && len(sa) >= 24:
		a := [16]byte(sa[8:24])
		if addr := netip.AddrFrom16(a); addr.IsLinkLocalUnicast() || addr.IsLinkLocalMulticast() {
			a[2], a[3] = 0, 0
		}
		return netip.AddrFrom16(a)
	}
	return netip.Addr{}
}

// maskBits counts the bits of a mask in a sockaddr that may be cut short, as
// masks are in the kernel's answers.
func maskBits(sa []byte, v6 bool) int {
	from, most := 4, 4
	if v6 {
		from, most = 8, 16
	}
	n := 0
	for _, c := range sa[min(from, len(sa)):min(from+most, len(sa))] {
		for ; c&0x80 != 0; c <<= 1 {
			n++
		}
	}
	return n
}
