package simkernel

import (
	"cmp"
	"context"
	"slices"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/refusal"
)

// ifList is the node of sysctl(3) that lists interfaces and their counters.
const ifList = "net.route.0.0.iflist.0"

// InterfaceCounters implements [kernel.Kernel].
func (v *view) InterfaceCounters(ctx context.Context) ([]kernel.InterfaceCounters, error) {
	var out []kernel.InterfaceCounters
	err := v.call(ctx, OpSysctl, ifList, ifList, func(n *network, st *netStack) error {
		for _, f := range n.in(st) {
			c := f.Counted
			c.Name = f.If.Name
			out = append(out, c)
		}
		return nil
	})
	slices.SortFunc(out, func(a, b kernel.InterfaceCounters) int { return cmp.Compare(a.Name, b.Name) })
	return out, err
}

// Carry counts traffic on an interface of the host as if it had passed: c is as
// the host sees it. The other end of an epair counts the reverse.
func (s *Kernel) Carry(c kernel.InterfaceCounters) error {
	k := s.s
	k.mu.Lock()
	defer k.mu.Unlock()
	f := k.net.find(k.net.stacks[0], c.Name)
	if f == nil {
		return refusal.Interface("carry", c.Name, syscall.ENXIO)
	}
	addCounters(&f.Counted, c)
	k.net.touch(f)
	if peer := k.net.ifs[f.Peer]; peer != nil {
		addCounters(&peer.Counted, reversedCounters(c))
		k.net.touch(peer)
	}
	return k.commit()
}

func addCounters(c *kernel.InterfaceCounters, o kernel.InterfaceCounters) {
	c.ReceivedBytes += o.ReceivedBytes
	c.ReceivedPackets += o.ReceivedPackets
	c.ReceivedErrors += o.ReceivedErrors
	c.ReceivedDrops += o.ReceivedDrops
	c.SentBytes += o.SentBytes
	c.SentPackets += o.SentPackets
	c.SentErrors += o.SentErrors
	c.SentDrops += o.SentDrops
}

// reversed is what the other end of a cable counts; what an end could not take
// or give, the other does not know.
func reversedCounters(c kernel.InterfaceCounters) kernel.InterfaceCounters {
	return kernel.InterfaceCounters{
		ReceivedBytes: c.SentBytes, ReceivedPackets: c.SentPackets,
		SentBytes: c.ReceivedBytes, SentPackets: c.ReceivedPackets,
	}
}
