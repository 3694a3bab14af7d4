package kernel

import (
	"context"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

// ifInfo is a message of NET_RT_IFLIST.
func ifInfo(name string, receivedPackets, sentPackets, receivedBytes, sentBytes uint64) []byte {
	b := make([]byte, ifMsgSize+56)
	order := binary.NativeEndian
	order.PutUint16(b, uint16(len(b)))
	b[2], b[3] = rtmVersion, rtmIfInfo
	order.PutUint32(b[4:], rtaIfp)
	data := b[ifMsgData:]
	order.PutUint16(data[6:], ifDataSize)
	order.PutUint64(data[24:], receivedPackets)
	order.PutUint64(data[40:], sentPackets)
	order.PutUint64(data[64:], receivedBytes)
	order.PutUint64(data[72:], sentBytes)
	link := b[ifMsgSize:]
	link[0], link[1], link[sdlNameSize] = 54, afLink, byte(len(name))
	copy(link[sdlName:], name)
	return b
}

func TestParseIfList(t *testing.T) {
	address := make([]byte, 20)
	binary.NativeEndian.PutUint16(address, 20)
	address[2], address[3] = rtmVersion, 12 // RTM_NEWADDR
	two := append(append(ifInfo("lo0", 1, 2, 3, 4), address...), ifInfo("epair0a", 5, 6, 7, 8)...)
	want := []InterfaceCounters{
		{Name: "epair0a", ReceivedPackets: 5, SentPackets: 6, ReceivedBytes: 7, SentBytes: 8},
		{Name: "lo0", ReceivedPackets: 1, SentPackets: 2, ReceivedBytes: 3, SentBytes: 4},
	}
	require.Equal(t, want, parseIfList(two))
	require.Equal(t, want[1:], parseIfList(two[:len(two)-1]), "a message that was cut")
	require.Empty(t, parseIfList(nil))
	require.Empty(t, parseIfList(make([]byte, 400)))
}

func TestSimCarry(t *testing.T) {
	s, err := NewSim(SimOptions{})
	require.NoError(t, err)
	ctx := context.Background()
	name, err := s.InterfaceCreate(ctx, "epair")
	require.NoError(t, err)
	require.NoError(t, s.Carry(InterfaceCounters{Name: name, ReceivedBytes: 100, ReceivedPackets: 2, SentBytes: 10, SentPackets: 1, SentDrops: 3}))
	require.Error(t, s.Carry(InterfaceCounters{Name: "no"}))
	list, err := s.InterfaceCounters(ctx)
	require.NoError(t, err)
	got := map[string]InterfaceCounters{}
	for _, c := range list {
		got[c.Name] = c
	}
	other := name[:len(name)-1] + "b"
	require.Equal(t, InterfaceCounters{Name: name, ReceivedBytes: 100, ReceivedPackets: 2, SentBytes: 10, SentPackets: 1, SentDrops: 3}, got[name])
	require.Equal(t, InterfaceCounters{Name: other, SentBytes: 100, SentPackets: 2, ReceivedBytes: 10, ReceivedPackets: 1}, got[other])
}
