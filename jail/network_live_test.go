package jail_test

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// stack is what the tests look at of a running jail's network: inside and on the host.
type stack struct {
	t  *testing.T
	h  *simhost.Host
	j  *jail.Jail
	id kernel.Identity
}

func stackOf(t *testing.T, h *simhost.Host, j *jail.Jail) stack {
	t.Helper()
	id, err := j.Identity(t.Context())
	require.NoError(t, err)
	return stack{t, h, j, id}
}

func (s stack) inside(nic string) []string { return addresses(s.t, s.h.Sim.In(s.id), nic) }
func (s stack) host(nic string) []string   { return addresses(s.t, s.h.Sim, hostEnd(nic, s.id)) }

// routes are those of a stack, each "DEST GATEWAY INTERFACE".
func routesOf(t *testing.T, n kernel.Network) (out []string) {
	t.Helper()
	list, err := n.Routes(t.Context(), 0)
	require.NoError(t, err)
	for _, r := range list {
		text := r.Dest.String()
		if r.Gateway.IsValid() {
			text += " " + r.Gateway.String()
		}
		out = append(out, text+" "+r.Interface)
	}
	return out
}

func (s stack) members(bridge string) []string {
	s.t.Helper()
	list, err := s.h.Sim.BridgeMembers(s.t.Context(), bridge)
	require.NoError(s.t, err)
	return list
}

func (s stack) clients() (n int) {
	s.t.Helper()
	list, err := s.h.Sim.ProcessList(s.t.Context(), s.id.JID)
	require.NoError(s.t, err)
	for _, p := range list {
		if p.Command == "dhclient" {
			n++
		}
	}
	return n
}

