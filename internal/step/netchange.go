package step

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/kernel"
)

// ChangeNetwork brings the network of a running jail from one state to
// another, applying only the differences, and looks whether it is what it should be then.
// From may be the same as To; then it is a repair.
type ChangeNetwork struct {
	Key  NetKey          `json:"key"`
	ID   kernel.Identity `json:"id"`
	From network.Spec    `json:"from"`
	To   network.Spec    `json:"to"`
	// Params are the addresses of a jail without its own stack.
	Params    []Param `json:"params,omitempty"`
	OldParams []Param `json:"old_params,omitempty"`
	// Requests are how the nics of To ask for addresses.
	Requests []RequestAddress `json:"requests,omitempty"`
}

func (ChangeNetwork) Kind() string                { return "change network" }
func (ChangeNetwork) Event(e Env) events.IocEvent { return events.JailNetworkSetup{Jail: e.Name} }

func (a ChangeNetwork) Detail() string {
	text := describeNetwork(a.To)
	for _, was := range a.From.NICs {
		if was.DHCP && !a.To.Leases(was.Name) {
			text += ", end dhclient of " + was.Name
		}
	}
	return text
}

func (a ChangeNetwork) Do(ctx context.Context, e Env, c *plan.Call) error {
	var effect changeEffect
	err := LockedNetwork(ctx, e.Host, func() (err error) {
		table, err := NetTable(ctx, e.Host)
		if err != nil {
			return err
		}
		if err := table.Check(a.To); err != nil {
			return plan.Again(err)
		}
		if effect.Record, err = a.Key.before(e.Host); err != nil {
			return err
		}
		if err := c.SetEffect(effect); err != nil {
			return err
		}
		// What it had stays its own until it is gone.
		r := table[a.To.Jail]
		if r.Boot, err = e.Host.Kernel.BootID(ctx); err != nil {
			return err
		}
		r.Spec, r.Held = a.To, &a.From
		return a.Key.write(ctx, e.Host, r)
	})
	if err != nil {
		return err
	}
	n := netChange{a: a, h: e.Host, from: a.From, to: a.To, params: a.Params, write: a.Key.write}
	if err := n.apply(ctx, func(m network.Made) error {
		effect.Made = m
		return c.SetEffect(effect)
	}); err != nil {
		return err
	}
	return n.verify(ctx)
}

func (a ChangeNetwork) Undo(ctx context.Context, e Env, c *plan.Call) error {
	var done changeEffect
	if c.Rebooted || !c.Effect(&done) {
		return nil
	}
	id, there, err := find(ctx, e, a.ID.Name)
	if err != nil || !there || id != a.ID {
		return err // it has ended, and what is left is found by its marks
	}
	err = network.RemoveNIC(ctx, e.Host.Kernel, a.To.Jail, "-", done.Made) // only what has no mark
	n := netChange{a: a, h: e.Host, from: a.To, to: a.From, params: a.OldParams, back: true, write: func(ctx context.Context, h *host.Host, r netRecord) error {
		return spare(a.Key.write(ctx, h, r))
	}}
	if e := n.apply(ctx, func(network.Made) error { return nil }); e != nil {
		// The jail's root can see to it that this never works: no later operation waits for it.
		return plan.Final(errors.Join(err, e))
	}
	if !done.Record.Had {
		return errors.Join(err, a.Key.Remove(e.Host))
	}
	return errors.Join(err, forgetHeld(ctx, e, a.Key))
}

// SettleNetwork gives up what a change of the network has kept so that it could be taken
// back.
type SettleNetwork struct {
	Key  NetKey `json:"key"`
	Jail string `json:"jail"`
}

func (SettleNetwork) Kind() string                { return "settle network" }
func (a SettleNetwork) Detail() string            { return a.Jail }
func (SettleNetwork) Event(e Env) events.IocEvent { return events.JailNetworkSetup{Jail: e.Name} }

func (a SettleNetwork) Do(ctx context.Context, e Env, _ *plan.Call) error {
	return forgetHeld(ctx, e, a.Key)
}

