package step

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// TestHowToAskForAddresses: a nic asks as the plan says, if that is about the same nic; on
// the way back it does not wait long.
func TestHowToAskForAddresses(t *testing.T) {
	nic := func(name string, dhcp, slaac bool) network.NIC {
		return network.NIC{Name: name, DHCP: dhcp, SLAAC: slaac}
	}
	n := netChange{a: ChangeNetwork{Requests: []RequestAddress{
		{NIC: nic("vnet0", true, false), Limit: time.Hour}, {NIC: nic("vnet1", true, true), Limit: 2 * time.Hour},
	}}}
	for _, c := range []struct {
		nic  network.NIC
		back bool
		want time.Duration
	}{
		{nic("vnet0", true, false), false, time.Hour},
		{nic("vnet1", true, true), false, 2 * time.Hour},
		{nic("vnet2", true, false), false, backLimit},
		{nic("vnet0", false, false), false, backLimit},
		{nic("vnet0", true, true), false, backLimit},
		{nic("vnet0", true, false), true, backLimit},
	} {
		n.back = c.back
		got := n.request(c.nic)
		require.Equal(t, c.want, got.Limit, "%+v", c)
		require.Equal(t, c.want == backLimit, got.Optional)
		require.Equal(t, c.nic, got.NIC)
	}
}

// TestClientsThatEnd: all clients end if one has to, and they have ended if none is left
// of a jail that was given an address.
func TestClientsThatEnd(t *testing.T) {
	nic := network.NIC{Name: "tap0", DHCP: true}
	dhcp, none := network.Spec{NICs: []network.NIC{nic}}, network.Spec{NICs: []network.NIC{{Name: "tap0"}}}
	given := netRecord{Learnt: map[string][]netip.Prefix{"tap0": {leased}}}
	for _, c := range []struct {
		name     string
		from, to network.Spec
		record   netRecord
		made     bool
		runs     bool
		want     bool
		after    int
	}{
		{"goes on", dhcp, dhcp, given, false, true, false, 1},
		{"has ended by itself", dhcp, dhcp, given, false, false, true, 0},
		{"never had an address", dhcp, dhcp, netRecord{}, false, false, false, 0},
		{"not wanted any more", dhcp, none, given, false, true, true, 0},
		{"interface made anew", dhcp, dhcp, given, true, true, true, 0},
		{"newly wanted", none, dhcp, netRecord{}, false, true, false, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, id := clientHost(t)
			if c.runs {
				process(t, h, id, "dhclient", "-d", "tap0")
			}
			n := netChange{a: ChangeNetwork{ID: id}, h: h.Host, from: c.from, to: c.to}
			ended, err := n.endClients(t.Context(), c.record, map[string]bool{"tap0": c.made})
			require.NoError(t, err)
			require.Equal(t, c.want, ended)
			left, err := clients(t.Context(), h.Sim, id)
			require.NoError(t, err)
			require.Len(t, left, c.after)
		})
	}
}

// TestLeaseOfRCIsTakenBack: what the jail's own rc(8) was given goes when the nic does not
// ask any more, though nobody has written it down.
func TestLeaseOfRCIsTakenBack(t *testing.T) {
	h, id := clientHost(t)
	in := h.Sim.In(id)
	static := netip.MustParsePrefix("10.0.0.5/24")
	for _, p := range []netip.Prefix{static, leased} {
		addressed(t, in, network.Alias{Interface: "tap0", Prefix: p})
	}
	was := network.NIC{Name: "tap0", DHCP: true, Addrs: []netip.Prefix{static}}
	now := was
	now.DHCP = false
	n := netChange{
		a: ChangeNetwork{ID: id, Key: NetKey{"ioc", "web"}}, h: h.Host,
		from: network.Spec{NICs: []network.NIC{was}}, to: network.Spec{NICs: []network.NIC{now}},
	}
	old := map[string]network.NIC{"tap0": was}
	restore := kernelFails(t, h, simkernel.OpInterfaces)
	require.ErrorIs(t, n.leases(t.Context(), old, nil), errProbe)
	restore()
	require.NoError(t, n.leases(t.Context(), old, nil))
	tap, there := interfaceOf(t, in, "tap0")
	require.True(t, there)
	require.Contains(t, tap.Addrs, static)
	require.NotContains(t, tap.Addrs, leased)
}

