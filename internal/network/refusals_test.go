package network_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/kernel"
)

// input is that of a host with a card, two bridges and a default route.
func input(t *testing.T, pairs ...string) network.Input {
	t.Helper()
	own := config.New()
	for i := 0; i < len(pairs); i += 2 {
		require.NoError(t, own.Set(pairs[i], pairs[i+1]), pairs[i])
	}
	return network.Input{
		Config: config.Effective{Own: own}, Name: "foo", Jail: "ioc-foo", HostUUID: "x", Interfaces: hostInterfaces,
		Routes: func() ([]kernel.Route, error) {
			return []kernel.Route{{Dest: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("192.0.2.254"), Interface: "em0"}}, nil
		},
	}
}

// TestRefusals: what gives no network names the property and the reason.
func TestRefusals(t *testing.T) {
	vnet := []string{"vnet", "yes", "interfaces", "vnet0:bridge0,vnet1:none", "ip4_addr", "vnet0|10.0.0.5/24"}
	in := func(pairs ...string) []string { return append(append([]string{}, vnet...), pairs...) }
	for _, v := range []struct {
		pairs []string
		says  string
	}{
		{[]string{"ip4_addr", "nix0|192.0.2.9/24"}, "ip4_addr: the host has no interface nix0"},
		{[]string{"ip6_addr", "nix0|2001:db8::9/64"}, "ip6_addr: the host has no interface nix0"},
		{[]string{"ip4_addr", "em0|192.0.2.9/24 vhid 3"}, `ip4_addr: em0|192.0.2.9/24 vhid 3: words for ifconfig(8) are not supported: "vhid 3"`},
		{[]string{"ip4_addr", "em0|192.0.2.9/0"}, "a prefix of length 0 on an interface of the host"},
		{[]string{"ip4_addr", "em0|dhcp"}, "needs vnet=yes"},
		{[]string{"ip4_addr", "em0|AUTOIP4", "ip4_autostart", "256"}, "ip4_autostart"},
		{[]string{"vnet", "yes", "interfaces", "vnet0:nobridge"}, "interfaces: there is no bridge nobridge: make it with cloned_interfaces"},
		{[]string{"vnet", "yes", "interfaces", "vnet0:new", "user.network.bridge", "create", "vnet_default_interface", "nix0"}, "vnet_default_interface: the host has no interface nix0"},
		{[]string{"vnet", "yes", "interfaces", "vnet0:new", "user.network.bridge", "create", "vnet_default_interface", "em0.0"}, "the host has no interface em0.0"},
		{[]string{"vnet", "yes", "interfaces", "vnet0:new", "user.network.bridge", "create", "vnet_default_interface", "em0.4095"}, "the host has no interface em0.4095"},
		{[]string{"vnet", "yes", "interfaces", "vnet0:new", "user.network.bridge", "create", "vnet_default_interface", "nix0.5"}, "the host has no interface nix0.5"},
		{in("vnet_interfaces", "tap9"), "vnet_interfaces: the host has no interface tap9"},
		{in("vnet0_mac", "02ff60000001 02ff60000002", "vnet1_mac", "02ff60000002 02ff60000003"), "vnet1_mac: "},
		{in("ip6_addr", "vnet7|2001:db8::5/64"), `the jail has no interface "vnet7", see interfaces`},
		{in("ip6_addr", "vnet0|2001:db8::5/64 deprecated"), "words for ifconfig(8) are not supported"},
		{in("vnet_interfaces", "lo0", "ip6_addr", "lo0|accept_rtadv"), "addresses of vnet_interfaces are the jail's own to set"},
		{[]string{"vnet", "yes", "interfaces", "vnet0:bridge0", "ip4_addr", "vnet0|AUTOIP4"}, "has no meaning in a jail with its own stack"},
		{[]string{"vnet", "yes", "interfaces", "vnet0::bridge0", "ip4_addr", "vnet0|dhcp", "user.network.secure", "libioc"}, "DHCP and SLAAC cannot work with libioc's rules"},
		{[]string{"vnet", "yes", "interfaces", "vnet0::bridge0", "ip6_addr", "vnet0|accept_rtadv", "user.network.secure", "libioc"}, "DHCP and SLAAC cannot work with libioc's rules"},
		{in("defaultrouter", "10.0.0.1@vnet7"), `the jail has no interface "vnet7"`},
		{in("defaultrouter6", "2001:db8::1"), "no interface of the jail has an address of this family"},
		{in("user.network.routes", "203.0.113.0/24=10.0.0.1@vnet7"), `the jail has no interface "vnet7"`},
		{in("user.nat", "bridge0"), "user.nat: bridge0 has no IPv4 address of the host's own"},
		{[]string{"user.forwards", "80"}, "no static address"},
		{[]string{"ip4_addr", "em0|192.0.2.9/24", "user.forwards", "80@bridge0"}, "bridge0"},
		{[]string{"ip4_addr", "em0|192.0.2.9/24", "user.forwards", "80,80:81"}, "same port"},
		{[]string{"ip4_addr", "em0|192.0.2.9/24", "user.forwards", "[2001:db8::fe]:80"}, "user.forwards"},
	} {
		_, err := network.Compute(input(t, v.pairs...))
		var refused *network.Error
		require.ErrorAs(t, err, &refused, v.pairs)
		require.ErrorContains(t, err, v.says, v.pairs)
	}
}

