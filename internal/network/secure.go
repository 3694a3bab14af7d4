package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/kernel"
)

// Set is the set of ipfw(8) that holds all rules of this library, and
// FirstRule to lastRule are their numbers, one for each nic.
const (
	Set       = 29
	FirstRule = 30001
	lastRule  = 39999
)

// ruleSysctls are what Secure VNET needs of the host.
var ruleSysctls = []string{"net.inet.ip.fw.enable", "net.link.ether.ipfw", "net.link.bridge.ipfw"}

// CheckIpfw refuses Secure VNET on a host whose ipfw does not see the frames of
// bridges. It is never switched on here: with a rule set that denies, every
// bridge and the host's own wire would stand still.
func CheckIpfw(ctx context.Context, k kernel.Sysctls, form string) error {
	names := ruleSysctls
	if form == SecureFull {
		names = append(slices.Clone(names), "net.link.bridge.ipfw_arp")
	}
	var off []string
	for _, name := range names {
		n, err := k.SysctlInt(ctx, name)
		if errors.Is(err, kernel.ErrNotFound) {
			return &FirewallError{"ipfw", "it is not loaded",
				`Secure VNET needs firewall_enable="YES" in rc.conf(5) and, in sysctl.conf(5), ` + strings.Join(names, "=1, ") + "=1", err}
		}
		if err != nil {
			return err
		}
		if n != 1 {
			off = append(off, name+"=1")
		}
	}
	if len(off) > 0 {
		return &FirewallError{"ipfw", "it does not filter bridges",
			"set " + strings.Join(off, " ") + " in sysctl.conf(5), after adding a rule such as 'allow ip from any to any layer2' before the first one that denies", nil}
	}
	return nil
}

// Guarantees says what Secure VNET of a form keeps the jail from.
func Guarantees(form string) string {
	if form == SecureLibioc {
		return "the jail cannot use other IPv4 addresses or MAC addresses; ARP is not filtered, and IPv6 works from inside only"
	}
	return "the jail cannot use other addresses of IPv4, IPv6 or Ethernet; its ARP and neighbour replies can still mislead neighbours"
}

// comment marks the rules of one nic.
func comment(jail, nic string) string { return "ioc " + jail + " " + nic }

// RuleOwner reads the comment of a rule.
func RuleOwner(r kernel.IpfwRule) (jail, nic string, ok bool) {
	f := strings.Fields(r.Comment)
	if len(f) != 3 || f[0] != "ioc" {
		return "", "", false
	}
	return f[1], f[2], true
}

// SecureRules are the rules of one nic, all with the same number. Addrs are the
// jail's addresses there, the static ones and those it was given. Frames from
// the jail are judged where they leave the private bridge by the second epair,
// frames for it where they leave towards the jail.
func SecureRules(number int, jail string, n NIC, names Names, addrs []netip.Prefix) []kernel.IpfwRule {
	var bodies []string
	if n.Secure == SecureLibioc {
		bodies = libiocRules(n, names, addrs)
	} else {
		bodies = fullRules(n, names, addrs)
	}
	rules := make([]kernel.IpfwRule, len(bodies))
	for i, body := range bodies {
		rules[i] = kernel.IpfwRule{Number: number, Body: body, Comment: comment(jail, n.Name)}
	}
	return rules
}

func fullRules(n NIC, names Names, addrs []netip.Prefix) []string {
	v4, v6 := split(addrs)
	from := fmt.Sprintf("layer2 out xmit %s MAC any %s", names.B, n.JailMAC)
	to := "layer2 out xmit " + names.Host
	// A jail is nobody's DHCP server or router.
	out := []string{
		"allow ip from any to any " + from + " mac-type arp",
		"deny udp from any to any 68,546 " + from,
	}
	if len(v4) > 0 {
		out = append(out, "allow ip4 from "+hosts(v4)+" to any "+from)
	}
	if n.DHCP {
		out = append(out, "allow udp from 0.0.0.0 68 to 255.255.255.255 67 "+from)
	}
	if n.ipv6() || len(v6) > 0 {
		local := append(slices.Clone(v6), netip.PrefixFrom(linkLocal(n.JailMAC), 128))
		out = append(out, "deny ipv6-icmp from any to any icmp6types 134 "+from,
			"allow ip6 from "+hosts(local)+" to any "+from,
			"allow ipv6-icmp from :: to ff02::/16 "+from)
	}
	out = append(out, "deny ip from any to any layer2 out xmit "+names.B,
		"allow ip from any to any "+to+" mac-type arp")
	if len(v4) > 0 {
		out = append(out, "allow ip4 from any to "+hosts(v4)+","+broadcasts(v4)+"255.255.255.255,224.0.0.0/4 "+to)
	}
	if n.DHCP {
		out = append(out, "allow udp from any 67 to any 68 "+to)
	}
	if n.ipv6() || len(v6) > 0 {
		targets := "fe80::/10,ff02::/16 "
		if len(v6) > 0 {
			targets = hosts(v6) + "," + targets
		}
		out = append(out, "allow ip6 from any to "+targets+to)
	}
	return append(out, "deny ip from any to any "+to)
}

// libiocRules are libioc's own, in its order.
func libiocRules(n NIC, names Names, addrs []netip.Prefix) []string {
	v4, v6 := split(addrs)
	var out []string
	for _, f := range []struct {
		family string
		addrs  []netip.Prefix
	}{{"ipv4", v4}, {"ipv6", v6}} {
		for _, a := range f.addrs {
			out = append(out,
				fmt.Sprintf("allow %s from %s to any layer2 MAC any %s via %s out", f.family, a.Addr(), n.JailMAC, names.B),
				fmt.Sprintf("allow %s from any to %s layer2 MAC %s any via %s out", f.family, a.Addr(), n.JailMAC, names.Host),
				fmt.Sprintf("allow %s from any to %s via %s out", f.family, a.Addr(), names.Host))
		}
		out = append(out,
			fmt.Sprintf("deny log %s from any to any layer2 via %s out", f.family, names.B),
			fmt.Sprintf("deny log %s from any to any via %s out", f.family, names.Host))
	}
	return out
}