// TestRoutesThatGo: a route goes if none of the same destination and table is to be there,
// and the default route with the last nic that was given one.
func TestRoutesThatGo(t *testing.T) {
	route := func(dest string, fib int) network.Route {
		return network.Route{Dest: netip.MustParsePrefix(dest), FIB: fib}
	}
	any4, any6 := route("0.0.0.0/0", 0), route("::/0", 0)
	lan, other, second := route("10.0.0.0/8", 0), route("10.1.0.0/16", 0), route("10.0.0.0/8", 1)
	routes := func(list ...network.Route) network.Spec { return network.Spec{Routes: list} }
	asks := func(dhcp, slaac bool) network.Spec {
		return network.Spec{NICs: []network.NIC{{Name: "vnet0", DHCP: dhcp, SLAAC: slaac}}}
	}
	for _, c := range []struct {
		name     string
		from, to network.Spec
		want     []network.Route
	}{
		{"stays", routes(lan), routes(lan, other), nil},
		{"goes", routes(lan, other), routes(other), []network.Route{lan}},
		{"of another table", routes(lan, second), routes(second), []network.Route{lan}},
		{"none is left", routes(lan), routes(), []network.Route{lan}},
		{"of a lease", asks(true, false), routes(lan), []network.Route{any4}},
		{"of a router", asks(true, true), asks(true, false), []network.Route{any6}},
		{"replaced", asks(true, true), routes(any4, any6), nil},
	} {
		got := netChange{from: c.from, to: c.to}.goneRoutes()
		require.ElementsMatch(t, c.want, got, c.name)
	}
}

// TestAliasWithAnotherPrefix: an address that gets another prefix length is taken away and
// added again, and others stay.
func TestAliasWithAnotherPrefix(t *testing.T) {
	h := newHost(t)
	ctx := t.Context()
	makes(t, h, "zroot/web")
	id := runs(t, h, "ioc-web", "zroot/web")
	was, now, stays := alias("192.0.2.51/32"), alias("192.0.2.51/24"), alias("192.0.2.52/32")
	for _, a := range []network.Alias{was, stays} {
		addressed(t, h.Sim, a)
	}
	key := records(t, h, "web", netRecord{Added: []network.Alias{was, stays}})
	n := netChange{
		a: ChangeNetwork{Key: key, ID: id}, h: h.Host, write: key.write,
		from: network.Spec{Jail: id.Name, Aliases: []network.Alias{was}},
		to:   network.Spec{Jail: id.Name, Aliases: []network.Alias{now}},
	}
	require.NoError(t, n.aliases(ctx))
	em, _ := interfaceOf(t, h.Sim, "em0")
	require.Equal(t, []netip.Prefix{now.Prefix}, em.Addrs)
	r, ok, err := key.Current(ctx, h.Host)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, []network.Alias{now}, r.Added)
}

// TestChangeOfNetworkIsHeld: while a change can still be taken back, the record says what
// the jail had.
func TestChangeOfNetworkIsHeld(t *testing.T) {
	h := newHost(t)
	ctx := t.Context()
	makes(t, h, "zroot/web")
	id := runs(t, h, "ioc-web", "zroot/web")
	was, now := alias("192.0.2.51/24"), alias("192.0.2.52/24")
	addressed(t, h.Sim, was)
	spec := func(a network.Alias) network.Spec { return network.Spec{Jail: id.Name, Aliases: []network.Alias{a}} }
	key := records(t, h, "web", netRecord{Spec: spec(was), Added: []network.Alias{was}})
	kernelFails(t, h, simkernel.OpAddressAdd)
	change := ChangeNetwork{Key: key, ID: id, From: spec(was), To: spec(now)}
	require.ErrorIs(t, perform(t, h, change).err, errProbe)
	r, ok, err := key.Current(ctx, h.Host)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, change.To, r.Spec)
	require.Equal(t, &change.From, r.Held)
}

// TestUnchangedNICStays: a change of the network leaves an interface that stays the same.
func TestUnchangedNICStays(t *testing.T) {
	h, id, _ := networkJail(t)
	ctx := t.Context()
	nic := network.NIC{
		Name: "vnet0", MTU: 1500, HostMAC: "02:ff:60:00:00:01", JailMAC: "02:ff:60:00:00:02",
		Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.5/24")},
	}
	require.NoError(t, perform(t, h, EnsureNIC{Jail: id.Name, NIC: nic}).err)
	before, there := interfaceOf(t, h.Sim.In(id), "vnet0")
	require.True(t, there)
	spec := network.Spec{Jail: id.Name, VNET: true, NICs: []network.NIC{nic}}
	n := netChange{a: ChangeNetwork{Key: NetKey{"ioc", "web"}, ID: id}, h: h.Host, from: spec, to: spec}
	h.Sim.ResetCalls()
	require.NoError(t, n.stack(ctx, func(network.Made) error { return nil }))
	after, there := interfaceOf(t, h.Sim.In(id), "vnet0")
	require.True(t, there)
	require.Equal(t, before, after)
	require.Zero(t, called(h, simkernel.OpInterfaceDestroy))
}

