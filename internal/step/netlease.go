package step

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/kernel"
)

// leases ends the clients of nics that ask for no address any more, or were made anew,
// takes back what they were given, and lets those ask that have no address.
func (n netChange) leases(ctx context.Context, old map[string]network.NIC, made map[string]bool) error {
	plain := func(nic network.NIC) bool { return !nic.DHCP && !nic.SLAAC && nic.Secure == "" }
	if !slices.ContainsFunc(slices.Concat(n.from.NICs, n.to.NICs), func(nic network.NIC) bool { return !plain(nic) }) {
		return nil
	}
	r, _, err := n.a.Key.Current(ctx, n.h)
	if err != nil {
		return err
	}
	ended, err := n.endClients(ctx, r, made)
	if err != nil {
		return err
	}
	for _, nic := range n.to.NICs {
		was := old[nic.Name]
		learnt := r.Learnt[nic.Name]
		if was.DHCP && !nic.DHCP && len(learnt) == 0 { // rc(8) of the jail ran the client
			p, ok, err := dynamic(ctx, n.h.Kernel, n.a.ID, nic, false)
			if err != nil {
				return err
			}
			if ok {
				learnt = []netip.Prefix{p}
			}
		}
		kept, lost, err := n.takeBack(ctx, nic, learnt, ended)
		if err != nil {
			return err
		}
		lost = lost || made[nic.Name]
		switch {
		case nic.DHCP && (lost || ended || !was.DHCP), nic.SLAAC && (lost || !was.SLAAC):
			// Also where rc(8) of the jail ran the client: it does not run again.
			a := n.request(nic)
			_, err = request(ctx, n.h, n.a.ID, a)
			err = a.tolerate(err)
		case !plain(nic) || len(learnt) > 0:
			err = learn(ctx, n.h, n.a.Key, n.a.ID, nic, kept)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// endClients ends the DHCP clients and reports that none is left, if one of them is to end
// or has ended by itself: one cannot be told from another, so all ask again.
func (n netChange) endClients(ctx context.Context, r netRecord, made map[string]bool) (bool, error) {
	k, id := n.h.Kernel, n.a.ID
	for _, was := range n.from.NICs {
		if was.DHCP && (made[was.Name] || !n.to.Leases(was.Name)) {
			return true, endClients(ctx, k, id, nil)
		}
	}
	for _, nic := range n.to.NICs {
		if nic.DHCP && len(r.Learnt[nic.Name]) > 0 {
			left, err := clients(ctx, k, id)
			return len(left) == 0, err
		}
	}
	return false, nil
}

// takeBack removes the addresses that a nic was given and is not to have any more, and
// returns the others. It reports whether one has gone.
func (n netChange) takeBack(ctx context.Context, nic network.NIC, learnt []netip.Prefix, ended bool) (kept []netip.Prefix, lost bool, err error) {
	if len(learnt) == 0 {
		return nil, false, nil
	}
	in := n.h.Kernel.In(n.a.ID)
	inside, err := in.Interfaces(ctx)
	if err != nil {
		return nil, false, err
	}
	for _, p := range learnt {
		there := slices.ContainsFunc(inside, func(i kernel.Interface) bool { return i.Name == nic.Name && slices.Contains(i.Addrs, p) })
		goes := p.Addr().Is4() && (ended || !nic.DHCP) || p.Addr().Is6() && !nic.SLAAC
		if there && !goes {
			kept = append(kept, p)
			continue
		}
		lost = true
		if there {
			err = ignore.Err(in.AddressDelete(ctx, nic.Name, p.Addr()), kernel.ErrNotFound)
		}
		if err != nil {
			return nil, false, err
		}
	}
	return kept, lost, nil
}

// backLimit is how long an undo waits for an address.
const backLimit = 10 * time.Second

// request is how a nic asks for addresses.
func (n netChange) request(nic network.NIC) RequestAddress {
	for _, a := range n.a.Requests {
		if a.NIC.Name == nic.Name && a.NIC.DHCP == nic.DHCP && a.NIC.SLAAC == nic.SLAAC && !n.back {
			return a
		}
	}
	// That there is no address on the way back is no reason to stop half way.
	return RequestAddress{Key: n.a.Key, Jail: n.to.Jail, NIC: nic, Limit: backLimit, Optional: true}
}