// TestHostWithoutRoutes: what means the default route is refused without one, and an error
// of the routing table is told.
func TestHostWithoutRoutes(t *testing.T) {
	failure := errors.New("failure")
	for _, pairs := range [][]string{
		{"ip4_addr", "192.0.2.9/24"},
		{"ip4_addr", "AUTOIP4"},
		{"vnet", "yes", "interfaces", "vnet0:new", "user.network.bridge", "create", "vnet_default_interface", "auto"},
		{"ip4_addr", "em0|192.0.2.9/24", "user.forwards", "80"},
		{"ip4_addr", "em0|192.0.2.9/24", "user.nat", "yes"},
	} {
		in := input(t, pairs...)
		in.Routes = func() ([]kernel.Route, error) { return nil, nil }
		_, err := network.Compute(in)
		var refused *network.Error
		require.ErrorAs(t, err, &refused, pairs)
		require.ErrorContains(t, err, "default", pairs)
		in.Routes = func() ([]kernel.Route, error) { return nil, failure }
		_, err = network.Compute(in)
		require.ErrorIs(t, err, failure, pairs)
	}
	// Only IPv6 leads out.
	in := input(t, "ip6_addr", "2001:db8::9/64")
	in.Routes = func() ([]kernel.Route, error) {
		return []kernel.Route{{Dest: netip.MustParsePrefix("10.0.0.0/8"), Gateway: netip.MustParseAddr("192.0.2.8"), Interface: "bridge0"},
			{Dest: netip.MustParsePrefix("::/0"), Gateway: netip.MustParseAddr("fe80::8"), Interface: "bridge1"}}, nil
	}
	s, err := network.Compute(in)
	require.NoError(t, err)
	require.Equal(t, "[bridge1|2001:db8::9/64]", fmt.Sprint(s.Aliases))
}

