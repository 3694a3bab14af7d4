package kernel

import (
	"cmp"
	"slices"
)

// InterfaceCounters is what an interface has counted since it was made, as the
// stack it is in sees it: what the host's end of an epair(4) received is what the
// other end sent. netstat(1) -i prints the same.
type InterfaceCounters struct {
	Name            string
	ReceivedBytes   uint64
	ReceivedPackets uint64
	ReceivedErrors  uint64
	ReceivedDrops   uint64
	SentBytes       uint64
	SentPackets     uint64
	SentErrors      uint64
	SentDrops       uint64
}

// if_msghdr and the if_data in it, net/if.h with the sizes of 64-bit machines.
const (
	rtmIfInfo   = 14
	ifMsgSize   = 168
	ifMsgData   = 16
	ifDataSize  = 152
	rtaIfp      = 0x10
	sdlNameSize = 5 // offset of sdl_nlen in sockaddr_dl
	sdlName     = 8 // offset of the name
)

// parseIfList reads the answer of the sysctl node NET_RT_IFLIST: a message for
// each interface, with its sockaddr_dl behind it, and others for its addresses.
func parseIfList(b []byte) []InterfaceCounters {
	var out []InterfaceCounters
	for len(b) >= 4 {
		size := int(nativeUint(b[:2]))
		if size < 4 || size > len(b) {
			break
		}
		m := b[:size]
		b = b[size:]
		if m[2] != rtmVersion || m[3] != rtmIfInfo || size < ifMsgSize || nativeUint(m[4:8])&rtaIfp == 0 {
			continue
		}
		data := m[ifMsgData : ifMsgData+ifDataSize]
		link := m[ifMsgSize:]
		if len(link) < sdlName || link[1] != afLink || len(link) < sdlName+int(link[sdlNameSize]) {
			continue
		}
		count := func(at int) uint64 { return nativeUint(data[at : at+8]) }
		out = append(out, InterfaceCounters{
			Name:            string(link[sdlName : sdlName+int(link[sdlNameSize])]),
			ReceivedPackets: count(24), ReceivedErrors: count(32), SentPackets: count(40), SentErrors: count(48),
			ReceivedBytes: count(64), SentBytes: count(72), ReceivedDrops: count(96), SentDrops: count(104),
		})
	}
	slices.SortFunc(out, func(a, b InterfaceCounters) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
