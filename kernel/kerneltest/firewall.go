package kerneltest

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
)

var firewallCases = []testCase{
	{name: "ipfw", run: firewallIpfw},
	{name: "pf anchors", run: firewallPf},
	{name: "nodes of a vnet", need: needVIMAGE, run: firewallVnet},
	{name: "IPv6 of an interface", run: firewallND6},
}

// without checks that a packet filter which is not loaded says so everywhere,
// and ends the case.
func (s *suite) without(err error, module string) {
	s.Helper()
	if errors.Is(err, kernel.ErrUnsupported) {
		if !strings.Contains(err.Error(), module) {
			s.Fatalf("%v does not name %s", err, module)
		}
		s.Skipf("this kernel lacks %s: %v", module, err)
	}
	s.ok(err)
}

func firewallIpfw(s *suite) {
	const set, number = 27, 29001
	k, ctx := s.Kernel, s.ctx
	before, err := k.IpfwRules(ctx, set)
	s.without(err, "ipfw")
	equal(s, "rules of a set that nobody uses", len(before), 0)
	s.Cleanup(func() {
		for _, n := range []int{number, number + 1} {
			if err := k.IpfwDelete(context.Background(), set, n); err != nil && !errors.Is(err, kernel.ErrNotFound) {
				s.Error(err)
			}
		}
	})
	s.ok(k.IpfwAdd(ctx, set,
		kernel.IpfwRule{Number: number, Body: "allow ip from any to any layer2 out xmit vnet0.1.b MAC any 02:ff:60:10:bf:1e mac-type arp", Comment: "ioc ktest vnet0"},
		kernel.IpfwRule{Number: number, Body: "deny ip from any to any layer2 out xmit vnet0.1.b", Comment: "ioc ktest vnet0"},
		kernel.IpfwRule{Number: number + 1, Body: "count udp from any to any"},
	))
	rules, err := k.IpfwRules(ctx, set)
	s.ok(err)
	equal(s, "rules", len(rules), 3)
	equal(s, "number", rules[0].Number, number)
	equal(s, "comment", rules[1].Comment, "ioc ktest vnet0")
	if !strings.Contains(rules[1].Body, "xmit vnet0.1.b") || !strings.HasPrefix(rules[1].Body, "deny ") {
		s.Errorf("%q", rules[1].Body)
	}
	s.fails(k.IpfwAdd(ctx, set, kernel.IpfwRule{Number: number, Body: "frobnicate ip from any to any"}), syscall.EINVAL)
	for _, bad := range []kernel.IpfwRule{
		{Number: 0, Body: "count ip from any to any"}, {Number: 65535, Body: "count ip from any to any"},
		{Number: number}, {Number: number, Body: "count ip from any to any\nadd 1 deny ip from any to any"},
	} {
		s.fails(k.IpfwAdd(ctx, set, bad), syscall.EINVAL)
	}
	s.ok(k.IpfwDelete(ctx, set, number))
	s.fails(k.IpfwDelete(ctx, set, number), kernel.ErrNotFound, syscall.ENOENT)
	rules, err = k.IpfwRules(ctx, set)
	s.ok(err)
	equal(s, "rules left", len(rules), 1)
	s.ok(k.IpfwDelete(ctx, set, number+1))
}

