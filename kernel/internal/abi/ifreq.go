package abi

import (
	"encoding/binary"
	"math/bits"
	"net"
	"net/netip"

	"github.com/libioc/go-libioc/kernel"
)

// ioctls of sys/sockio.h, netinet6/in6_var.h and net/if_bridgevar.h with the
// sizes of 64-bit machines.
const (
	SIOCIFCreate2   = 0xc020697c
	SIOCIFDestroy   = 0x80206979
	SIOCGIFConf     = 0xc0106924
	SIOCGIFFlags    = 0xc0206911
	SIOCSIFFlags    = 0x80206910
	SIOCGIFMTU      = 0xc0206933
	SIOCSIFMTU      = 0x80206934
	SIOCGIFIndex    = 0xc0206920
	SIOCGIFNetmask  = 0xc0206925
	SIOCSIFName     = 0x80206928
	SIOCSIFDescr    = 0x80206929
	SIOCGIFDescr    = 0xc020692a
	SIOCSIFLLAddr   = 0x8020693c
	SIOCSIFVnet     = 0xc020695a
	SIOCSIFRVnet    = 0xc020695b
	SIOCSETVLAN     = 0x80206939
	SIOCAIFGroup    = 0x80286987
	SIOCDIFGroup    = 0x80286989
	SIOCGIFGroup    = 0xc0286988
	SIOCSDrvSpec    = 0x8028697b
	SIOCGDrvSpec    = 0xc028697b
	SIOCAIFAddr     = 0x8044692b
	SIOCDIFAddr     = 0x80206919
	SIOCAIFAddr6    = 0x8088691b
	SIOCDIFAddr6    = 0x81206919
	SIOCGIFNetmask6 = 0xc1206925
	SIOCGIFInfo6    = 0xc048696c
	SIOCSIFInfo6    = 0xc048696d
	SIOCGIFAFlag6   = 0xc1206949
)

// Address families of FreeBSD, sys/socket.h.
const (
	AFInet  = 2
	AFLink  = 18
	AFInet6 = 28
)

// Sizes of the structures.
const (
	IfNameSize     = 16 // with the final NUL
	IfreqSize      = 32
	ifaliasreqSize = 68
	in6AliasSize   = 136
	in6IfreqSize   = 288
	in6NDSize      = 72
	In6NDFlags     = 36
	sinSize        = 16
	Sin6Size       = 28
	vlanreqSize    = 20
	IfbreqSize     = 80
	IfbreqFlags    = 16
	ifbareqSize    = 40
	IfgreqSize     = 16
)

const (
	FlagUp        = 0x1  // IFF_UP
	AddrTentative = 0x2  // IN6_IFF_TENTATIVE
	AddrDuplicate = 0x4  // IN6_IFF_DUPLICATED
	AddrAutoconf  = 0x40 // IN6_IFF_AUTOCONF
	MemberLearn   = 0x1  // IFBIF_LEARNING
	MemberFlood   = 0x2  // IFBIF_DISCOVER
	staticAddr    = 1    // IFBAF_STATIC
	foreverLife   = 0xffffffff
	etherTypeVLAN = 0x8100

	BRDGAdd      = 0
	BRDGDel      = 1
	BRDGGIFFlags = 2
	BRDGSIFFlags = 3
	BRDGGIFs     = 6
	BRDGSAddr    = 8
	BRDGDAddr    = 11
)

// named returns a structure of a size in bytes that begins with a name.
func named(name string, size int) []byte {
	b := make([]byte, size)
	copy(b[:IfNameSize-1], name)
	return b
}

// Ifreq returns a request with the name and an empty union.
func Ifreq(name string) []byte { return named(name, IfreqSize) }

// IfreqInt returns a request with a number: an MTU or a jid.
func IfreqInt(name string, n int) []byte {
	b := Ifreq(name)
	binary.NativeEndian.PutUint32(b[IfNameSize:], uint32(int32(n)))
	return b
}

// IfreqFlags reads the flags; the lower half comes first.
func IfreqFlags(b []byte) uint32 {
	return uint32(binary.NativeEndian.Uint16(b[16:])) | uint32(binary.NativeEndian.Uint16(b[18:]))<<16
}

// PutIfreqFlags writes the flags into a request.
func PutIfreqFlags(b []byte, flags uint32) {
	binary.NativeEndian.PutUint16(b[16:], uint16(flags))
	binary.NativeEndian.PutUint16(b[18:], uint16(flags>>16))
}

// IfreqMAC carries a MAC address for SIOCSIFLLADDR.
func IfreqMAC(name string, mac net.HardwareAddr) []byte {
	b := Ifreq(name)
	b[16], b[17] = byte(len(mac)), AFLink
	copy(b[18:], mac)
	return b
}

