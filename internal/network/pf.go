package network

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/libioc/go-libioc/kernel"
)

// AnchorRoot is the anchor below which every jail has its own.
const AnchorRoot = "ioc"

// pfLines are what pf.conf(5) needs, translation before filtering.
var pfLines = []string{`nat-anchor "ioc/*"`, `rdr-anchor "ioc/*"`, `anchor "ioc/*"`}

var oddInAnchor = regexp.MustCompile(`[^0-9A-Za-z_.-]`)

// Anchor is the anchor of a jail: its name with everything odd replaced, cut,
// and a piece of its hash, so that no two jails share one and none is a
// wildcard.
func Anchor(jail string) string {
	plain := oddInAnchor.ReplaceAllString(jail, "_")
	sum := sha256.Sum256([]byte(jail))
	return AnchorRoot + "/" + plain[:min(50, len(plain))] + "-" + hex.EncodeToString(sum[:4])
}

// UsesPf reports whether the jail needs pf(4).
func (s Spec) UsesPf() bool { return len(s.Forwards) > 0 || s.NAT != "" }

// PfText is the text of pf.conf(5) for the jail's anchor. Inward is the
// interface of the host that leads to the jail.
func (s Spec) PfText(inward string) string {
	var nat, rdr, pass []string
	if s.NAT != "" {
		nat = append(nat, fmt.Sprintf("nat on %s inet from %s to any -> %s", s.NAT, braced(s.inside4()), first(s.NAT)))
	}
	for _, f := range s.Forwards {
		family, proto := "inet", f.Proto
		if f.Target.Is6() {
			family = "inet6"
		}
		if proto == "both" {
			proto = "{ tcp udp }"
		}
		to := first(f.Interface)
		if f.Addr.IsValid() {
			to = f.Addr.String()
		}
		from, port := strconv.Itoa(f.Low), strconv.Itoa(f.Port)
		last := port
		if f.High != f.Low {
			from += ":" + strconv.Itoa(f.High)
			last = port + ":" + strconv.Itoa(f.Port+f.High-f.Low)
			port += ":*"
		}
		rdr = append(rdr, fmt.Sprintf("rdr on %s %s proto %s from any to %s port %s -> %s port %s", f.Interface, family, proto, to, from, f.Target, port))
		if s.Open {
			pass = append(pass, fmt.Sprintf("pass in quick on %s %s proto %s from any to %s port %s keep state", f.Interface, family, proto, f.Target, last))
			if inward != "" {
				pass = append(pass, fmt.Sprintf("pass out quick on %s %s proto %s from any to %s port %s keep state", inward, family, proto, f.Target, last))
			}
		}
	}
	lines := slices.Concat(nat, rdr, pass)
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

// first names the first address of an interface and none of its aliases, which may be
// other jails', see pf.conf(5).
func first(nic string) string { return "(" + nic + ":0)" }

// braced is a list of addresses as pf.conf(5) takes them.
func braced(list []netip.Addr) string {
	if len(list) == 1 {
		return list[0].String()
	}
	var words []string
	for _, a := range list {
		words = append(words, a.String())
	}
	return "{ " + strings.Join(words, " ") + " }"
}

// inside4 are the jail's static IPv4 addresses.
func (s Spec) inside4() (list []netip.Addr) {
	for _, a := range s.Aliases {
		list = append(list, a.Prefix.Addr())
	}
	for _, n := range s.NICs {
		for _, a := range n.Addrs {
			list = append(list, a.Addr())
		}
	}
	return slices.DeleteFunc(list, netip.Addr.Is6)
}

// EnsurePf loads the jail's anchor, or flushes it if there is nothing for it, and ends the
// connections through what it had before and has no more: the next jail with the address
// would inherit them. A pf(4) that is not loaded has none.
func EnsurePf(ctx context.Context, k kernel.Firewalls, from, to Spec) error {
	var err error
	switch {
	case to.UsesPf():
		err = k.PfLoad(ctx, Anchor(to.Jail), to.PfText(to.Inward()))
	case from.UsesPf():
		if err = k.PfFlush(ctx, Anchor(from.Jail)); errors.Is(err, kernel.ErrUnsupported) {
			return nil
		}
	}
	lost := map[netip.Addr]bool{}
	for _, f := range from.Forwards {
		if !slices.Contains(to.Forwards, f) {
			lost[f.Target] = true
		}
	}
	if from.NAT != "" {
		for _, a := range from.inside4() {
			if from.NAT != to.NAT || !slices.Contains(to.inside4(), a) {
				lost[a] = true
			}
		}
	}
	for a := range lost {
		_, e := k.PfKillStates(ctx, a)
		err = errors.Join(err, e)
	}
	return err
}

// Inward is the interface on which packets for the jail leave the host.
func (s Spec) Inward() string {
	for _, n := range s.NICs {
		if len(n.Addrs) > 0 {
			return n.Bridge
		}
	}
	for _, a := range s.Aliases {
		return a.Interface
	}
	return ""
}

// FirewallError is a packet filter of the host that is not ready for what a
// configuration asks.
type FirewallError struct {
	Filter string // "ipfw" or "pf"
	Reason string
	Remedy string
	Err    error // what the kernel said, or nil
}

func (e *FirewallError) Error() string {
	text := e.Filter + " is not ready: " + e.Reason
	if e.Remedy != "" {
		text += "; " + e.Remedy
	}
	return text
}

// Unwrap returns the kernel's error.
func (e *FirewallError) Unwrap() error { return e.Err }

// CheckPf refuses forwards that would have no effect: pf takes rules for an
// anchor that nothing evaluates without a word.
func CheckPf(ctx context.Context, k kernel.Firewalls) error {
	status, err := k.PfStatus(ctx)
	if err != nil {
		return &FirewallError{"pf", err.Error(), "", err}
	}
	if !status.Enabled {
		return &FirewallError{"pf", "it is not enabled", `set pf_enable="YES" in rc.conf(5) and run service pf start`, nil}
	}
	var missing []string
	for _, line := range pfLines {
		if !slices.ContainsFunc(status.Anchors, func(have string) bool { return strings.HasPrefix(have, line) }) {
			missing = append(missing, line)
		}
	}
	if len(missing) > 0 {
		return &FirewallError{"pf", "its ruleset has no anchor for jails",
			"add to pf.conf(5), translation before filter rules: " + strings.Join(missing, ", "), nil}
	}
	return nil
}