// TestLiveMeansLive: each change told that it was live, and did nothing or half of it on
// the running jail.
func TestLiveMeansLive(t *testing.T) {
	base := map[string]string{"vnet": "yes", "interfaces": "vnet0:bridge0", "ip4_addr": "vnet0|10.0.0.5/24"}
	routed := map[string]string{"vnet": "yes", "interfaces": "vnet0:none", "ip4_addr": "vnet0|10.2.0.5/32", "defaultrouter": "10.2.0.1@vnet0"}
	dhcp := map[string]string{"vnet": "yes", "interfaces": "vnet0:bridge0", "ip4_addr": "vnet0|dhcp"}
	slaac := map[string]string{"vnet": "yes", "interfaces": "vnet0:bridge0", "ip6_addr": "vnet0|accept_rtadv"}
	for _, test := range []struct {
		name     string
		from, to map[string]string
		check    func(s stack)
	}{
		{"bridge to none", base, map[string]string{"interfaces": "vnet0:none", "defaultrouter": "10.0.0.1"}, func(s stack) {
			require.NotContains(s.t, s.members("bridge0"), hostEnd("vnet0", s.id))
			require.Equal(s.t, []string{"10.0.0.1/24"}, s.host("vnet0"))
		}},
		{"bridge to another", base, map[string]string{"interfaces": "vnet0:bridge1"}, func(s stack) {
			require.NotContains(s.t, s.members("bridge0"), hostEnd("vnet0", s.id))
			require.Contains(s.t, s.members("bridge1"), hostEnd("vnet0", s.id))
		}},
		{"none to bridge", routed, map[string]string{"interfaces": "vnet0:bridge0", "ip4_addr": "vnet0|10.2.0.5/24"}, func(s stack) {
			require.Contains(s.t, s.members("bridge0"), hostEnd("vnet0", s.id))
			require.Empty(s.t, s.host("vnet0"))
			require.NotContains(s.t, routesOf(s.t, s.h.Sim), "10.2.0.5/32 "+hostEnd("vnet0", s.id))
		}},
		{"lo0 more", base, map[string]string{"ip4_addr": "vnet0|10.0.0.5/24,lo0|127.0.1.1/32"}, func(s stack) {
			require.Contains(s.t, s.inside("lo0"), "127.0.1.1/32")
		}},
		{"lo0 less", with(base, "ip4_addr", "vnet0|10.0.0.5/24,lo0|127.0.1.1/32"), map[string]string{"ip4_addr": "vnet0|10.0.0.5/24"}, func(s stack) {
			require.NotContains(s.t, s.inside("lo0"), "127.0.1.1/32")
			require.Contains(s.t, s.inside("lo0"), "127.0.0.1/8")
		}},
		{"routed address", routed, map[string]string{"ip4_addr": "vnet0|10.2.0.6/32"}, func(s stack) {
			end := hostEnd("vnet0", s.id)
			require.Equal(s.t, []string{"10.2.0.6/32"}, s.inside("vnet0"))
			require.Contains(s.t, routesOf(s.t, s.h.Sim), "10.2.0.6/32 "+end)
			require.NotContains(s.t, routesOf(s.t, s.h.Sim), "10.2.0.5/32 "+end)
		}},
		{"routed gateway", routed, map[string]string{"defaultrouter": "10.2.0.254@vnet0"}, func(s stack) {
			require.Equal(s.t, []string{"10.2.0.254/32"}, s.host("vnet0"))
			require.Contains(s.t, routesOf(s.t, s.h.Sim.In(s.id)), "0.0.0.0/0 10.2.0.254 vnet0")
		}},
		{"accept_rtadv on", base, map[string]string{"ip6_addr": "vnet0|accept_rtadv"}, func(s stack) {
			require.Contains(s.t, s.inside("vnet0"), slaacAddress.String())
		}},
		{"accept_rtadv off", slaac, map[string]string{"ip6_addr": "none"}, func(s stack) {
			require.NotContains(s.t, s.inside("vnet0"), slaacAddress.String())
			require.NotContains(s.t, routesOf(s.t, s.h.Sim.In(s.id)), "::/0 fe80::1 vnet0")
			require.NoError(s.t, advertise(s, "vnet0"))
			require.NotContains(s.t, s.inside("vnet0"), slaacAddress.String(), "the flag is still set")
		}},
		{"dhcp to static", dhcp, map[string]string{"ip4_addr": "vnet0|10.0.0.5/24"}, func(s stack) {
			require.Equal(s.t, []string{"10.0.0.5/24"}, s.inside("vnet0"))
			require.Zero(s.t, s.clients())
			require.NotContains(s.t, routesOf(s.t, s.h.Sim.In(s.id)), "0.0.0.0/0 198.51.100.1 vnet0")
		}},
		{"static to dhcp", base, map[string]string{"ip4_addr": "vnet0|dhcp"}, func(s stack) {
			require.Equal(s.t, []string{dhcpAddress.String()}, s.inside("vnet0"))
			require.Equal(s.t, 1, s.clients())
		}},
		{"dhcp with another link address", dhcp, map[string]string{"vnet0_mac": "02ff60000001,02ff60000002"}, func(s stack) {
			require.Equal(s.t, []string{dhcpAddress.String()}, s.inside("vnet0"))
			require.Equal(s.t, 1, s.clients())
		}},
		{"dhcp of a secure nic", with(dhcp, "interfaces", "vnet0::bridge0"), map[string]string{"vnet0_mac": "02ff60000001,02ff60000002"}, func(s stack) {
			require.Equal(s.t, []string{dhcpAddress.String()}, s.inside("vnet0"))
			require.True(s.t, slices.ContainsFunc(rulesOf(s.t, s.h), func(r kernel.IpfwRule) bool {
				return hasWord(r.Body, "198.51.100.60") && hasWord(r.Body, "02:ff:60:00:00:02")
			}))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			h := netHost(t)
			before := networkWorld(t, h)
			j := newJail(t, h, "web", false, test.from)
			addPrograms(t, j)
			_, err := j.Start(ctx, jail.StartOptions{})
			require.NoError(t, err)
			_, err = j.Set(ctx, test.to, jail.SetOptions{LiveOnly: true})
			require.NoError(t, err)
			s := stackOf(t, h, j)
			test.check(s)
			found, err := j.NetworkDifferences(ctx)
			require.NoError(t, err)
			require.Empty(t, found)
			world := networkWorld(t, h)
			_, err = j.Sync(ctx, jail.SyncOptions{})
			require.NoError(t, err)
			requireSame(t, world, networkWorld(t, h))
			test.check(s)
			_, err = j.Stop(ctx, jail.StopOptions{})
			require.NoError(t, err)
			requireSame(t, before, networkWorld(t, h))
		})
	}
}

