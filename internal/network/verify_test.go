package network

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// damages are what somebody does to the network of a running jail, and what Differences
// says of it.
var damages = []struct {
	network string
	name    string
	do      func(r *rig) error
	says    string
	inside  bool
}{
	{"bridged", "out of the bridge", func(r *rig) error { return r.BridgeDelete(r.t.Context(), "bridge0", r.end("vnet0")) }, `vnet0 is not joined to "bridge0" as it should be`, false},
	{"bridged", "host's end down", func(r *rig) error { return r.InterfaceSetUp(r.t.Context(), r.end("vnet0"), false) }, `vnet0 is not joined`, false},
	{"bridged", "another MTU", func(r *rig) error { return r.InterfaceSetMTU(r.t.Context(), r.end("vnet0"), 1300) }, `vnet0 is not joined`, false},
	{"bridged", "another address", func(r *rig) error {
		return r.InterfaceSetMAC(r.t.Context(), r.end("vnet0"), []byte{2, 0, 0, 0, 0, 9})
	}, `vnet0 is not joined`, false},
	{"bridged", "epair destroyed", func(r *rig) error { return r.InterfaceDestroy(r.t.Context(), r.end("vnet1")) }, `vnet1 is not joined to "bridge1"`, false},
	{"bridged", "address gone", func(r *rig) error {
		return r.in.AddressDelete(r.t.Context(), "vnet0", netip.MustParseAddr("10.0.0.6"))
	}, "vnet0 has no address 10.0.0.6/32", true},
	{"bridged", "down", func(r *rig) error { return r.in.InterfaceSetUp(r.t.Context(), "vnet0", false) }, "vnet0 is down", true},
	{"bridged", "renamed", func(r *rig) error { return r.in.InterfaceRename(r.t.Context(), "vnet0", "mine") }, "vnet0 is called mine in the jail", true},
	{"bridged", "loopback down", func(r *rig) error { return r.in.InterfaceSetUp(r.t.Context(), "lo0", false) }, "lo0 is down", true},
	{"bridged", "loopback address gone", func(r *rig) error {
		return r.in.AddressDelete(r.t.Context(), "lo0", netip.MustParseAddr("127.0.1.1"))
	}, "lo0 has no address 127.0.1.1/32", true},
	{"bridged", "route gone", func(r *rig) error {
		return r.in.RouteDelete(r.t.Context(), kernel.Route{Dest: netip.MustParsePrefix("203.0.113.0/24")})
	}, "no route 203.0.113.0/24 10.0.0.9", true},
	{"routed", "gateway gone", func(r *rig) error {
		return r.AddressDelete(r.t.Context(), r.end("vnet0"), netip.MustParseAddr("10.2.0.1"))
	}, "has no address 10.2.0.1/24", false},
	{"routed", "anchor flushed", func(r *rig) error { return r.PfFlush(r.t.Context(), Anchor("ioc-web")) }, "has 0 rules", false},
	{"secure", "rules deleted", func(r *rig) error { return RemoveRules(r.t.Context(), r, "ioc-web", "vnet1") }, "vnet1 does not have the rules of Secure VNET", false},
	{"secure", "other rules", func(r *rig) error {
		return r.IpfwAdd(r.t.Context(), Set, kernel.IpfwRule{Number: 39000, Body: "allow ip from any to any", Comment: "ioc ioc-web vnet0"})
	}, "vnet0 does not have the rules of Secure VNET", false},
	{"secure", "private bridge destroyed", func(r *rig) error { return r.InterfaceDestroy(r.t.Context(), r.end("vnet0")+".net") }, `vnet0 is not joined`, false},
	{"secure", "host's end out of the private bridge", func(r *rig) error {
		return r.BridgeDelete(r.t.Context(), r.end("vnet0")+".net", r.end("vnet0"))
	}, `vnet0 is not joined`, false},
	{"secure", "second epair out of the private bridge", func(r *rig) error {
		return r.BridgeDelete(r.t.Context(), r.end("vnet0")+".net", r.end("vnet0")+".b")
	}, `vnet0 is not joined`, false},
	{"secure", "second epair down", func(r *rig) error { return r.InterfaceSetUp(r.t.Context(), r.end("vnet0")+".a", false) }, `vnet0 is not joined`, false},
}

