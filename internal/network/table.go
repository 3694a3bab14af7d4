package network

import (
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

// Users are the jails whose records have an address on an interface of the host.
func (t Table) Users(addr netip.Addr) (jails []string) {
	for jail, r := range t {
		if slices.ContainsFunc(r.Spec.Aliases, func(a Alias) bool { return a.Prefix.Addr() == addr }) {
			jails = append(jails, jail)
		}
	}
	return jails
}

// others calls do for the records of other jails, until it returns false.
func (t Table) others(jail string, do func(jail string, r Record) bool) {
	for name, r := range t {
		if name != jail && !do(name, r) {
			return
		}
	}
}

// macs are the link addresses that other jails have.
func (t Table) macs(jail string) map[config.MAC]bool {
	out := map[config.MAC]bool{}
	t.others(jail, func(_ string, r Record) bool {
		for _, n := range r.Spec.NICs {
			for _, text := range []string{n.HostMAC, n.JailMAC} {
				if mac, err := config.ParseMAC(text); err == nil {
					out[mac] = true
				}
			}
		}
		return true
	})
	return out
}

// Check returns an *Error if another jail has what the jail is to have for itself:
// ports of the host, the address of AUTOIP4, link addresses.
func (t Table) Check(s Spec) (err error) {
	macs := t.macs(s.Jail)
	for _, n := range s.NICs {
		for _, text := range []string{n.HostMAC, n.JailMAC} {
			if mac, _ := config.ParseMAC(text); macs[mac] {
				return refuse(n.Name+"_mac", "%s is used by another jail", text)
			}
		}
	}
	t.others(s.Jail, func(jail string, r Record) bool {
		for _, ours := range s.Forwards {
			for _, theirs := range r.Spec.Forwards {
				if ours.Clashes(theirs) {
					err = refuse(KeyForwards, "%s is forwarded to jail %s (%s)", ours, jail, theirs)
				}
			}
		}
		for _, addr := range s.Auto {
			if slices.ContainsFunc(r.Spec.Aliases, func(a Alias) bool { return a.Prefix.Addr() == addr }) {
				err = refuse("ip4_addr", "AUTOIP4: %s is used by jail %s", addr, jail)
			}
		}
		return err == nil
	})
	return err
}