func split(addrs []netip.Prefix) (v4, v6 []netip.Prefix) {
	for _, a := range addrs {
		switch {
		case a.Addr().Is4() && !a.Addr().IsUnspecified():
			v4 = append(v4, a)
		case a.Addr().Is6() && !a.Addr().IsLinkLocalUnicast():
			v6 = append(v6, a)
		}
	}
	return v4, v6
}

func hosts(list []netip.Prefix) string {
	var out []string
	for _, p := range list {
		out = append(out, p.Addr().String())
	}
	return strings.Join(out, ",")
}

// broadcasts are those of the prefixes, each followed by a comma.
func broadcasts(list []netip.Prefix) string {
	text := ""
	for _, p := range list {
		if p.Bits() >= 31 {
			continue
		}
		b := p.Addr().As4()
		for i := p.Bits(); i < 32; i++ {
			b[i/8] |= 0x80 >> (i % 8)
		}
		text += netip.AddrFrom4(b).String() + ","
	}
	return text
}

// linkLocal is the link-local address that a MAC address gives, RFC 4291.
func linkLocal(mac string) netip.Addr {
	m, _ := config.ParseMAC(mac) // ours, and checked when it was made
	return netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 8: m[0] ^ 2, 9: m[1], 10: m[2], 11: 0xff, 12: 0xfe, 13: m[3], 14: m[4], 15: m[5]})
}

// EnsureRules replaces the rules of one nic. There is always a rule that denies
// while they are exchanged: the old ones go after the new ones have come.
func EnsureRules(ctx context.Context, k kernel.Firewalls, jail string, jid int, n NIC, names Names, addrs []netip.Prefix) error {
	have, err := k.IpfwRules(ctx, Set)
	if err != nil {
		return &FirewallError{"ipfw", err.Error(), "", err}
	}
	mine, same := wanted(have, jail, n, names, addrs)
	if same {
		return nil
	}
	used := map[int]bool{}
	for _, r := range have {
		used[r.Number] = true
	}
	number := FirstRule
	if n.Secure == SecureLibioc && n.Index == 0 && 10000+jid < FirstRule {
		number = 10000 + jid // libioc's
	}
	for number <= lastRule && used[number] {
		number++
	}
	if number > lastRule {
		return &FirewallError{"ipfw", fmt.Sprintf("no rule number up to %d is free", lastRule), "", nil}
	}
	if err := k.IpfwAdd(ctx, Set, SecureRules(number, jail, n, names, addrs)...); err != nil {
		return errors.Join(err, deleteRule(ctx, k, number))
	}
	gone := false
	for old := range mine {
		if err := deleteRule(ctx, k, old); err != nil {
			if !gone {
				// As it was: the old ones alone.
				return errors.Join(err, deleteRule(context.WithoutCancel(ctx), k, number))
			}
			return err
		}
		gone = true
	}
	return nil
}

// wanted finds the rules of a nic, by their numbers, and reports whether they are one set
// and as they should be.
func wanted(have []kernel.IpfwRule, jail string, n NIC, names Names, addrs []netip.Prefix) (mine map[int][]kernel.IpfwRule, same bool) {
	mine = map[int][]kernel.IpfwRule{}
	for _, r := range have {
		if j, nic, ok := RuleOwner(r); ok && j == jail && nic == n.Name {
			mine[r.Number] = append(mine[r.Number], r)
		}
	}
	for number, rules := range mine {
		same = len(mine) == 1 && sameRules(rules, SecureRules(number, jail, n, names, addrs))
	}
	return mine, same
}

// sameRules compares what the kernel prints with what was given, by the words
// that it does not change: the action, the interface and every address.
func sameRules(have, want []kernel.IpfwRule) bool {
	return slices.EqualFunc(have, want, func(a, b kernel.IpfwRule) bool { return ruleWords(a.Body) == ruleWords(b.Body) })
}

func ruleWords(body string) string {
	var words []string
	for _, w := range strings.FieldsFunc(body, func(c rune) bool { return c == ' ' || c == ',' || c == '{' || c == '}' }) {
		switch {
		case w == "or", w == "dst-ip", w == "src-ip", w == "dst-ip6", w == "src-ip6", w == "dst-port", w == "src-port", w == "proto":
		case strings.HasPrefix(w, "0x"), w == "arp", w == "any", w == "MAC", w == "mac-type":
		default:
			words = append(words, w)
		}
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

func deleteRule(ctx context.Context, k kernel.Firewalls, number int) error {
	return ignore.Err(k.IpfwDelete(ctx, Set, number), kernel.ErrNotFound)
}

// RemoveRules deletes the rules of a jail; nic empty means of all its nics. An
// ipfw that is not loaded has none.
func RemoveRules(ctx context.Context, k kernel.Firewalls, jail, nic string) error {
	have, err := k.IpfwRules(ctx, Set)
	if errors.Is(err, kernel.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return err
	}
	done := map[int]bool{}
	var all error
	for _, r := range have {
		j, n, ok := RuleOwner(r)
		if ok && j == jail && (nic == "" || n == nic) && !done[r.Number] {
			done[r.Number] = true
			all = errors.Join(all, deleteRule(ctx, k, r.Number))
		}
	}
	return all
}
