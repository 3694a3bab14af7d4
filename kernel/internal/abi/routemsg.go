package abi

import (
	"encoding/binary"
	"net/netip"
	"strings"

	"github.com/libioc/go-libioc/kernel"
)

// route(4) messages, net/route.h with the sizes of 64-bit machines.
const (
	rtMsgSize        = 152
	RTMVersion       = 5
	RTMAdd           = 1
	RTMDelete        = 2
	RTMGet           = 4
	RTFUp            = 0x1
	RTFGateway       = 0x2
	RTFHost          = 0x4
	RTFStatic        = 0x800
	RTADst           = 0x1
	RTAGateway       = 0x2
	RTANetmask       = 0x4
	SizeofSockaddrDL = 54
	routeAddrMax     = 8 // RTAX_MAX
)

// RouteMessage is a request for one route. index is the interface's, for a
// route without gateway or with a link-local one.
func RouteMessage(kind byte, r kernel.Route, index int, seq int32) []byte {
	b := make([]byte, rtMsgSize)
	flags, addrs := uint32(RTFUp|RTFStatic), uint32(RTADst)
	dest := r.Dest.Masked()
	b = appendPadded(b, Sockaddr(dest.Addr(), index))
	switch {
	case r.Gateway.IsValid():
		flags |= RTFGateway
		addrs |= RTAGateway
		b = appendPadded(b, Sockaddr(r.Gateway.WithZone(""), index))
	case index != 0:
		addrs |= RTAGateway
		dl := make([]byte, SizeofSockaddrDL)
		dl[0], dl[1] = SizeofSockaddrDL, AFLink
		binary.NativeEndian.PutUint16(dl[2:], uint16(index))
		b = appendPadded(b, dl)
	}
	if dest.IsSingleIP() {
		flags |= RTFHost
	} else {
		addrs |= RTANetmask
		b = appendPadded(b, Sockaddr(maskAddr(dest), 0))
	}
	binary.NativeEndian.PutUint16(b, uint16(len(b)))
	b[2], b[3] = RTMVersion, kind
	binary.NativeEndian.PutUint16(b[4:], uint16(index))
	binary.NativeEndian.PutUint32(b[8:], flags)
	binary.NativeEndian.PutUint32(b[12:], addrs)
	binary.NativeEndian.PutUint32(b[20:], uint32(seq))
	return b
}

// appendPadded adds a sockaddr; each starts at a multiple of a long's size.
func appendPadded(b, sa []byte) []byte {
	b = append(b, sa...)
	for len(b)%8 != 0 {
		b = append(b, 0)
	}
	return b
}

// parsedRoute is one route of the kernel's table.
type parsedRoute struct {
	kernel.Route
	Index int
	Flags uint32
}

// IsOwnAddress tells a host route that came with an address: it leads through a
// loopback interface without a gateway.
func (r parsedRoute) IsOwnAddress(nic string) bool {
	return r.Flags&RTFHost != 0 && r.Flags&RTFGateway == 0 && strings.HasPrefix(nic, "lo")
}

// ParseRoutes reads the routes of NET_RT_DUMP. Messages of other kinds or
// families are skipped.
func ParseRoutes(b []byte) []parsedRoute {
	var list []parsedRoute
	for len(b) >= rtMsgSize {
		size := int(binary.NativeEndian.Uint16(b))
		if size < rtMsgSize || size > len(b) {
			break
		}
		if r, ok := parseRoute(b[:size]); ok {
			list = append(list, r)
		}
		b = b[size:]
	}
	return list
}

func parseRoute(b []byte) (r parsedRoute, ok bool) {
	if b[2] != RTMVersion || b[3] != RTMGet {
		return r, false
	}
	r.Index = int(binary.NativeEndian.Uint16(b[4:]))
	r.Flags = binary.NativeEndian.Uint32(b[8:])
	addrs := binary.NativeEndian.Uint32(b[12:])
	sas := [routeAddrMax][]byte{}
	rest := b[rtMsgSize:]
	for i := range sas {
		if addrs&(1<<i) == 0 {
			continue
		}
		if len(rest) == 0 {
			return r, false
		}
		size := int(rest[0])
		if size > len(rest) {
			return r, false
		}
		sas[i] = rest[:size]
		rest = rest[min(max((size+7)&^7, 8), len(rest)):]
	}
	dst := parseSockaddr(sas[0])
	if !dst.IsValid() {
		return r, false
	}
	bits := dst.BitLen()
	if sas[2] != nil {
		bits = MaskBits(sas[2], dst.Is6())
	} else if r.Flags&RTFHost == 0 && addrs&RTANetmask != 0 {
		bits = 0
	}
	r.Dest = netip.PrefixFrom(dst, bits)
	if r.Flags&RTFGateway != 0 {
		r.Gateway = parseSockaddr(sas[1])
	}
	return r, true
}