func with(m map[string]string, key, value string) map[string]string {
	m = maps.Clone(m)
	m[key] = value
	return m
}

// rulesOf are the rules of Secure VNET.
func rulesOf(t *testing.T, h *simhost.Host) []kernel.IpfwRule {
	t.Helper()
	rules, err := h.Kernel.IpfwRules(t.Context(), network.Set)
	require.NoError(t, err)
	return rules
}

// TestSyncRestoresRules: after "ipfw flush" Sync told success and left a nic with DHCP
// without rules.
func TestSyncRestoresRules(t *testing.T) {
	h, j := withNet(t, map[string]string{"vnet": "yes", "interfaces": "vnet0::bridge0", "ip4_addr": "vnet0|dhcp"})
	ctx := t.Context()
	was := rulesOf(t, h)
	require.NotEmpty(t, was)
	require.NoError(t, h.Kernel.IpfwDelete(ctx, network.Set, was[0].Number))
	require.Empty(t, rulesOf(t, h))
	found, err := j.NetworkDifferences(ctx)
	require.NoError(t, err)
	require.Len(t, found, 1)
	_, err = j.Sync(ctx, jail.SyncOptions{})
	require.NoError(t, err)
	bodies := func(rules []kernel.IpfwRule) (out []string) {
		for _, r := range rules {
			out = append(out, r.Body)
		}
		return out
	}
	require.Equal(t, bodies(was), bodies(rulesOf(t, h)))
}

// TestSyncRemakesANicWithItsLease: a nic with DHCP that was destroyed came back without
// client, address and learnt rules, and Sync told success.
func TestSyncRemakesANicWithItsLease(t *testing.T) {
	for _, bridge := range []string{"vnet0:bridge0", "vnet0::bridge0"} {
		h, j := withNet(t, map[string]string{"vnet": "yes", "interfaces": bridge, "ip4_addr": "vnet0|dhcp"})
		ctx := t.Context()
		s := stackOf(t, h, j)
		rules := len(rulesOf(t, h))
		require.NoError(t, h.Sim.InterfaceDestroy(ctx, hostEnd("vnet0", s.id)))
		_, err := j.Sync(ctx, jail.SyncOptions{})
		require.NoError(t, err)
		require.Equal(t, []string{dhcpAddress.String()}, s.inside("vnet0"))
		require.Equal(t, 1, s.clients())
		require.Len(t, rulesOf(t, h), rules)
		require.Contains(t, routesOf(t, h.Sim.In(s.id)), "0.0.0.0/0 "+netip.MustParseAddr("198.51.100.1").String()+" vnet0")
	}
}

func advertise(s stack, nic string) error {
	return simkernel.Advertise(s.t.Context(), s.h.Sim.In(s.id), nic, slaacAddress, netip.MustParseAddr("fe80::1"))
}

// hasWord reports whether a rule has an address among its words.
func hasWord(body, word string) bool {
	return slices.Contains(strings.FieldsFunc(body, func(r rune) bool { return r == ' ' || r == ',' }), word)
}

// TestSetBesideAValueThatCannotBeRead: a live change of the addresses took the rules of a
// running jail away when somebody had written a forward into its file that cannot be read.
func TestSetBesideAValueThatCannotBeRead(t *testing.T) {
	h, j := withNet(t, map[string]string{"vnet": "yes", "interfaces": "vnet0:bridge0", "ip4_addr": "vnet0|10.0.0.5/24", "user.forwards": "8080:80@em0"})
	conf := strings.Replace(confOf(t, j), "8080:80@em0", "8080:80@em0,x", 1)
	writeConf(t, h, j.Dataset(), conf)
	before := networkWorld(t, h)
	_, err := load(t, h, "web")[0].Set(t.Context(), map[string]string{"ip4_addr": "vnet0|10.0.0.5/24,vnet0|10.0.0.7/24"}, jail.SetOptions{})
	require.ErrorIs(t, err, jail.ErrConfig)
	require.ErrorContains(t, err, "user.forwards")
	requireSame(t, before, networkWorld(t, h))
}
