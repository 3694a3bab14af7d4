package kernel

import (
	"encoding/binary"
	"net/netip"
	"strings"
)

// route(4) messages, net/route.h with the sizes of 64-bit machines.
const (
	rtMsgSize    = 152
	rtmVersion   = 5
	rtmAdd       = 1
	rtmDelete    = 2
	rtmGet       = 4
	rtfUp        = 0x1
	rtfGateway   = 0x2
	rtfHost      = 0x4
	rtfStatic    = 0x800
	rtaDst       = 0x1
	rtaGateway   = 0x2
	rtaNetmask   = 0x4
	sockaddrDL   = 54
	routeAddrMax = 8 // RTAX_MAX
)

// routeMessage is a request for one route. index is the interface's, for a
// route without gateway or with a link-local one.
func routeMessage(kind byte, r Route, index int, seq int32) []byte {
	b := make([]byte, rtMsgSize)
	flags, addrs := uint32(rtfUp|rtfStatic), uint32(rtaDst)
	dest := r.Dest.Masked()
	b = appendPadded(b, sockaddr(dest.Addr(), index))
	switch {
	case r.Gateway.IsValid():
		flags |= rtfGateway
		addrs |= rtaGateway
		b = appendPadded(b, sockaddr(r.Gateway.WithZone(""), index))
	case index != 0:
		addrs |= rtaGateway
		dl := make([]byte, sockaddrDL)
		dl[0], dl[1] = sockaddrDL, afLink
		binary.NativeEndian.PutUint16(dl[2:], uint16(index))
		b = appendPadded(b, dl)
	}
	if dest.IsSingleIP() {
		flags |= rtfHost
	} else {
		addrs |= rtaNetmask
		b = appendPadded(b, sockaddr(maskAddr(dest), 0))
	}
	binary.NativeEndian.PutUint16(b, uint16(len(b)))
	b[2], b[3] = rtmVersion, kind
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
	Route
	index int
	flags uint32
}

// isOwnAddress tells a host route that came with an address: it leads through a
// loopback interface without a gateway.
func (r parsedRoute) isOwnAddress(nic string) bool {
	return r.flags&rtfHost != 0 && r.flags&rtfGateway == 0 && strings.HasPrefix(nic, "lo")
}

// parseRoutes reads the routes of NET_RT_DUMP. Messages of other kinds or
// families are skipped.
func parseRoutes(b []byte) []parsedRoute {
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
	if b[2] != rtmVersion || b[3] != rtmGet {
		return r, false
	}
	r.index = int(binary.NativeEndian.Uint16(b[4:]))
	r.flags = binary.NativeEndian.Uint32(b[8:])
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
		bits = maskBits(sas[2], dst.Is6())
	} else if r.flags&rtfHost == 0 && addrs&rtaNetmask != 0 {
		bits = 0
	}
	r.Dest = netip.PrefixFrom(dst, bits)
	if r.flags&rtfGateway != 0 {
		r.Gateway = parseSockaddr(sas[1])
	}
	return r, true
}