func forgetHeld(ctx context.Context, e Env, key NetKey) error {
	return LockedNetwork(ctx, e.Host, func() error {
		r, ok, err := key.Current(ctx, e.Host)
		if err != nil || !ok || r.Held == nil {
			return err
		}
		r.Held = nil
		return spare(key.write(ctx, e.Host, r))
	})
}

type changeEffect struct {
	Record Before       `json:"record"`
	Made   network.Made `json:"made"`
}

// netChange brings a running jail's network from one state to another.
type netChange struct {
	a        ChangeNetwork
	h        *host.Host
	from, to network.Spec
	params   []Param
	back     bool // it is an undo
	write    func(context.Context, *host.Host, netRecord) error
}

func (n netChange) apply(ctx context.Context, will func(network.Made) error) error {
	var err error
	if n.to.VNET {
		err = n.stack(ctx, will)
	} else {
		err = n.aliases(ctx)
	}
	if err != nil {
		return err
	}
	return LockedNetwork(ctx, n.h, func() error {
		if err := network.EnsurePf(ctx, n.h.Kernel, n.from, n.to); err != nil {
			return err
		}
		return n.record(ctx, func(r *netRecord) { r.Spec = n.to })
	})
}

// record changes the jail's record. The caller holds LockNetwork's lock.
func (n netChange) record(ctx context.Context, change func(r *netRecord)) error {
	r, _, err := n.a.Key.Current(ctx, n.h)
	if err != nil {
		return err
	}
	if r.Boot, err = n.h.Kernel.BootID(ctx); err != nil {
		return err
	}
	change(&r)
	return n.write(ctx, n.h, r)
}

// verify looks whether the jail has what it should have.
func (n netChange) verify(ctx context.Context) error {
	r, _, err := n.a.Key.Current(ctx, n.h)
	if err != nil {
		return err
	}
	found, inside, err := network.Differences(ctx, n.h.Kernel, n.a.ID, r)
	if !n.outsideAlone() {
		found = append(found, inside...)
	}
	if err == nil && len(found) > 0 {
		err = fmt.Errorf("the network %w: %s", jailerr.ErrChanged, strings.Join(found, "; "))
	}
	return err
}

// outsideAlone reports whether the change is of the host's firewall alone. What is inside
// is not its concern then, and the jail's root cannot keep it from being made.
func (n netChange) outsideAlone() bool {
	from, to := n.from, n.to
	from.Forwards, from.NAT, from.Open, from.Notes = to.Forwards, to.NAT, to.Open, to.Notes
	return !reflect.DeepEqual(n.from, n.to) && reflect.DeepEqual(from, to)
}

// aliases adds addresses before the jail gets them and removes them after
// it has lost them.
func (n netChange) aliases(ctx context.Context) error {
	h := n.h
	wanted := func(alias network.Alias) bool { return slices.Contains(n.to.Aliases, alias) }
	moved := func(alias network.Alias) bool { // to another interface or prefix length
		return !wanted(alias) && slices.ContainsFunc(n.to.Aliases, func(a network.Alias) bool { return a.Prefix.Addr() == alias.Prefix.Addr() })
	}
	err := LockedNetwork(ctx, h, func() error {
		r, _, err := n.a.Key.Current(ctx, h)
		if err != nil {
			return err
		}
		if r.Added, err = n.moveAliases(ctx, r.Added, moved); err != nil {
			return err
		}
		_, err = network.AddAliases(ctx, h.Kernel, n.to.Aliases, func(added []network.Alias) error {
			// Written down before it exists, so that nothing is left behind.
			return n.record(ctx, func(next *netRecord) { next.Added = slices.Concat(r.Added, added) })
		})
		return err
	})
	if err != nil {
		return err
	}
	if err := network.WaitBindable(ctx, h.Kernel, n.to.Aliases); err != nil {
		return err
	}
	if err := updateJail(ctx, h, n.a.ID, n.params); err != nil {
		return err
	}
	return LockedNetwork(ctx, h, func() error {
		r, _, err := n.a.Key.Current(ctx, h)
		if err != nil {
			return err
		}
		gone := slices.DeleteFunc(slices.Clone(r.Added), func(a network.Alias) bool { return wanted(a) || moved(a) })
		if err := ReleaseAliases(ctx, h, n.a.ID.Name, true, gone); err != nil {
			return err
		}
		return n.record(ctx, func(r *netRecord) {
			r.Spec = n.to
			r.Added = slices.DeleteFunc(r.Added, func(alias network.Alias) bool { return slices.Contains(gone, alias) })
		})
	})
}