func firewallPf(s *suite) {
	k, ctx := s.Kernel, s.ctx
	_, err := k.PfStatus(ctx)
	s.without(err, "pf")
	const parent, anchor = "ktest", "ktest/web-0a1b2c3d"
	s.Cleanup(func() { s.ok(k.PfFlush(context.Background(), anchor)) })
	s.ok(k.PfFlush(ctx, anchor))
	rules, err := k.PfRules(ctx, anchor)
	s.ok(err)
	equal(s, "rules of an anchor that does not exist", len(rules), 0)
	s.ok(k.PfLoad(ctx, anchor, "nat on lo0 inet from 192.0.2.10 to any -> (lo0)\n"+
		"rdr on lo0 inet proto tcp from any to 198.51.100.1 port 8080 -> 192.0.2.10 port 80\n"+
		"pass in quick on lo0 inet proto tcp from any to 192.0.2.10 port 80 keep state\n"))
	rules, err = k.PfRules(ctx, anchor)
	s.ok(err)
	equal(s, "rules", len(rules), 3)
	list, err := k.PfAnchors(ctx, parent)
	s.ok(err)
	if !slices.Equal(list, []string{anchor}) {
		s.Fatalf("anchors %v", list)
	}
	const deep = anchor + "/deep"
	s.Cleanup(func() { s.ok(k.PfFlush(context.Background(), deep)) })
	s.ok(k.PfLoad(ctx, deep, "pass in quick on lo0 inet proto tcp from any to 192.0.2.10 port 81 keep state\n"))
	list, err = k.PfAnchors(ctx, parent)
	s.ok(err)
	if !slices.Equal(list, []string{anchor}) {
		s.Fatalf("anchors right below %v", list)
	}
	list, err = k.PfAnchors(ctx, anchor)
	s.ok(err)
	if !slices.Equal(list, []string{deep}) {
		s.Fatalf("anchors below an anchor %v", list)
	}
	s.ok(k.PfFlush(ctx, deep))
	s.fails(k.PfLoad(ctx, anchor, "frobnicate\n"), syscall.EINVAL)
	s.fails(k.PfLoad(ctx, anchor, "pass in on lo0 all\nnat on lo0 inet from any to any -> (lo0)\n"), syscall.EINVAL)
	rules, err = k.PfRules(ctx, anchor)
	s.ok(err)
	equal(s, "rules after a refused load", len(rules), 3)
	s.fails(k.PfLoad(ctx, parent+"/"+strings.Repeat("x", 64), "pass in on lo0 all\n"), syscall.ENAMETOOLONG)
	s.fails(k.PfLoad(ctx, "ktest/a*", "pass in on lo0 all\n"), syscall.EINVAL)
	n, err := k.PfKillStates(ctx, netip.MustParseAddr("192.0.2.10"))
	s.ok(err)
	equal(s, "states", n, 0)
	s.ok(k.PfFlush(ctx, anchor))
	s.ok(k.PfFlush(ctx, anchor))
	list, err = k.PfAnchors(ctx, parent)
	s.ok(err)
	equal(s, "anchors left", len(list), 0)
}

func firewallVnet(s *suite) {
	k, ctx := s.Kernel, s.ctx
	id := s.vnet("kerneltest")
	host, err := k.SysctlInt(ctx, "net.inet.ip.forwarding")
	s.ok(err)
	s.ok(k.SetVnetSysctls(ctx, id, kernel.SysctlValue{Name: "net.inet.ip.forwarding", Value: 1 - int(host)}))
	now, err := k.SysctlInt(ctx, "net.inet.ip.forwarding")
	s.ok(err)
	equal(s, "the host's own", now, host)
	s.fails(k.SetVnetSysctls(ctx, id, kernel.SysctlValue{Name: "net.inet.nosuch", Value: 1}), kernel.ErrNotFound, syscall.ENOENT)
	_, err = k.In(id).Interfaces(ctx)
	s.ok(err)
	s.ok(k.JailRemove(ctx, id))
	s.fails(k.SetVnetSysctls(ctx, id, kernel.SysctlValue{Name: "net.inet.ip.forwarding", Value: 1}), kernel.ErrNotFound)
}

func firewallND6(s *suite) {
	k, ctx := s.Kernel, s.ctx
	a := s.create("epair")
	s.ok(k.InterfaceSetND6(ctx, a, kernel.ND6AcceptRtadv|kernel.ND6AutoLinkLocal, kernel.ND6IfDisabled))
	prefix := netip.MustParsePrefix("2001:db8:79::1/64")
	s.ok(k.AddressAdd(ctx, a, kernel.Address{Prefix: prefix, NoDAD: true}))
	state, err := k.AddressState(ctx, a, prefix.Addr())
	s.ok(err)
	equal(s, "state", state, kernel.AddressState{})
	_, err = k.AddressState(ctx, a, netip.MustParseAddr("2001:db8:79::2"))
	s.fails(err, kernel.ErrNotFound, syscall.EADDRNOTAVAIL)
	_, err = k.AddressState(ctx, a, netip.MustParseAddr("192.0.2.1"))
	s.fails(err, syscall.EINVAL)
	s.fails(k.InterfaceSetND6(ctx, "ktnone0", kernel.ND6AcceptRtadv, 0), syscall.ENXIO)
}