// TestAutoIP4: the first address that nobody has, within what the configuration says; a
// running jail keeps the one that it has.
func TestAutoIP4(t *testing.T) {
	const first, last, bits = "ip4_autostart", "ip4_autoend", "ip4_autosubnet"
	web := network.Spec{Jail: "ioc-web", Aliases: []network.Alias{{Interface: "em0", Prefix: netip.MustParsePrefix("192.0.2.3/24")}}}
	for _, v := range []struct {
		pairs []string
		own   string
		want  string
	}{
		{nil, "", "em0|192.0.2.2/24"},
		{[]string{first, "3"}, "", "em0|192.0.2.4/24"}, // .3 is ioc-web's
		{[]string{first, "254"}, "", ""},               // the gateway's
		{[]string{first, "4", last, "3"}, "", ""},
		{[]string{first, "4", last, "4"}, "", "em0|192.0.2.4/24"},
		{[]string{first, "none", bits, "28"}, "", "em0|192.0.2.2/28"},
		{[]string{bits, "0"}, "", ""},
		{[]string{bits, "33"}, "", ""},
		{[]string{bits, "32"}, "", "em0|192.0.2.2/32"},
		{[]string{first, "x"}, "", ""},
		{nil, "192.0.2.9/24", "em0|192.0.2.9/24"},
		{nil, "192.0.2.3/24", "em0|192.0.2.2/24"}, // another has got it since
		{[]string{last, "8"}, "192.0.2.9/24", "em0|192.0.2.2/24"},
		{[]string{first, "9", last, "9"}, "192.0.2.9/24", "em0|192.0.2.9/24"},
	} {
		in := input(t, append([]string{"ip4_addr", "AUTOIP4"}, v.pairs...)...)
		in.Table = network.Table{"ioc-web": {Spec: web}}
		if v.own != "" {
			p := netip.MustParsePrefix(v.own)
			in.Own = network.Spec{Auto: []netip.Addr{p.Addr()}, Aliases: []network.Alias{{Interface: "em0", Prefix: p}}}
		}
		s, err := network.Compute(in)
		if v.want == "" {
			require.Error(t, err, v.pairs)
			continue
		}
		require.NoError(t, err, v.pairs)
		require.Equal(t, "["+v.want+"]", fmt.Sprint(s.Aliases), v.pairs)
		require.Equal(t, s.Aliases[0].Prefix.Addr(), s.Auto[0])
	}
	in := input(t, "ip4_addr", "DEFAULT|AUTOIP4")
	s, err := network.Compute(in)
	require.NoError(t, err)
	require.Equal(t, "[em0|192.0.2.2/24]", fmt.Sprint(s.Aliases))
	in.Routes = func() ([]kernel.Route, error) {
		return []kernel.Route{{Dest: netip.MustParsePrefix("::/0"), Gateway: netip.MustParseAddr("fe80::8"), Interface: "em0"}}, nil
	}
	_, err = network.Compute(in)
	require.ErrorContains(t, err, "AUTOIP4 needs an IPv4 default route")
}

// TestWhatARunningJailHasIsItsOwn: an address that a jail brought is no reason to do
// without an alias, and wherever the default route leads by now it stays where it is.
func TestWhatARunningJailHasIsItsOwn(t *testing.T) {
	own := network.Alias{Interface: "bridge1", Prefix: netip.MustParsePrefix("192.0.2.9/24")}
	in := input(t, "ip4_addr", "192.0.2.9/24")
	in.Own = network.Spec{Aliases: []network.Alias{own}}
	s, err := network.Compute(in)
	require.NoError(t, err)
	require.Equal(t, []network.Alias{own}, s.Aliases)
	in.Own = network.Spec{}
	in.Interfaces = append(in.Interfaces[1:], kernel.Interface{Name: "em0", Addrs: []netip.Prefix{own.Prefix}})
	s, err = network.Compute(in)
	require.NoError(t, err)
	require.Empty(t, s.Aliases, "the host's own")
	require.True(t, s.Empty())
	in.Table = network.Table{"ioc-web": {Added: []network.Alias{own}}}
	s, err = network.Compute(in)
	require.NoError(t, err)
	require.Equal(t, "[em0|192.0.2.9/24]", fmt.Sprint(s.Aliases), "another jail brought it")
	require.False(t, s.Empty())
}