// moveAliases takes away addresses that are to be on another interface, or have another
// prefix length, and are added again at once. What another jail uses stays as it is.
func (n netChange) moveAliases(ctx context.Context, added []network.Alias, moved func(network.Alias) bool) (kept []network.Alias, err error) {
	if !slices.ContainsFunc(added, moved) {
		return added, nil
	}
	table, err := NetTable(ctx, n.h)
	if err != nil {
		return nil, err
	}
	for _, a := range added {
		if !moved(a) || len(table.Users(a.Prefix.Addr(), n.to.Jail)) > 0 {
			kept = append(kept, a)
			continue
		}
		if err := ignore.Err(n.h.Kernel.AddressDelete(ctx, a.Interface, a.Prefix.Addr()), kernel.ErrNotFound); err != nil {
			return nil, fmt.Errorf("address %s: %w", a, err)
		}
	}
	return kept, n.record(ctx, func(r *netRecord) { r.Added = kept })
}

// stack changes the jail's own stack.
func (n netChange) stack(ctx context.Context, will func(network.Made) error) error {
	old := map[string]network.NIC{}
	for _, nic := range n.from.NICs {
		if !slices.ContainsFunc(n.to.NICs, func(m network.NIC) bool { return m.Name == nic.Name && m.Secure == nic.Secure }) {
			if err := removeNIC(ctx, n.h, EnsureNIC{Jail: n.from.Jail, NIC: nic, Bridge: BridgeOf(n.from, nic)}, network.Made{}); err != nil {
				return err
			}
			continue
		}
		old[nic.Name] = nic
	}
	made := map[string]bool{}
	for _, nic := range n.to.NICs {
		a := EnsureNIC{Jail: n.to.Jail, NIC: nic, Bridge: BridgeOf(n.to, nic)}
		done, err := ensureNIC(ctx, n.h, n.a.ID, a, old[nic.Name], will)
		if err != nil {
			return err
		}
		made[nic.Name] = done.Made
	}
	in := n.h.Kernel.In(n.a.ID)
	// Before a lease: dhclient(8) keeps a default route that exists.
	if err := network.RemoveRoutes(ctx, in, n.goneRoutes()); err != nil {
		return err
	}
	if err := n.leases(ctx, old, made); err != nil {
		return err
	}
	if err := n.bridges(ctx); err != nil {
		return err
	}
	if err := network.EnsureLoopback(ctx, in, n.to.Loopback, n.from.Loopback); err != nil {
		return err
	}
	return network.EnsureRoutes(ctx, in, n.to.Routes)
}

// bridges takes away those that were made on request and are not needed any more.
func (n netChange) bridges(ctx context.Context) error {
	var all error
	for _, b := range n.from.Bridges {
		if slices.Contains(n.to.Bridges, b) {
			continue
		}
		all = errors.Join(all, LockedNetwork(ctx, n.h, func() error {
			return network.RemoveBridge(ctx, n.h.Kernel, b, network.Made{})
		}))
	}
	return all
}

// goneRoutes are the routes that go, with the default routes that came with addresses.
func (n netChange) goneRoutes() []network.Route {
	gone := slices.Clone(n.from.Routes)
	for _, v6 := range []bool{false, true} {
		came := func(s network.Spec) bool {
			return slices.ContainsFunc(s.NICs, func(nic network.NIC) bool { return nic.DHCP && !v6 || nic.SLAAC && v6 })
		}
		if came(n.from) && !came(n.to) {
			dest := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
			if v6 {
				dest = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
			}
			gone = append(gone, network.Route{Dest: dest})
		}
	}
	return slices.DeleteFunc(gone, func(r network.Route) bool {
		return slices.ContainsFunc(n.to.Routes, func(s network.Route) bool { return s.Dest == r.Dest && s.FIB == r.FIB })
	})
}