// TestAddressesInUse: the addresses of all running jails but one.
func TestAddressesInUse(t *testing.T) {
	h := newHost(t)
	makes(t, h, "zroot/web")
	one, two := netip.MustParseAddr("192.0.2.50"), netip.MustParseAddr("2001:db8::50")
	addressed(t, h.Sim, alias("192.0.2.50/24"))
	addressed(t, h.Sim, alias("2001:db8::50/64"))
	runs(t, h, "ioc-web", "zroot/web", kernel.Addrs("ip4.addr", one))
	runs(t, h, "ioc-db", "zroot/web", kernel.Addrs("ip4.addr", one), kernel.Addrs("ip6.addr", two))
	for but, want := range map[string]map[netip.Addr][]string{
		"":        {one: {"ioc-web", "ioc-db"}, two: {"ioc-db"}},
		"ioc-web": {one: {"ioc-db"}, two: {"ioc-db"}},
		"ioc-db":  {one: {"ioc-web"}},
	} {
		used, err := UsedAddresses(t.Context(), h.Sim, but)
		require.NoError(t, err)
		require.Equal(t, want, used)
	}
}

// TestAliasThatOthersUse: an address that other jails use stays, and is theirs to remove.
func TestAliasThatOthersUse(t *testing.T) {
	h := newHost(t)
	ctx := t.Context()
	shared, own := alias("192.0.2.50/24"), alias("192.0.2.51/24")
	for _, a := range []network.Alias{shared, own} {
		addressed(t, h.Sim, a)
	}
	users := network.Spec{Aliases: []network.Alias{shared}}
	keys := []NetKey{records(t, h, "a", netRecord{Spec: users}), records(t, h, "b", netRecord{Spec: users})}
	bystander := records(t, h, "c", netRecord{})
	require.NoError(t, ReleaseAliases(ctx, h.Host, "ioc-web", true, []network.Alias{shared, own}))
	em, _ := interfaceOf(t, h.Sim, "em0")
	require.Equal(t, []netip.Prefix{shared.Prefix}, em.Addrs)
	for _, key := range keys {
		r, _, err := key.Current(ctx, h.Host)
		require.NoError(t, err)
		require.Equal(t, []network.Alias{shared}, r.Added, key.Name)
	}
	r, _, err := bystander.Current(ctx, h.Host)
	require.NoError(t, err)
	require.Empty(t, r.Added)
}

// TestFormerAliasesStay: a start that is undone leaves the addresses that an earlier run of
// the jail has added.
func TestFormerAliasesStay(t *testing.T) {
	h := newHost(t)
	former := alias("192.0.2.50/24")
	addressed(t, h.Sim, former)
	key := records(t, h, "web", netRecord{Added: []network.Alias{former}})
	spec := network.Spec{Jail: key.jail(), Aliases: []network.Alias{former, alias("192.0.2.51/24")}}
	out := takeBack(t, h, func() {}, RecordNetwork{Key: key, Spec: spec}, AddAliases{Key: key, Jail: key.jail(), Aliases: spec.Aliases})
	require.ErrorIs(t, out.err, errProbe)
	em, _ := interfaceOf(t, h.Sim, "em0")
	require.Equal(t, []netip.Prefix{former.Prefix}, em.Addrs)
	r, ok, err := key.Current(t.Context(), h.Host)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, []network.Alias{former}, r.Added)
}

// TestAliasesNeedARecord: no address is added that is not written down.
func TestAliasesNeedARecord(t *testing.T) {
	h := newHost(t)
	add := AddAliases{Key: NetKey{"ioc", "web"}, Jail: "ioc-web", Aliases: []network.Alias{alias("192.0.2.50/24")}}
	require.ErrorContains(t, perform(t, h, add).err, "the record of the jail's network is gone")
	em, _ := interfaceOf(t, h.Sim, "em0")
	require.Empty(t, em.Addrs)
}
