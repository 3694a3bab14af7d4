package kerneltest

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
)

var networkCases = []testCase{
	{name: "epair", run: netEpair},
	{name: "the last unit", run: netUnits},
	{name: "interface settings", run: netSettings},
	{name: "counters", run: netCounters},
	{name: "what does not exist", run: netMissing},
	{name: "bridge", run: netBridge},
	{name: "bridge and MTU", run: netBridgeMTU},
	{name: "vlan", run: netVLAN},
	{name: "addresses", run: netAddresses},
	{name: "move into a jail and back", need: needVIMAGE, run: netMove},
	{name: "inside a jail", need: needVIMAGE, run: netInside},
	{name: "interfaces come home", need: needVIMAGE, run: netHome},
	{name: "a jail without a stack", need: needVIMAGE, run: netShared},
	{name: "a jail that has ended", need: needVIMAGE, run: netEnded},
}

// netCounters: every interface of the stack is listed, by its current name, and what
// one counts never becomes less.
func netCounters(s *suite) {
	name := s.create("epair")
	s.ok(s.Kernel.InterfaceRename(s.ctx, name, "ktcount"))
	first, err := s.Kernel.InterfaceCounters(s.ctx)
	s.ok(err)
	there := s.ifs(s.Kernel)
	var names []string
	for _, c := range first {
		names = append(names, c.Name)
		if _, ok := there[c.Name]; !ok {
			s.Errorf("counters of %q, which does not exist", c.Name)
		}
	}
	if !slices.IsSorted(names) || len(names) != len(there) || !slices.Contains(names, "ktcount") || !slices.Contains(names, "lo0") {
		s.Errorf("counters of %v, the interfaces are %v", names, there)
	}
	second, err := s.Kernel.InterfaceCounters(s.ctx)
	s.ok(err)
	for i, c := range second {
		if c.ReceivedBytes < first[i].ReceivedBytes || c.SentBytes < first[i].SentBytes || c.SentPackets < first[i].SentPackets {
			s.Errorf("%+v after %+v", c, first[i])
		}
	}
}

// create clones an interface and destroys it at the end of the case.
func (s *suite) create(driver string) string {
	s.Helper()
	name, err := s.Kernel.InterfaceCreate(s.ctx, driver)
	s.ok(err)
	index := s.ifs(s.Kernel)[name].Index
	s.Cleanup(func() { // it may have another name by now
		list, err := s.Kernel.Interfaces(context.Background())
		s.ok(err)
		for _, i := range list {
			if i.Index == index || i.Name == name {
				if err := s.Kernel.InterfaceDestroy(context.Background(), i.Name); err != nil && !errors.Is(err, kernel.ErrNotFound) {
					s.Error(err)
				}
				return
			}
		}
	})
	return name
}

func (s *suite) ifs(n kernel.Network) map[string]kernel.Interface {
	s.Helper()
	list, err := n.Interfaces(s.ctx)
	s.ok(err)
	out := map[string]kernel.Interface{}
	for _, i := range list {
		out[i.Name] = i
	}
	return out
}

// other returns the b end of an epair.
func other(a string) string { return strings.TrimSuffix(a, "a") + "b" }

func netEpair(s *suite) {
	a := s.create("epair")
	b := other(a)
	all := s.ifs(s.Kernel)
	for _, name := range []string{a, b} {
		i, ok := all[name]
		if !ok {
			s.Fatalf("%s does not exist", name)
		}
		equal(s, "mtu", i.MTU, 1500)
		equal(s, "length of the MAC", len(i.MAC), 6)
		equal(s, "up", i.Up, false)
		if !slices.Contains(i.Groups, "epair") {
			s.Errorf("groups of %s: %v", name, i.Groups)
		}
	}
	s.ok(s.Kernel.InterfaceRename(s.ctx, a, "ktest:0"))
	s.fails(s.Kernel.InterfaceRename(s.ctx, b, "ktest:0"), syscall.EEXIST, kernel.ErrExists)
	s.fails(s.Kernel.InterfaceRename(s.ctx, b, "thisnameiswaytoolong"), syscall.ENAMETOOLONG)
	s.ok(s.Kernel.InterfaceRename(s.ctx, "ktest:0", "exactly15bytes1"))
	s.ok(s.Kernel.InterfaceDestroy(s.ctx, "exactly15bytes1"))
	if _, ok := s.ifs(s.Kernel)[b]; ok {
		s.Fatalf("%s outlived its other end", b)
	}
	unit := "epair4711"
	equal(s, "name of a wanted unit", s.create(unit), unit+"a")
	_, err := s.Kernel.InterfaceCreate(s.ctx, unit)
	s.fails(err, syscall.EEXIST)
	_, err = s.Kernel.InterfaceCreate(s.ctx, "nosuchdriver")
	s.fails(err, syscall.EINVAL)
}

