package kernel

import (
	"cmp"
	"context"
	"slices"
	"syscall"
)

// InterfaceCounters implements [Kernel].
func (v *simView) InterfaceCounters(ctx context.Context) ([]InterfaceCounters, error) {
	var out []InterfaceCounters
	err := v.call(ctx, "sysctl", "net.route.0.0.iflist.0", func(n *simNet, st *netStack) error {
		for _, f := range n.in(st) {
			c := f.Counted
			c.Name = f.If.Name
			out = append(out, c)
		}
		return nil
	})
	slices.SortFunc(out, func(a, b InterfaceCounters) int { return cmp.Compare(a.Name, b.Name) })
	return out, err
}

// Carry counts traffic on an interface of the host as if it had passed: c is as
// the host sees it. The other end of an epair counts the reverse.
func (s *Sim) Carry(c InterfaceCounters) error {
	k := s.s
	k.mu.Lock()
	defer k.mu.Unlock()
	f := k.net.find(k.net.stacks[0], c.Name)
	if f == nil {
		return netError("carry", c.Name, syscall.ENXIO)
	}
	f.Counted.add(c)
	k.net.touch(f)
	if peer := k.net.ifs[f.Peer]; peer != nil {
		peer.Counted.add(c.reversed())
		k.net.touch(peer)
	}
	return k.commit()
}

func (c *InterfaceCounters) add(o InterfaceCounters) {
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
func (c InterfaceCounters) reversed() InterfaceCounters {
	return InterfaceCounters{
		ReceivedBytes: c.SentBytes, ReceivedPackets: c.SentPackets,
		SentBytes: c.ReceivedBytes, SentPackets: c.ReceivedPackets,
	}
}