// Sockaddr returns a sockaddr_in or a sockaddr_in6. A link-local address needs the
// index of its interface.
func Sockaddr(addr netip.Addr, scope int) []byte {
	if addr.Is4() {
		b := make([]byte, sinSize)
		b[0], b[1] = sinSize, AFInet
		a := addr.As4()
		copy(b[4:], a[:])
		return b
	}
	b := make([]byte, Sin6Size)
	b[0], b[1] = Sin6Size, AFInet6
	a := addr.As16()
	copy(b[8:], a[:])
	if addr.IsLinkLocalUnicast() || addr.IsLinkLocalMulticast() {
		binary.NativeEndian.PutUint32(b[24:], uint32(scope))
	}
	return b
}

// maskAddr returns a prefix length as an address.
func maskAddr(p netip.Prefix) netip.Addr {
	mask, _ := netip.AddrFromSlice(net.CIDRMask(p.Bits(), p.Addr().BitLen()))
	return mask
}

// Ifaliasreq adds an IPv4 address. Without a broadcast address the kernel
// derives it.
func Ifaliasreq(name string, a kernel.Address) []byte {
	b := named(name, ifaliasreqSize)
	copy(b[16:], Sockaddr(a.Prefix.Addr(), 0))
	if a.Broadcast.Is4() {
		copy(b[32:], Sockaddr(a.Broadcast, 0))
	}
	copy(b[48:], Sockaddr(maskAddr(a.Prefix), 0))
	return b
}

// In6AliasReq adds an IPv6 address that never expires.
func In6AliasReq(name string, a kernel.Address, scope int) []byte {
	b := named(name, in6AliasSize)
	copy(b[16:], Sockaddr(a.Prefix.Addr(), scope))
	copy(b[72:], Sockaddr(maskAddr(a.Prefix), 0))
	binary.NativeEndian.PutUint32(b[120:], foreverLife)
	binary.NativeEndian.PutUint32(b[124:], foreverLife)
	return b
}

// In6Ifreq names an IPv6 address of an interface.
func In6Ifreq(name string, addr netip.Addr, scope int) []byte {
	b := named(name, in6IfreqSize)
	copy(b[16:], Sockaddr(addr, scope))
	return b
}

// In6NDReq returns a request about the IPv6 flags of an interface.
func In6NDReq(name string) []byte { return named(name, in6NDSize) }

// Vlanreq returns the parent and tag of a vlan(4) interface.
func Vlanreq(v kernel.VLAN) []byte {
	b := named(v.Parent, vlanreqSize)
	binary.NativeEndian.PutUint16(b[16:], v.Tag)
	binary.NativeEndian.PutUint16(b[18:], etherTypeVLAN)
	return b
}

// Ifbreq returns a request about a member of a bridge.
func Ifbreq(member string) []byte { return named(member, IfbreqSize) }

// Ifbareq returns a static entry of a bridge's address table.
func Ifbareq(member string, mac net.HardwareAddr) []byte {
	b := named(member, ifbareqSize)
	b[24] = staticAddr
	copy(b[25:31], mac)
	return b
}

// IfconfEntry is one address that SIOCGIFCONF reports.
type IfconfEntry struct {
	Name   string
	Family byte
	Index  int // of a link address
	Mac    net.HardwareAddr
	Addr   netip.Addr
}

// ParseIfconf reads SIOCGIFCONF's buffer: a name and a sockaddr each, which
// takes at least 16 bytes.
func ParseIfconf(b []byte) []IfconfEntry {
	var list []IfconfEntry
	for len(b) >= IfreqSize {
		sa := b[IfNameSize:]
		size := max(int(sa[0]), sinSize)
		if size > len(sa) {
			break
		}
		e := IfconfEntry{Name: CString(b[:IfNameSize]), Family: sa[1]}
		switch e.Family {
		case AFLink:
			e.Index, e.Mac = parseLink(sa[:size])
		case AFInet, AFInet6:
			e.Addr = parseSockaddr(sa[:size])
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
	case sa[1] == AFInet && len(sa) >= 8:
		return netip.AddrFrom4([4]byte(sa[4:8]))
	case sa[1] == AFInet6 && len(sa) >= 24:
		a := [16]byte(sa[8:24])
		if addr := netip.AddrFrom16(a); addr.IsLinkLocalUnicast() || addr.IsLinkLocalMulticast() {
			a[2], a[3] = 0, 0
		}
		return netip.AddrFrom16(a)
	}
	return netip.Addr{}
}

// MaskBits counts the bits of a mask in a sockaddr that may be cut short, as
// masks are in the kernel's answers.
func MaskBits(sa []byte, v6 bool) int {
	from, most := 4, 4
	if v6 {
		from, most = 8, 16
	}
	n := 0
	for _, c := range sa[min(from, len(sa)):min(from+most, len(sa))] {
		n += bits.LeadingZeros8(^c)
	}
	return n
}