// netUnits: units end with IF_MAXUNIT of sys/net/if_clone.h.
func netUnits(s *suite) {
	for driver, suffix := range map[string]string{"epair": "a", "bridge": "", "vlan": ""} {
		equal(s, "name of the last unit", s.create(driver+"32767"), driver+"32767"+suffix)
		for _, unit := range []string{"32768", "65536", "4194304"} {
			_, err := s.Kernel.InterfaceCreate(s.ctx, driver+unit)
			s.fails(err, syscall.ENOSPC)
		}
	}
}

func netSettings(s *suite) {
	a := s.create("epair")
	mac := net.HardwareAddr{0x02, 0xff, 0x60, 0x10, 0xbf, 0x1d}
	s.ok(s.Kernel.InterfaceSetMAC(s.ctx, a, mac))
	s.ok(s.Kernel.InterfaceSetDescription(s.ctx, a, "associated with jail: x"))
	s.ok(s.Kernel.InterfaceSetMTU(s.ctx, a, 1400))
	s.ok(s.Kernel.InterfaceAddGroup(s.ctx, a, "ktest"))
	s.ok(s.Kernel.InterfaceSetUp(s.ctx, a, true))
	i := s.ifs(s.Kernel)[a]
	equal(s, "mac", i.MAC.String(), mac.String())
	equal(s, "description", i.Description, "associated with jail: x")
	equal(s, "mtu", i.MTU, 1400)
	equal(s, "up", i.Up, true)
	if !slices.Contains(i.Groups, "ktest") {
		s.Errorf("groups %v", i.Groups)
	}
	s.ok(s.Kernel.InterfaceSetMTU(s.ctx, a, 100))
	s.fails(s.Kernel.InterfaceSetMTU(s.ctx, a, 100000), syscall.EINVAL)
	s.ok(s.Kernel.InterfaceSetDescription(s.ctx, a, ""))
	s.ok(s.Kernel.InterfaceDeleteGroup(s.ctx, a, "ktest"))
	s.ok(s.Kernel.InterfaceSetUp(s.ctx, a, false))
	i = s.ifs(s.Kernel)[a]
	equal(s, "description", i.Description, "")
	equal(s, "up", i.Up, false)
	if slices.Contains(i.Groups, "ktest") {
		s.Errorf("groups %v", i.Groups)
	}
}

func netMissing(s *suite) {
	k, ctx := s.Kernel, s.ctx
	addr := netip.MustParsePrefix("192.0.2.1/24")
	for what, err := range map[string]error{
		"destroy":     k.InterfaceDestroy(ctx, "ktnone0"),
		"rename":      k.InterfaceRename(ctx, "ktnone0", "ktnone1"),
		"up":          k.InterfaceSetUp(ctx, "ktnone0", true),
		"mtu":         k.InterfaceSetMTU(ctx, "ktnone0", 1500),
		"description": k.InterfaceSetDescription(ctx, "ktnone0", "x"),
		"address":     k.AddressAdd(ctx, "ktnone0", kernel.Address{Prefix: addr}),
	} {
		if !errors.Is(err, kernel.ErrNotFound) || !errors.Is(err, syscall.ENXIO) {
			s.Errorf("%s: %v, want ENXIO and ErrNotFound", what, err)
		}
	}
}

func netBridge(s *suite) {
	k, ctx := s.Kernel, s.ctx
	bridge, second, a := s.create("bridge"), s.create("bridge"), s.create("epair")
	s.ok(k.BridgeAdd(ctx, bridge, a))
	s.fails(k.BridgeAdd(ctx, bridge, a), syscall.EEXIST)
	s.fails(k.BridgeAdd(ctx, second, a), syscall.EBUSY)
	s.fails(k.BridgeAdd(ctx, bridge, "ktnone0"), syscall.ENOENT, kernel.ErrNotFound)
	s.fails(k.BridgeAdd(ctx, bridge, "lo0"), syscall.EINVAL)
	s.fails(k.BridgeAdd(ctx, "ktnone0", a), kernel.ErrNotFound)
	members, err := k.BridgeMembers(ctx, bridge)
	s.ok(err)
	if !slices.Equal(members, []string{a}) {
		s.Fatalf("members %v", members)
	}
	mac := net.HardwareAddr{0x02, 0xff, 0x60, 0, 0x0b, 0x0b}
	s.ok(k.BridgeStatic(ctx, bridge, a, mac))
	s.fails(k.BridgeStatic(ctx, bridge, second, mac), syscall.ENOENT)
	s.fails(k.BridgeStatic(ctx, bridge, "ktnone0", mac), syscall.ENOENT)
	s.ok(k.BridgeDelete(ctx, bridge, a))
	s.fails(k.BridgeDelete(ctx, bridge, a), syscall.ENOENT, kernel.ErrNotFound)
	members, err = k.BridgeMembers(ctx, bridge)
	s.ok(err)
	equal(s, "members left", len(members), 0)
}

