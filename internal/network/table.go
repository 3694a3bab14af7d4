package network

import (
	"iter"
	"net/netip"
	"slices"

	"github.com/libioc/go-libioc/config"
)

// Table is the records of this boot, by the jail's name in the kernel. What a jail has for
// itself, and what several share, is decided by it while one lock is held.
type Table map[string]Record

// Added reports whether an address is on the host because a jail brought it.
func (t Table) Added(addr netip.Addr) bool {
	for _, r := range t {
		if slices.ContainsFunc(r.Added, func(a Alias) bool { return a.Prefix.Addr() == addr }) {
			return true
		}
	}
	return false
}

// Users are the jails but one whose records have an address on an interface of the host.
func (t Table) Users(addr netip.Addr, but string) (jails []string) {
	for jail, r := range t {
		if jail != but && slices.ContainsFunc(r.specs(), func(s Spec) bool { return s.alias(addr) }) {
			jails = append(jails, jail)
		}
	}
	return jails
}

func (s Spec) alias(addr netip.Addr) bool {
	return slices.ContainsFunc(s.Aliases, func(a Alias) bool { return a.Prefix.Addr() == addr })
}

// others are what other jails have.
func (t Table) others(jail string) iter.Seq2[string, Spec] {
	return func(yield func(string, Spec) bool) {
		for name, r := range t {
			for _, s := range r.specs() {
				if name != jail && !yield(name, s) {
					return
				}
			}
		}
	}
}

// macs are the link addresses that other jails have.
func (t Table) macs(jail string) map[config.MAC]bool {
	out := map[config.MAC]bool{}
	for _, s := range t.others(jail) {
		for _, n := range s.NICs {
			for _, text := range []string{n.HostMAC, n.JailMAC} {
				if mac, err := config.ParseMAC(text); err == nil {
					out[mac] = true
				}
			}
		}
	}
	return out
}

// Check returns an *Error if another jail has what the jail is to have for itself:
// ports of the host, the address of AUTOIP4, link addresses.
func (t Table) Check(s Spec) error {
	macs := t.macs(s.Jail)
	for _, n := range s.NICs {
		for _, text := range []string{n.HostMAC, n.JailMAC} {
			if mac, err := config.ParseMAC(text); err == nil && macs[mac] {
				return refuse(n.Name+"_mac", "%s is used by another jail", text)
			}
		}
	}
	for jail, theirs := range t.others(s.Jail) {
		for _, f := range s.Forwards {
			for _, g := range theirs.Forwards {
				if f.Clashes(g) {
					return refuse(keyForwards, "%s is forwarded to jail %s (%s)", f, jail, g)
				}
			}
		}
		for _, addr := range s.Auto {
			if theirs.alias(addr) {
				return refuse("ip4_addr", "AUTOIP4: %s is used by jail %s", addr, jail)
			}
		}
		for _, addr := range theirs.Auto {
			if s.alias(addr) {
				return refuse("ip4_addr", "%s was chosen for jail %s by AUTOIP4", addr, jail)
			}
		}
	}
	return nil
}

// Has reports whether another jail has an address in any way, and which.
func (t Table) Has(addr netip.Addr, but string) (jail string, ok bool) {
	holds := func(list []netip.Prefix) bool {
		return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Addr() == addr })
	}
	for jail, s := range t.others(but) {
		if s.alias(addr) || slices.ContainsFunc(s.NICs, func(n NIC) bool { return holds(n.Addrs) || holds(n.Gateways) }) {
			return jail, true
		}
	}
	for jail, r := range t {
		for _, list := range r.Learnt {
			if jail != but && holds(list) {
				return jail, true
			}
		}
	}
	return "", false
}