// TestEmpty: anything makes a network.
func TestEmpty(t *testing.T) {
	require.True(t, network.Spec{Jail: "ioc-web"}.Empty())
	alias, nic, host, forward := make([]network.Alias, 1), make([]network.NIC, 1), make([]string, 1), make([]network.Forward, 1)
	for _, s := range []network.Spec{
		{Aliases: alias}, {NICs: nic}, {Hosts: host}, {Forwards: forward}, {NAT: "em0"}, {VNET: true},
		{Aliases: alias, NICs: nic}, {NICs: nic, Hosts: host}, {Hosts: host, Forwards: forward}, {Aliases: alias, Forwards: forward},
	} {
		require.False(t, s.Empty(), "%+v", s)
	}
}

// TestZoneNamesTheInterface: of a bare address the zone does, of another its own name.
func TestZoneNamesTheInterface(t *testing.T) {
	for text, want := range map[string]string{
		"fe80::9%bridge1/64": "[bridge1|fe80::9/64]", "bridge0|fe80::9%bridge0/64": "[bridge0|fe80::9/64]", "2001:db8::9/64": "[em0|2001:db8::9/64]",
	} {
		s, err := network.Compute(input(t, "ip6_addr", text))
		require.NoError(t, err, text)
		require.Equal(t, want, fmt.Sprint(s.Aliases), text)
	}
}

// TestHandedOver: the interface is known by its MAC address, unless another has the same;
// one that is in the jail already is known by what it had.
func TestHandedOver(t *testing.T) {
	mac := func(last byte) []byte { return []byte{2, 0, 0, 0, 0, last} }
	in := input(t, "vnet", "yes", "vnet_interfaces", "tap0,em0.5,tap1")
	in.Interfaces = append(append([]kernel.Interface{}, hostInterfaces...),
		kernel.Interface{Name: "tap0", MAC: mac(1)}, kernel.Interface{Name: "em0.5", MAC: mac(2)}, kernel.Interface{Name: "em1", MAC: mac(2)})
	in.Own = network.Spec{HostMACs: map[string]string{"tap1": "02:00:00:00:00:03"}}
	s, err := network.Compute(in)
	require.NoError(t, err)
	require.Equal(t, []string{"tap0", "em0.5", "tap1"}, s.Hosts)
	require.Equal(t, map[string]string{"tap0": "02:00:00:00:00:01", "em0.5": "", "tap1": "02:00:00:00:00:03"}, s.HostMACs)
	require.False(t, s.Empty())
}

// TestBridges: one on request is made once, with its uplink; one of ours is looked at again.
func TestBridges(t *testing.T) {
	request := []string{"vnet", "yes", "interfaces", "vnet0:new,vnet1:new,vnet2:bridge0", "user.network.bridge", "create"}
	for uplink, want := range map[string]string{"none": "[{new }]", "auto": "[{new em0}]", "em0": "[{new em0}]", "em0.42": "[{new em0.42}]", "em0.4094": "[{new em0.4094}]"} {
		s, err := network.Compute(input(t, append(request, "vnet_default_interface", uplink)...))
		require.NoError(t, err, uplink)
		require.Equal(t, want, fmt.Sprint(s.Bridges), uplink)
	}
	in := input(t, "vnet", "yes", "interfaces", "vnet0:ours", "vnet_default_interface", "none")
	in.Interfaces = append(append([]kernel.Interface{}, hostInterfaces...), kernel.Interface{Name: "ours", Description: "ioc bridge"})
	s, err := network.Compute(in)
	require.NoError(t, err)
	require.Equal(t, "[{ours }]", fmt.Sprint(s.Bridges))
}

