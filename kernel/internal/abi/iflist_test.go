package abi

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/kernel"
)

// ifInfo is a message of NET_RT_IFLIST.
func ifInfo(name string, receivedPackets, sentPackets, receivedBytes, sentBytes uint64) []byte {
	b := make([]byte, ifMsgSize+56)
	order := binary.NativeEndian
	order.PutUint16(b, uint16(len(b)))
	b[2], b[3] = RTMVersion, RTMIfInfo
	order.PutUint32(b[4:], RTAIfp)
	data := b[ifMsgData:]
	order.PutUint16(data[6:], ifDataSize)
	order.PutUint64(data[24:], receivedPackets)
	order.PutUint64(data[40:], sentPackets)
	order.PutUint64(data[64:], receivedBytes)
	order.PutUint64(data[72:], sentBytes)
	link := b[ifMsgSize:]
	link[0], link[1], link[sdlNameSize] = 54, AFLink, byte(len(name))
	copy(link[sdlName:], name)
	return b
}

func TestParseIfList(t *testing.T) {
	address := make([]byte, 20)
	binary.NativeEndian.PutUint16(address, 20)
	address[2], address[3] = RTMVersion, 12 // RTM_NEWADDR
	two := append(append(ifInfo("lo0", 1, 2, 3, 4), address...), ifInfo("epair0a", 5, 6, 7, 8)...)
	want := []kernel.InterfaceCounters{
		{Name: "epair0a", ReceivedPackets: 5, SentPackets: 6, ReceivedBytes: 7, SentBytes: 8},
		{Name: "lo0", ReceivedPackets: 1, SentPackets: 2, ReceivedBytes: 3, SentBytes: 4},
	}
	require.Equal(t, want, ParseIfList(two))
	require.Equal(t, want[1:], ParseIfList(two[:len(two)-1]), "a message that was cut")
	require.Empty(t, ParseIfList(nil))
	require.Empty(t, ParseIfList(make([]byte, 400)))
}
