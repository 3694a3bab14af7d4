package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"

	"github.com/libioc/go-libioc/kernel"
)

// loopback is the interface that the jails have their addresses on, in network.
const loopback = "lo0"

var network = netip.MustParsePrefix("127.86.0.0/24")

// address returns the value of ip4_addr of a jail that is made with this name. It keeps
// the address when it is renamed, so that two jails may have the same one.
func address(name string) string {
	return fmt.Sprintf("%s|127.86.0.%d/32", loopback, 1+slices.Index(names, name))
}

// addresses are what is known of the jails' addresses from round to round.
type addresses struct {
	// unrecorded were added when the journal or the network record that says so was
	// damaged. Nobody can know whose they are.
	unrecorded map[netip.Addr]bool
}

// present returns the addresses of jails that the interface has.
func present(ctx context.Context, k kernel.Kernel) (all []netip.Addr, err error) {
	list, err := k.Interfaces(ctx)
	for _, i := range list {
		for _, a := range i.Addrs {
			if i.Name == loopback && network.Contains(a.Addr()) {
				all = append(all, a.Addr())
			}
		}
	}
	return all, err
}

// damage is called when a journal or a record was damaged.
func (a *addresses) damage(ctx context.Context, k kernel.Kernel) error {
	all, err := present(ctx, k)
	a.unrecorded = map[netip.Addr]bool{}
	for _, one := range all {
		a.unrecorded[one] = true
	}
	return err
}

// left returns the addresses that no running jail has. Unrecorded ones are taken away
// instead.
func (a *addresses) left(ctx context.Context, m *machine) (wrong []string, err error) {
	all, err := present(ctx, m.Kernel)
	if err != nil {
		return nil, err
	}
	used, err := inUse(ctx, m)
	if err != nil {
		return nil, err
	}
	kept := map[netip.Addr]bool{}
	for _, one := range all {
		switch {
		case used[one]:
			kept[one] = a.unrecorded[one]
		case a.unrecorded[one]:
			if derr := m.Kernel.AddressDelete(ctx, loopback, one); !errors.Is(derr, kernel.ErrNotFound) {
				err = errors.Join(err, derr)
			}
		default:
			wrong = append(wrong, fmt.Sprintf("%s has %s of no jail", loopback, one))
		}
	}
	a.unrecorded = kept
	return wrong, err
}

// inUse returns the addresses of running jails, and those that were added for a jail
// while the administrator has made another of that name in the kernel: Recover takes
// them away once that has ended.
func inUse(ctx context.Context, m *machine) (used map[netip.Addr]bool, err error) {
	used, runs := map[netip.Addr]bool{}, map[string]bool{}
	for p, err := range m.Kernel.JailList(ctx, 0, "ip4.addr") {
		if err != nil {
			return nil, err
		}
		runs[p.String("name")] = true
		for _, one := range p.Addrs("ip4.addr", 4) {
			used[one] = true
		}
	}
	files, err := m.state()
	for path, data := range files {
		var r struct {
			Spec  struct{ Jail string }
			Added []struct{ Prefix netip.Prefix }
		}
		if filepath.Ext(path) != recordSuffix {
			continue
		}
		err = errors.Join(err, json.Unmarshal([]byte(data), &r))
		for _, a := range r.Added {
			if runs[r.Spec.Jail] {
				used[a.Prefix.Addr()] = true
			}
		}
	}
	return used, err
}
