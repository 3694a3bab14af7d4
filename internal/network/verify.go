package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/libioc/go-libioc/kernel"
)

// Differences reports how the network of a running jail differs from its record, each
// difference in words. Outside are those on the host, inside are those that the jail's
// root can make as well. Addresses and interfaces that others have added do not count. It
// changes nothing.
func Differences(ctx context.Context, k kernel.Kernel, id kernel.Identity, r Record) (outside, inside []string, err error) {
	d := &differences{ctx: ctx, k: k, id: id, r: r}
	if d.host, err = k.Interfaces(ctx); err != nil {
		return nil, nil, err
	}
	for _, a := range r.Spec.Aliases {
		if _, there := holder(d.host, a.Prefix.Addr()); !there {
			d.say("the host has no address %s", a)
		}
	}
	if r.Spec.VNET {
		if err := d.stack(); err != nil {
			return nil, nil, err
		}
	}
	return d.outside, d.within, d.pf()
}

type differences struct {
	ctx    context.Context
	k      kernel.Kernel
	id     kernel.Identity
	r      Record
	host   []kernel.Interface
	inside []kernel.Interface

	outside, within []string
}

func (d *differences) say(format string, args ...any) {
	d.outside = append(d.outside, fmt.Sprintf(format, args...))
}

func (d *differences) sayInside(format string, args ...any) {
	d.within = append(d.within, fmt.Sprintf(format, args...))
}

// stack compares the jail's own stack.
func (d *differences) stack() (err error) {
	in, spec := d.k.In(d.id), d.r.Spec
	if d.inside, err = in.Interfaces(d.ctx); err != nil {
		return err
	}
	for _, n := range spec.NICs {
		if err := d.nic(n); err != nil {
			return err
		}
	}
	for _, name := range spec.Hosts {
		mac := spec.HostMACs[name]
		if i, ok := byName(d.inside, name); !ok || mac != "" && i.MAC.String() != mac {
			d.sayInside("the jail does not have the host's %s", name)
		}
	}
	lo, _ := byName(d.inside, "lo0")
	if !lo.Up {
		d.sayInside("lo0 is down")
	}
	d.addresses(lo, spec.Loopback)
	tables := map[int][]kernel.Route{}
	for _, r := range spec.Routes {
		if tables[r.FIB] == nil {
			if tables[r.FIB], err = in.Routes(d.ctx, r.FIB); err != nil {
				return err
			}
		}
		if !slices.ContainsFunc(tables[r.FIB], func(have kernel.Route) bool {
			return have.Dest == r.Dest && have.Gateway.WithZone("") == r.Gateway.WithZone("")
		}) {
			d.sayInside("no route %s", r)
		}
	}
	return nil
}

func (d *differences) addresses(i kernel.Interface, want []netip.Prefix) {
	for _, p := range want {
		if _, there := holder([]kernel.Interface{i}, p.Addr()); !there {
			d.sayInside("%s has no address %s", i.Name, p)
		}
	}
}

func (d *differences) nic(n NIC) error {
	m := &maker{k: d.k, id: d.id, inside: d.inside, jail: d.r.Spec.Jail, nic: n, names: FindNames(d.host, d.r.Spec.Jail, n, d.id.JID), list: d.host}
	whole, err := m.whole(d.ctx)
	if err != nil {
		return err
	}
	if !whole {
		d.say("%s is not joined to %q as it should be", n.Name, n.Bridge)
		return nil
	}
	i := marked(d.inside, d.r.Spec.Jail, n.Name)[0]
	switch {
	case i.Name != n.Name:
		d.sayInside("%s is called %s in the jail", n.Name, i.Name)
	case !i.Up:
		d.sayInside("%s is down", n.Name)
	}
	d.addresses(i, n.Addrs)
	d.addresses(i, d.r.Learnt[n.Name])
	end, _ := m.host()
	for _, g := range n.Gateways {
		if _, there := holder([]kernel.Interface{end}, g.Addr()); n.Bridge == "" && !there {
			d.say("%s has no address %s", end.Name, g)
		}
	}
	if n.Secure == "" {
		return nil
	}
	rules, err := d.k.IpfwRules(d.ctx, Set)
	if err != nil {
		return &FirewallError{"ipfw", err.Error(), "", err}
	}
	if _, same := wanted(rules, d.r.Spec.Jail, n, m.names, d.r.Addrs(n)); !same {
		d.say("%s does not have the rules of Secure VNET", n.Name)
	}
	return nil
}

// pf compares whether there are rules: pfctl(8) prints others than it is given.
func (d *differences) pf() error {
	rules, err := d.k.PfRules(d.ctx, Anchor(d.r.Spec.Jail))
	switch {
	case errors.Is(err, kernel.ErrUnsupported):
		rules = nil
	case err != nil:
		return err
	}
	if (len(rules) > 0) != d.r.Spec.UsesPf() {
		d.say("anchor %s has %d rules", Anchor(d.r.Spec.Jail), len(rules))
	}
	return nil
}
