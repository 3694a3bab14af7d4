package abi

import (
	"cmp"
	"slices"

	"github.com/libioc/go-libioc/kernel"
)

// if_msghdr and the if_data in it, net/if.h with the sizes of 64-bit machines.
const (
	RTMIfInfo   = 14
	ifMsgSize   = 168
	ifMsgData   = 16
	ifDataSize  = 152
	RTAIfp      = 0x10
	sdlNameSize = 5 // offset of sdl_nlen in sockaddr_dl
	sdlName     = 8 // offset of the name
)

// ParseIfList reads the answer of the sysctl node NET_RT_IFLIST: a message for
// each interface, with its sockaddr_dl behind it, and others for its addresses.
func ParseIfList(b []byte) []kernel.InterfaceCounters {
	var out []kernel.InterfaceCounters
	for len(b) >= 4 {
		size := int(Uint(b[:2]))
		if size < 4 || size > len(b) {
			break
		}
		m := b[:size]
		b = b[size:]
		if m[2] != RTMVersion || m[3] != RTMIfInfo || size < ifMsgSize || Uint(m[4:8])&RTAIfp == 0 {
			continue
		}
		data := m[ifMsgData : ifMsgData+ifDataSize]
		link := m[ifMsgSize:]
		if len(link) < sdlName || link[1] != AFLink || len(link) < sdlName+int(link[sdlNameSize]) {
			continue
		}
		count := func(at int) uint64 { return Uint(data[at : at+8]) }
		out = append(out, kernel.InterfaceCounters{
			Name:            string(link[sdlName : sdlName+int(link[sdlNameSize])]),
			ReceivedPackets: count(24), ReceivedErrors: count(32), SentPackets: count(40), SentErrors: count(48),
			ReceivedBytes: count(64), SentBytes: count(72), ReceivedDrops: count(96), SentDrops: count(104),
		})
	}
	slices.SortFunc(out, func(a, b kernel.InterfaceCounters) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
