package network_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/kernel"
)

// The addresses that libioc and iocage give these names.
func TestDerivedMACs(t *testing.T) {
	for _, v := range []struct{ name, nic, prefix, libiocA, libiocB, iocageA, iocageB string }{
		{"foo", "vnet0", "02ff60", "02:ff:60:10:bf:1d", "02:ff:60:10:bf:1e", "02:ff:60:29:2e:26", "02:ff:60:29:2e:27"},
		{"foo", "vnet1", "02ff60", "02:ff:60:d2:c5:20", "02:ff:60:d2:c5:21", "02:ff:60:ba:ce:0e", "02:ff:60:ba:ce:0f"},
		{"web01", "vnet0", "02ff60", "02:ff:60:4e:47:10", "02:ff:60:4e:47:11", "02:ff:60:95:55:13", "02:ff:60:95:55:14"},
		{"web01", "vnet1", "02ff60", "02:ff:60:69:00:ae", "02:ff:60:69:00:af", "02:ff:60:7b:d2:3c", "02:ff:60:7b:d2:3d"},
		{"db", "vnet0", "02ff60", "02:ff:60:7d:90:3f", "02:ff:60:7d:90:40", "02:ff:60:54:5a:4e", "02:ff:60:54:5a:4f"},
		{"jail.with.dots", "vnet0", "02ff60", "02:ff:60:96:59:33", "02:ff:60:96:59:34", "02:ff:60:2f:9b:0c", "02:ff:60:2f:9b:0d"},
		{"Grönke", "vnet0", "02ff60", "02:ff:60:76:6b:3c", "02:ff:60:76:6b:3d", "02:ff:60:3c:e0:8b", "02:ff:60:3c:e0:8c"},
		{"2fd1bcac-ab88-49c1-b1bd-31f9f5a96a25", "vnet0", "02ff60", "02:ff:60:b0:e1:b1", "02:ff:60:b0:e1:b2", "02:ff:60:a2:4f:0b", "02:ff:60:a2:4f:0c"},
		{"web01", "vnet0", "0a1b2c", "0a:1b:2c:4e:47:10", "0a:1b:2c:4e:47:11", "0a:1b:2c:95:55:13", "0a:1b:2c:95:55:14"},
		{"j2397", "vnet0", "02ff60", "02:ff:60:94:af:ff", "02:ff:60:94:b0:00", "", ""},
		{"web01", "vnet0", "02ff", "02:ff:4e:47:10:a3", "02:ff:4e:47:10:a4", "02:ff:95:55:13:9a", "02:ff:95:55:13:9b"},
	} {
		p, err := network.DeriveMACs(network.AlgorithmLibioc, v.prefix, v.name, v.nic)
		require.NoError(t, err)
		require.Equal(t, v.libiocA+","+v.libiocB, p.String(), v.name)
		if v.iocageA == "" {
			continue
		}
		p, err = network.DeriveMACs(network.AlgorithmIocage, v.prefix, v.name, v.nic)
		require.NoError(t, err)
		require.Equal(t, v.iocageA+","+v.iocageB, p.String(), v.name)
	}
	// A prefix of all digits leaves none for the two ends.
	for _, algorithm := range []string{network.AlgorithmLibioc, network.AlgorithmIocage} {
		_, err := network.DeriveMACs(algorithm, "02ff60ffffff", "any", "any")
		require.Error(t, err)
	}
}

// TestTenThousandJails: on one bridge no two jails have the same address, though
// 24 bits of a hash alone would give some.
func TestTenThousandJails(t *testing.T) {
	for _, algorithm := range []string{network.AlgorithmLibioc, network.AlgorithmIocage} {
		taken := map[config.MAC]string{}
		other := 0
		for n := range 10000 {
			m := network.MACs{Algorithm: algorithm, Prefix: "02ff60", Jail: fmt.Sprintf("jail%d", n), HostUUID: "a1b2c3d4-0000-11ee-8000-58169200aa00"}
			pair, salted, err := m.Choose("vnet0", func(mac config.MAC) bool { return taken[mac] != "" })
			require.NoError(t, err)
			if salted {
				other++
			}
			for _, mac := range []config.MAC{pair.Host, pair.Jail} {
				require.Empty(t, taken[mac], "%s has the address of %s", m.Jail, taken[mac])
				require.Zero(t, mac[0]&1, "multicast")
				taken[mac] = m.Jail
			}
		}
		require.Len(t, taken, 20000)
		require.NotZero(t, other, "without a clash this test shows nothing")
		t.Logf("%s: %d of 10000 jails had to take another address", algorithm, other)
	}
}