func netBridgeMTU(s *suite) {
	k, ctx := s.Kernel, s.ctx
	bridge, first, second := s.create("bridge"), s.create("epair"), s.create("epair")
	s.ok(k.InterfaceSetMTU(ctx, first, 1400))
	s.ok(k.BridgeAdd(ctx, bridge, first))
	equal(s, "a bridge takes its first member's MTU", s.ifs(k)[bridge].MTU, 1400)
	err := k.BridgeAdd(ctx, bridge, second)
	if !s.is15 {
		s.fails(err, syscall.EINVAL)
		return
	}
	s.ok(err)
	equal(s, "a later member takes the bridge's", s.ifs(k)[second].MTU, 1400)
	s.fails(k.InterfaceSetMTU(ctx, second, 1500), syscall.EOPNOTSUPP)
}

func netVLAN(s *suite) {
	k, ctx := s.Kernel, s.ctx
	a, v := s.create("epair"), s.create("vlan")
	s.ok(k.InterfaceSetVLAN(ctx, v, kernel.VLAN{Parent: a, Tag: 42}))
	all := s.ifs(k)
	equal(s, "MAC of the parent", all[v].MAC.String(), all[a].MAC.String())
	if k.InterfaceSetVLAN(ctx, v, kernel.VLAN{Parent: "ktnone0", Tag: 42}) == nil {
		s.Error("a parent that does not exist was accepted")
	}
	s.ok(k.InterfaceDestroy(ctx, v))
}

func netAddresses(s *suite) {
	k, ctx := s.Kernel, s.ctx
	a := s.create("epair")
	for _, p := range []string{"192.0.2.1/24", "192.0.2.2/24", "192.0.2.3/32", "2001:db8:77::1/64"} {
		prefix := netip.MustParsePrefix(p)
		s.ok(k.AddressAdd(ctx, a, kernel.Address{Prefix: prefix, NoDAD: prefix.Addr().Is6()}))
		if i := s.ifs(k)[a]; !slices.Contains(i.Addrs, prefix) {
			s.Fatalf("%v is not among %v", prefix, i.Addrs)
		}
	}
	s.ok(k.AddressAdd(ctx, a, kernel.Address{Prefix: netip.MustParsePrefix("192.0.2.1/24")})) // again
	equal(s, "an address marks the interface up", s.ifs(k)[a].Up, true)
	s.ok(k.AddressDelete(ctx, a, netip.MustParseAddr("192.0.2.2")))
	s.ok(k.AddressDelete(ctx, a, netip.MustParseAddr("2001:db8:77::1")))
	for _, gone := range []string{"192.0.2.2", "192.0.2.99", "2001:db8:77::1"} {
		s.fails(k.AddressDelete(ctx, a, netip.MustParseAddr(gone)), syscall.EADDRNOTAVAIL)
	}
}

// vnet makes a jail with a stack of its own.
func (s *suite) vnet(name string) kernel.Identity {
	s.Helper()
	return s.jail(name, kernel.Jailsys("vnet", kernel.JailSysNew))
}

