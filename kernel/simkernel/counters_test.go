package simkernel

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/kernel"
)

func TestCarry(t *testing.T) {
	s, err := New(Options{})
	require.NoError(t, err)
	ctx := context.Background()
	name, err := s.InterfaceCreate(ctx, "epair")
	require.NoError(t, err)
	require.NoError(t, s.Carry(kernel.InterfaceCounters{Name: name, ReceivedBytes: 100, ReceivedPackets: 2, SentBytes: 10, SentPackets: 1, SentDrops: 3}))
	require.Error(t, s.Carry(kernel.InterfaceCounters{Name: "no"}))
	list, err := s.InterfaceCounters(ctx)
	require.NoError(t, err)
	got := map[string]kernel.InterfaceCounters{}
	for _, c := range list {
		got[c.Name] = c
	}
	other := name[:len(name)-1] + "b"
	require.Equal(t, kernel.InterfaceCounters{Name: name, ReceivedBytes: 100, ReceivedPackets: 2, SentBytes: 10, SentPackets: 1, SentDrops: 3}, got[name])
	require.Equal(t, kernel.InterfaceCounters{Name: other, SentBytes: 100, SentPackets: 2, ReceivedBytes: 10, ReceivedPackets: 1}, got[other])
}