func TestNoAddressIsLeft(t *testing.T) {
	m := network.MACs{Prefix: "02ff60", Jail: "foo", HostUUID: "x"}
	_, _, err := m.Choose("vnet0", func(config.MAC) bool { return true })
	require.ErrorContains(t, err, "no free link address")
}

// hostInterfaces are those of a host with a bridge and a card.
var hostInterfaces = []kernel.Interface{
	{Name: "em0", MTU: 1500, Addrs: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24"), netip.MustParsePrefix("fe80::1/64"), netip.MustParsePrefix("2001:db8::fe/64")}},
	{Name: "bridge0", MTU: 1500}, {Name: "bridge1", MTU: 9000}, {Name: "lo0"},
}

func compute(t *testing.T, pairs ...string) (network.Spec, error) {
	t.Helper()
	in := input(t, pairs...)
	v4 := in.Routes
	in.Routes = func() ([]kernel.Route, error) {
		list, err := v4()
		return append([]kernel.Route{{Dest: netip.MustParsePrefix("::/0"), Gateway: netip.MustParseAddr("fe80::8"), Interface: "bridge1"}}, list...), err
	}
	in.InUse = func(a netip.Addr) bool { return a == netip.MustParseAddr("192.0.2.2") }
	return network.Compute(in)
}

// Every written form of a shared address.
func TestAliases(t *testing.T) {
	for text, want := range map[string]string{
		"em0|192.0.2.5/24,em0|192.0.2.6/24": "[em0|192.0.2.5/24 em0|192.0.2.6/24]", // order kept
		"em0|192.0.2.5":                     "[em0|192.0.2.5/32]",
		"em0|192.0.2.5/255.255.255.0":       "[em0|192.0.2.5/24]",
		"em0|192.0.2.5/0.0.0.255":           "[em0|192.0.2.5/24]",
		"DEFAULT|192.0.2.5/24":              "[em0|192.0.2.5/24]",
		"192.0.2.5/24":                      "[em0|192.0.2.5/24]", // iocage
		"192.0.2.1":                         "[]",                 // the host has it
		"em0|AUTOIP4":                       "[em0|192.0.2.3/24]", // .1 is the host's, .2 a jail's
		"AUTOIP4":                           "[em0|192.0.2.3/24]",
		"lo0|127.0.1.1":                     "[lo0|127.0.1.1/32]",
		"none":                              "[]",
	} {
		s, err := compute(t, "ip4_addr", text)
		require.NoError(t, err, text)
		require.Equal(t, want, fmt.Sprint(s.Aliases), text)
	}
	for text, want := range map[string]string{
		"em0|2001:DB8::1": "[em0|2001:db8::1/128]", "em0|fe80::1%em0/64": "[em0|fe80::1/64]", "2001:db8::1/64": "[em0|2001:db8::1/64]",
	} {
		s, err := compute(t, "ip6_addr", text)
		require.NoError(t, err, text)
		require.Equal(t, want, fmt.Sprint(s.Aliases), text)
	}
	// Without addresses of its own the jail needs none on the host.
	for _, mode := range []string{"inherit", "disable"} {
		s, err := compute(t, "ip4", mode, "ip4_addr", "em0|192.0.2.5/24")
		require.NoError(t, err)
		require.Empty(t, s.Aliases)
	}
}

// Default routes: what libioc reads, and what is set.
func TestRoutes(t *testing.T) {
	const v4, v6 = "vnet0|192.0.2.5/24", "vnet0|2001:db8::5/64"
	for _, v := range []struct {
		key, text, want, nic string
	}{
		{"defaultrouter", "192.0.2.1", "default 192.0.2.1", "vnet0"},
		{"defaultrouter", "192.0.2.1@vnet1", "default 192.0.2.1", "vnet1"},
		{"defaultrouter", "198.51.100.1", "default 198.51.100.1", "vnet0"},
		{"defaultrouter6", "2001:db8::1", "-6 default 2001:db8::1", "vnet0"},
		{"defaultrouter6", "2001:DB8::1@vnet0", "-6 default 2001:db8::1", "vnet0"},
		{"defaultrouter6", "FE80::1@vnet1", "-6 default fe80::1%vnet1", "vnet1"},
		{"defaultrouter6", "fe80::1%vnet0", "-6 default fe80::1%vnet0", "vnet0"},
		{"defaultrouter6", "fe90::1@vnet0", "-6 default fe90::1%vnet0", "vnet0"},
		{"defaultrouter6", "fe80::1", "-6 default fe80::1%vnet0", "vnet0"}, // libioc: refused by the kernel, ignored
		{"defaultrouter", "auto", "default 192.0.2.254", "vnet0"},
		{"defaultrouter", "none", "", ""},
		{"defaultrouter", "-", "", ""},
	} {
		s, err := compute(t, "vnet", "yes", "interfaces", "vnet0:bridge0,vnet1::bridge1", "ip4_addr", v4, "ip6_addr", v6, v.key, v.text)
		require.NoError(t, err, v.text)
		if v.want == "" {
			require.Empty(t, s.Routes, v.text)
			continue
		}
		require.Len(t, s.Routes, 1, v.text)
		require.Equal(t, v.want, s.Routes[0].String())
		require.Equal(t, v.nic, s.Routes[0].Interface)
	}
	own := config.New()
	require.Error(t, own.Set("defaultrouter", "192.0.2.1@"))
	// A lease's router is only taken when there is no other.
	s, err := compute(t, "vnet", "yes", "interfaces", "vnet0:bridge0", "ip4_addr", "vnet0|dhcp", "defaultrouter", "192.0.2.1")
	require.NoError(t, err)
	require.Empty(t, s.Routes)
	require.Contains(t, strings.Join(s.Notes, " "), "defaultrouter=192.0.2.1 is not used")
	// The host's gateway, if the jail cannot reach it, is none.
	s, err = compute(t, "vnet", "yes", "interfaces", "vnet0:bridge0", "ip4_addr", "vnet0|10.0.0.5/24", "defaultrouter", "auto")
	require.NoError(t, err)
	require.Empty(t, s.Routes)
	require.Contains(t, strings.Join(s.Notes, " "), "auto gives no route")
}

func TestInterfaces(t *testing.T) {
	s, err := compute(t, "vnet", "yes", "interfaces", "vnet0:bridge0,vnet1::bridge1,vnet2:none",
		"ip4_addr", "vnet0|192.0.2.5/24,vnet0|192.0.2.6/32,vnet2|10.9.0.2/30", "defaultrouter", "10.9.0.1", "vnet1_mtu", "1400")
	require.NoError(t, err)
	require.Len(t, s.NICs, 3)
	require.Equal(t, "bridge0", s.NICs[0].Bridge)
	require.Empty(t, s.NICs[0].Secure)
	require.Equal(t, network.SecureFull, s.NICs[1].Secure)
	require.Equal(t, 1400, s.NICs[1].MTU)
	require.Zero(t, s.NICs[0].MTU, "the bridge's")
	require.Equal(t, "[192.0.2.5/24 192.0.2.6/32]", fmt.Sprint(s.NICs[0].Addrs))
	require.Empty(t, s.NICs[2].Bridge)
	require.Equal(t, "[10.9.0.1/30]", fmt.Sprint(s.NICs[2].Gateways))
	// iocage: an address without a nic is the first one's, dhcp=1 too.
	s, err = compute(t, "vnet", "yes", "interfaces", "vnet0:bridge0", "ip4_addr", "192.0.2.5/24", "dhcp", "1")
	require.NoError(t, err)
	require.Equal(t, "[192.0.2.5/24]", fmt.Sprint(s.NICs[0].Addrs))
	require.True(t, s.NICs[0].DHCP)
}

// Names fit 15 bytes, as libioc forms them or shorter.
func TestNames(t *testing.T) {
	plain, secure := network.NIC{Name: "vnet0"}, network.NIC{Name: "vnet0", Secure: network.SecureFull, Index: 3}
	require.Equal(t, "vnet0.7", network.FindNames(nil, "", plain, 7).Host)
	require.Equal(t, network.Names{Host: "vnet0.12345", A: "vnet0.12345.a", B: "vnet0.12345.b", Net: "vnet0.12345.net"}, network.FindNames(nil, "", secure, 12345))
	require.Equal(t, network.Names{Host: "i123456.3", A: "i123456.3a", B: "i123456.3b", Net: "i123456.3n"}, network.FindNames(nil, "", secure, 123456))
	for _, jid := range []int{1, 99999, 999999, 1<<31 - 1} {
		for _, n := range []network.NIC{plain, secure, {Name: "averylongname15", Index: 9}} {
			names := network.FindNames(nil, "", n, jid)
			for _, name := range []string{names.Host, names.A, names.B, names.Net} {
				if n.Secure != "" || name == names.Host {
					require.LessOrEqual(t, len(name), 15, name)
				}
			}
		}
	}
	n := network.NIC{Name: "vnet0", JailMAC: "02:ff:60:10:bf:1e"}
	jail, nic, mac, ok := network.Owner(network.Description("main-a:b", n))
	require.Equal(t, []any{"main-a:b", "vnet0", "02:ff:60:10:bf:1e", true}, []any{jail, nic, mac, ok})
	for _, text := range []string{"", "associated with jail: foo", "ioc:", "ioc:x", "ioc:vnet0 x"} {
		_, _, _, ok := network.Owner(text)
		require.False(t, ok, text)
	}
}

// libioc's own rules for jail foo, jid 7.
func TestLibiocRules(t *testing.T) {
	n := network.NIC{Name: "vnet0", Secure: network.SecureLibioc, JailMAC: "02:ff:60:10:bf:1e"}
	rules := network.SecureRules(10007, "ioc-foo", n, network.FindNames(nil, "", n, 7), []netip.Prefix{netip.MustParsePrefix("192.0.2.5/24")})
	var bodies []string
	for _, r := range rules {
		require.Equal(t, 10007, r.Number)
		bodies = append(bodies, r.Body)
	}
	require.Equal(t, []string{
		"allow ipv4 from 192.0.2.5 to any layer2 MAC any 02:ff:60:10:bf:1e via vnet0.7.b out",
		"allow ipv4 from any to 192.0.2.5 layer2 MAC 02:ff:60:10:bf:1e any via vnet0.7 out",
		"allow ipv4 from any to 192.0.2.5 via vnet0.7 out",
		"deny log ipv4 from any to any layer2 via vnet0.7.b out",
		"deny log ipv4 from any to any via vnet0.7 out",
		"deny log ipv6 from any to any layer2 via vnet0.7.b out",
		"deny log ipv6 from any to any via vnet0.7 out",
	}, bodies)
}

func TestFullRules(t *testing.T) {
	n := network.NIC{Name: "vnet0", Secure: network.SecureFull, JailMAC: "02:ff:60:10:bf:1e", DHCP: true}
	addrs := []netip.Prefix{netip.MustParsePrefix("192.0.2.5/24"), netip.MustParsePrefix("2001:db8::5/64")}
	var bodies []string
	for _, r := range network.SecureRules(30001, "ioc-foo", n, network.FindNames(nil, "", n, 7), addrs) {
		jail, nic, ok := network.RuleOwner(r)
		require.True(t, ok)
		require.Equal(t, "ioc-foo vnet0", jail+" "+nic)
		bodies = append(bodies, r.Body)
	}
	require.Equal(t, []string{
		"allow ip from any to any layer2 out xmit vnet0.7.b MAC any 02:ff:60:10:bf:1e mac-type arp",
		"deny udp from any to any 68,546 layer2 out xmit vnet0.7.b MAC any 02:ff:60:10:bf:1e",
		"allow ip4 from 192.0.2.5 to any layer2 out xmit vnet0.7.b MAC any 02:ff:60:10:bf:1e",
		"allow udp from 0.0.0.0 68 to 255.255.255.255 67 layer2 out xmit vnet0.7.b MAC any 02:ff:60:10:bf:1e",
		"deny ipv6-icmp from any to any icmp6types 134 layer2 out xmit vnet0.7.b MAC any 02:ff:60:10:bf:1e",
		"allow ip6 from 2001:db8::5,fe80::ff:60ff:fe10:bf1e to any layer2 out xmit vnet0.7.b MAC any 02:ff:60:10:bf:1e",
		"allow ipv6-icmp from :: to ff02::/16 layer2 out xmit vnet0.7.b MAC any 02:ff:60:10:bf:1e",
		"deny ip from any to any layer2 out xmit vnet0.7.b",
		"allow ip from any to any layer2 out xmit vnet0.7 mac-type arp",
		"allow ip4 from any to 192.0.2.5,192.0.2.255,255.255.255.255,224.0.0.0/4 layer2 out xmit vnet0.7",
		"allow udp from any 67 to any 68 layer2 out xmit vnet0.7",
		"allow ip6 from any to 2001:db8::5,fe80::/10,ff02::/16 layer2 out xmit vnet0.7",
		"deny ip from any to any layer2 out xmit vnet0.7",
	}, bodies)
}

// TestPfTextCoversAllAddresses: NAT was for the jail's first address alone, and to all
// addresses of the interface in turn, also to those of other jails.
func TestPfTextCoversAllAddresses(t *testing.T) {
	s, err := compute(t, "ip4_addr", "em0|192.0.2.10/24,em0|192.0.2.11/32", "user.nat", "em0")
	require.NoError(t, err)
	require.Equal(t, "nat on em0 inet from { 192.0.2.10 192.0.2.11 } to any -> (em0:0)\n", s.PfText(s.Inward()))
}

func TestPfText(t *testing.T) {
	s, err := compute(t, "ip4_addr", "em0|192.0.2.10/24", "ip6_addr", "em0|2001:db8::10/64",
		"user.nat", "yes", "user.forwards", "198.51.100.1:8080:80@em0,3000-3010/both", "user.forwards_open", "yes")
	require.NoError(t, err)
	require.Equal(t, `nat on em0 inet from 192.0.2.10 to any -> (em0:0)
rdr on em0 inet proto tcp from any to 198.51.100.1 port 8080 -> 192.0.2.10 port 80
rdr on em0 inet proto { tcp udp } from any to (em0:0) port 3000:3010 -> 192.0.2.10 port 3000:*
rdr on em0 inet6 proto { tcp udp } from any to 2001:db8::fe port 3000:3010 -> 2001:db8::10 port 3000:*
pass in quick on em0 inet proto tcp from any to 192.0.2.10 port 80 keep state
pass out quick on em0 inet proto tcp from any to 192.0.2.10 port 80 keep state
pass in quick on em0 inet proto { tcp udp } from any to 192.0.2.10 port 3000:3010 keep state
pass out quick on em0 inet proto { tcp udp } from any to 192.0.2.10 port 3000:3010 keep state
pass in quick on em0 inet6 proto { tcp udp } from any to 2001:db8::10 port 3000:3010 keep state
pass out quick on em0 inet6 proto { tcp udp } from any to 2001:db8::10 port 3000:3010 keep state
`, s.PfText(s.Inward()))
	_, err = compute(t, "ip4_addr", "em0|192.0.2.10/24", "user.forwards", "80,70-90:170")
	require.ErrorContains(t, err, "same port")
}

func TestAnchor(t *testing.T) {
	long := strings.Repeat("x", 200)
	for _, jail := range []string{"ioc-web", "ioc-a*b", "ioc-a_b", "ioc-Grönke", long, long + "y"} {
		a := network.Anchor(jail)
		require.LessOrEqual(t, len(a), 63)
		require.NotContains(t, a, "*")
		require.True(t, strings.HasPrefix(a, "ioc/"))
	}
	require.NotEqual(t, network.Anchor("ioc-a*b"), network.Anchor("ioc-a_b"))
	require.NotEqual(t, network.Anchor(long), network.Anchor(long+"y"))
}