func netMove(s *suite) {
	k, ctx := s.Kernel, s.ctx
	id := s.vnet("kerneltest")
	in := k.In(id)
	bridge, a := s.create("bridge"), s.create("epair")
	b := other(a)
	s.ok(k.InterfaceSetMTU(ctx, b, 1400))
	s.ok(k.InterfaceSetDescription(ctx, b, "ktest"))
	s.ok(k.InterfaceAddGroup(ctx, b, "ktest"))
	s.ok(k.AddressAdd(ctx, b, kernel.Address{Prefix: netip.MustParsePrefix("192.0.2.9/24")}))
	s.ok(k.BridgeAdd(ctx, bridge, b))
	s.ok(k.InterfaceToVnet(ctx, b, id))
	if _, ok := s.ifs(k)[b]; ok {
		s.Fatalf("%s is still the host's", b)
	}
	members, err := k.BridgeMembers(ctx, bridge)
	s.ok(err)
	equal(s, "members left", len(members), 0)
	i, ok := s.ifs(in)[b]
	if !ok {
		s.Fatalf("%s is not in the jail", b)
	}
	equal(s, "mtu", i.MTU, 1400)
	equal(s, "description", i.Description, "ktest")
	equal(s, "up", i.Up, false)
	if len(i.Addrs) != 0 || slices.Contains(i.Groups, "ktest") || !slices.Contains(i.Groups, "epair") {
		s.Errorf("addresses and groups are lost but for the driver's group: %+v", i)
	}
	s.fails(k.InterfaceToVnet(ctx, "ktnone0", id), syscall.ENXIO, kernel.ErrNotFound)
	s.fails(k.InterfaceFromVnet(ctx, "ktnone0", id), syscall.ENXIO, kernel.ErrNotFound)
	s.ok(in.InterfaceRename(ctx, b, "vnet0"))
	s.fails(k.InterfaceFromVnet(ctx, b, id), syscall.ENXIO)
	s.ok(k.InterfaceFromVnet(ctx, "vnet0", id))
	if _, ok := s.ifs(k)["vnet0"]; !ok {
		s.Fatal("vnet0 did not come back")
	}
}

func netInside(s *suite) {
	k, ctx := s.Kernel, s.ctx
	id := s.vnet("kerneltest")
	in := k.In(id)
	all := s.ifs(in)
	if lo, ok := all["lo0"]; !ok || len(all) != 1 || lo.Up || len(lo.Addrs) != 0 {
		s.Fatalf("a new stack has lo0 only, down and without addresses: %+v", all)
	}
	a := s.create("epair")
	b := other(a)
	s.ok(k.InterfaceToVnet(ctx, b, id))
	prefix := netip.MustParsePrefix("192.0.2.10/24")
	s.ok(in.AddressAdd(ctx, b, kernel.Address{Prefix: prefix}))
	s.ok(in.InterfaceSetUp(ctx, b, true))
	s.ok(in.AddressAdd(ctx, "lo0", kernel.Address{Prefix: netip.MustParsePrefix("127.0.0.1/8")}))
	if i := s.ifs(in)[b]; !slices.Contains(i.Addrs, prefix) || !i.Up {
		s.Fatalf("%+v", i)
	}
	def := kernel.Route{Dest: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("192.0.2.1")}
	s.ok(in.RouteAdd(ctx, def))
	s.fails(in.RouteAdd(ctx, def), syscall.EEXIST)
	far := kernel.Route{Dest: netip.MustParsePrefix("203.0.113.0/24"), Gateway: netip.MustParseAddr("198.51.100.1")}
	s.fails(in.RouteAdd(ctx, far), syscall.ENETUNREACH)
	routes, err := in.Routes(ctx, 0)
	s.ok(err)
	has := func(dest netip.Prefix, gw netip.Addr) bool {
		return slices.ContainsFunc(routes, func(r kernel.Route) bool { return r.Dest == dest && r.Gateway == gw })
	}
	if !has(def.Dest, def.Gateway) || !has(prefix.Masked(), netip.Addr{}) {
		s.Fatalf("routes %+v", routes)
	}
	s.ok(in.RouteDelete(ctx, def))
	s.fails(in.RouteDelete(ctx, def), syscall.ESRCH, kernel.ErrNotFound)
}

func netHome(s *suite) {
	k, ctx := s.Kernel, s.ctx
	id := s.vnet("kerneltest")
	a := s.create("epair")
	b := other(a)
	s.ok(k.InterfaceToVnet(ctx, b, id))
	made, err := k.In(id).InterfaceCreate(ctx, "bridge")
	s.ok(err)
	s.ok(k.In(id).InterfaceRename(ctx, made, "ktinner0"))
	s.ok(k.JailRemove(ctx, id))
	s.eventually("the epair comes home", func() string {
		all := s.ifs(k)
		if _, ok := all["ktinner0"]; ok {
			return "a bridge made in the jail came out"
		}
		if _, ok := all[b]; !ok {
			return b + " is not back"
		}
		return ""
	})
}

func netShared(s *suite) {
	id := s.jail("kerneltest")
	a := s.create("epair")
	s.fails(s.Kernel.InterfaceToVnet(s.ctx, a, id), syscall.EEXIST)
}

func netEnded(s *suite) {
	id := s.vnet("kerneltest")
	s.ok(s.Kernel.JailRemove(s.ctx, id))
	_, err := s.Kernel.In(id).Interfaces(s.ctx)
	s.fails(err, kernel.ErrNotFound)
	a := s.create("epair")
	s.fails(s.Kernel.InterfaceToVnet(s.ctx, a, id), kernel.ErrNotFound)
}