// TestLinkAddresses: a configured one counts before the derived ones; one that another
// interface or another jail has is passed over with a note.
func TestLinkAddresses(t *testing.T) {
	pairs := []string{"vnet", "yes", "interfaces", "vnet0:bridge0,vnet1:bridge0"}
	plain, err := network.Compute(input(t, pairs...))
	require.NoError(t, err)
	require.Empty(t, plain.Notes)
	salted, err := network.Compute(input(t, append(pairs, "user.network.mac_salt", "host")...))
	require.NoError(t, err)
	require.NotEqual(t, plain.NICs[0].JailMAC, salted.NICs[0].JailMAC)
	fixed, err := network.Compute(input(t, append(pairs, "vnet1_mac", "02ff60000001 02ff60000002")...))
	require.NoError(t, err)
	require.Equal(t, "02:ff:60:00:00:01 02:ff:60:00:00:02", fixed.NICs[1].HostMAC+" "+fixed.NICs[1].JailMAC)
	require.Equal(t, plain.NICs[0], fixed.NICs[0])

	in := input(t, pairs...)
	in.Table = network.Table{"ioc-web": {Spec: plain}}
	other, err := network.Compute(in)
	require.NoError(t, err)
	require.Len(t, other.Notes, 2)
	require.Contains(t, other.Notes[0], "vnet0: another interface has the derived link address")
	require.NotEqual(t, plain.NICs[0].JailMAC, other.NICs[0].JailMAC)
	in.Table = network.Table{"ioc-foo": {Spec: plain}}
	same, err := network.Compute(in)
	require.NoError(t, err)
	require.Equal(t, plain, same, "its own")
}

// TestForwardTargets: each family goes to the jail's first address of it, and the address
// of the host is the one that is named, or its own on the interface.
func TestForwardTargets(t *testing.T) {
	both := []string{"ip4_addr", "em0|192.0.2.9/24,em0|192.0.2.10/24", "ip6_addr", "em0|2001:db8::9/64"}
	for text, want := range map[string]string{
		"80":                  "80:80/tcp@em0>192.0.2.9 [2001:db8::fe]:80:80/tcp@em0>2001:db8::9",
		"192.0.2.1:80":        "192.0.2.1:80:80/tcp@em0>192.0.2.9",
		"[2001:db8::fe]:80":   "[2001:db8::fe]:80:80/tcp@em0>2001:db8::9",
		"198.51.100.7:80@em0": "198.51.100.7:80:80/tcp@em0>192.0.2.9",
	} {
		s, err := network.Compute(input(t, append(both, "user.forwards", text)...))
		require.NoError(t, err, text)
		var got []string
		for _, f := range s.Forwards {
			got = append(got, f.String()+">"+f.Target.String())
		}
		require.Equal(t, want, strings.Join(got, " "), text)
	}
	for text, nat := range map[string]string{"yes": "em0", "em0": "em0", "1": "em0", "on": "em0", "true": "em0", "no": "", "none": "", "0": "", "off": "", "false": ""} {
		s, err := network.Compute(input(t, append(both, "user.nat", text)...))
		require.NoError(t, err, text)
		require.Equal(t, nat, s.NAT, text)
		require.Equal(t, nat != "", s.UsesPf())
	}
}

// TestMarks: a mark that a jail's root wrote is taken off what comes home, and jails that
// do not run are found by what they left.
func TestMarks(t *testing.T) {
	mark := network.Description("ioc-web", network.NIC{Name: "vnet0"})
	list := []kernel.Interface{{Name: "vnet0.7", Description: mark, Groups: []string{network.Group}}}
	require.Equal(t, []string{"ioc-web"}, network.Orphans(list, func(string) bool { return false }))
	require.Empty(t, network.Orphans(list, func(jail string) bool { return jail == "ioc-web" }))
	_, _, ok := network.RuleOwner(kernel.IpfwRule{Comment: "ioc ioc-web"})
	require.False(t, ok)
	_, _, ok = network.RuleOwner(kernel.IpfwRule{Comment: "not ioc-web vnet0"})
	require.False(t, ok)
	leased, err := network.Compute(input(t, "vnet", "yes", "interfaces", "vnet0:bridge0,vnet1:bridge0", "ip4_addr", "vnet1|dhcp"))
	require.NoError(t, err)
	require.True(t, leased.Leases("vnet1"))
	require.False(t, leased.Leases("vnet0"))
	require.False(t, leased.Leases("vnet9"))
}