// end is the host's end of a nic.
func (r *rig) end(nic string) string { return FindNames(nil, "", NIC{Name: nic}, r.id.JID).Host }

// TestDifferencesAreMended: each damage is told, on the side where it is, and what brought
// the network up brings it back.
func TestDifferencesAreMended(t *testing.T) {
	for _, d := range damages {
		t.Run(d.network+", "+d.name, func(t *testing.T) {
			r := newRig(t)
			s := r.spec(networks[d.network])
			require.NoError(t, r.ensure(t.Context(), Spec{}, s))
			want := r.lines()
			require.NoError(t, d.do(r))
			outside, inside, err := Differences(t.Context(), r, r.id, Record{Spec: s})
			require.NoError(t, err)
			told, other := outside, inside
			if d.inside {
				told, other = inside, outside
			}
			require.Len(t, told, 1)
			require.Contains(t, told[0], d.says)
			require.Empty(t, other)
			made := d.name == "epair destroyed" || d.name == "another address" || d.network == "secure"
			was := 0
			if !made {
				was = r.index(r.end("vnet0"))
			}
			require.NoError(t, r.ensure(t.Context(), s, s))
			r.requireWhole(s)
			require.Equal(t, want, r.lines())
			if !made {
				require.Equal(t, was, r.index(r.end("vnet0")), "it was made anew")
			}
		})
	}
}

// TestDifferencesOfAliases: of a jail in the host's stack only its addresses count; what
// was learnt counts as what was configured does.
func TestDifferencesOfAliases(t *testing.T) {
	r := newRig(t)
	s := Spec{Jail: "ioc-db", Aliases: []Alias{{"em0", netip.MustParsePrefix("192.0.2.9/24")}}}
	outside, inside, err := Differences(t.Context(), r, r.id, Record{Spec: s})
	require.NoError(t, err)
	require.Equal(t, []string{"the host has no address em0|192.0.2.9/24"}, outside)
	require.Empty(t, inside)

	s = r.spec(networks["advertised"])
	require.NoError(t, r.ensure(t.Context(), Spec{}, s))
	learnt := map[string][]netip.Prefix{"vnet0": {netip.MustParsePrefix("2001:db8::9/64")}}
	_, inside, err = Differences(t.Context(), r, r.id, Record{Spec: s, Learnt: learnt})
	require.NoError(t, err)
	require.Equal(t, []string{"vnet0 has no address 2001:db8::9/64"}, inside)
}

// TestSecondRoutedEpair: a gateway that another jail's end has with its whole network gets
// a prefix of its own length, and the jail's addresses get routes. With the same prefix
// the kernel would send all of them to the first.
func TestSecondRoutedEpair(t *testing.T) {
	r := newRig(t)
	tap, err := r.InterfaceCreate(t.Context(), "tap0")
	require.NoError(t, err)
	require.NoError(t, r.AddressAdd(t.Context(), tap, kernel.Address{Prefix: netip.MustParsePrefix("10.2.0.1/24")}))
	s := r.spec(networks["routed"])
	require.NoError(t, r.ensure(t.Context(), Spec{}, s))
	list, err := r.Interfaces(t.Context())
	require.NoError(t, err)
	host, _ := byName(list, r.end("vnet0"))
	require.Contains(t, host.Addrs, netip.MustParsePrefix("10.2.0.1/32"))
	require.NotContains(t, host.Addrs, netip.MustParsePrefix("10.2.0.1/24"))
	routes, err := r.Routes(t.Context(), 0)
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(routes, func(o kernel.Route) bool {
		return o.Dest == netip.MustParsePrefix("10.2.0.5/32") && o.Interface == host.Name
	}))
}

// TestNoDADIsTakenBack: the flag is for our own addresses only. Left on the interface it
// lets the jail's root use an address that another machine has.
func TestNoDADIsTakenBack(t *testing.T) {
	r := newRig(t)
	require.NoError(t, r.ensure(t.Context(), Spec{}, r.spec(networks["bridged"])))
	var flags []string
	for _, c := range r.Calls() {
		if c.Op == simkernel.OpInterfaceSetND6 {
			flags = append(flags, c.String())
		}
	}
	require.Len(t, flags, 2)
	require.True(t, strings.HasSuffix(flags[0], " +120 -8"), flags[0])
	require.True(t, strings.HasSuffix(flags[1], " +0 -100"), flags[1])
}
