package step_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// networkScenarios are about addresses, interfaces, packet filters and limits.
func networkScenarios() []scenario {
	second := map[string]string{"vnet": "yes", "interfaces": "vnet0:none", "ip4_addr": "vnet0|10.9.0.6/24", "defaultrouter": "10.9.0.1"}
	return []scenario{
		{"addresses of the host", networkHost, []act{
			scratch("web", plain("ip4_addr", "em0|192.0.2.51/24", "ip6_addr", "em0|2001:db8::50/64")),
			scratch("db", plain("ip4_addr", "192.0.2.51/24")),
			start("web"), start("db"), stop("web"), stop("db"),
		}},
		{"addresses that are chosen", networkHost, []act{
			scratch("web", plain("ip4_addr", "AUTOIP4", "user.forwards", "8080:80", "user.nat", "yes")),
			scratch("db", plain("ip4_addr", "AUTOIP4", "user.forwards", "8081:80/udp")),
			start("web"), start("db"), live("web", "user.forwards", "8082:80"), live("web", "user.forwards", "", "user.nat", ""), stop("web"), stop("db"),
		}},
		{"port of another jail", networkHost, []act{
			scratch("web", plain("ip4_addr", "192.0.2.50/24", "user.forwards", "8080:80")),
			scratch("db", plain("ip4_addr", "192.0.2.51/24", "user.forwards", "8080:80")),
			start("web"), refused(start("db"), jail.ErrConfig), ended("web"), once(recovered()), start("db"), stop("db"),
		}},
		{"live addresses", networkHost, []act{
			scratch("web", plain("ip4_addr", "em0|192.0.2.50/24,em0|192.0.2.51/32")), start("web"),
			live("web", "ip4_addr", "em0|192.0.2.51/24,em0|192.0.2.52/32", "ip6_addr", "em0|2001:db8::50/64"),
			byHand("address taken away", func(t testing.TB, h *simhost.Host) {
				require.NoError(t, h.Sim.AddressDelete(t.Context(), "em0", netip.MustParseAddr("192.0.2.52")))
			}),
			once(sync("web")), sync("web"), live("web", "ip4_addr", "none", "ip6_addr", "none"), stop("web"),
		}},
		{"limits", networkHost, []act{
			scratch("web", plain("maxproc", "200", "memoryuse", "1G", "vmemoryuse", "log=800M deny=1G", "cpuset", "0,2-3")), start("web"),
			live("web", "maxproc", "300", "cpuset", "1", "openfiles", "10"),
			byHand("limits changed", func(t testing.TB, h *simhost.Host) {
				require.NoError(t, h.Sim.RctlRemoveRule(t.Context(), "jail:ioc-web:maxproc"))
				require.NoError(t, h.Sim.RctlAddRule(t.Context(), "jail:ioc-web:maxproc:deny=7"))
			}),
			onJail("apply limits", "web", func(g *jail.JailGenerator) *jail.Operation { return g.ApplyLimits(jail.LimitOptions{}) }),
			live("web", "maxproc", "off", "memoryuse", "off", "vmemoryuse", "off", "openfiles", "off", "cpuset", "all"), live("web", "maxproc", "5"), stop("web"),
		}},
		{"interfaces", networkHost, []act{
			scratch("web", plain("vnet", "yes", "interfaces", "vnet0:bridge0,vnet1::bridge1,vnet2:none,vnet3:jailnet",
				"ip4_addr", "vnet0|10.0.0.5/24,vnet0|10.0.0.6/32,vnet1|10.1.0.5/24,vnet2|10.2.0.5/32,vnet3|10.3.0.5/24,lo0|127.0.1.1/32",
				"ip6_addr", "vnet0|2001:db8:1::5/64,vnet1|2001:db8:2::5/64", "defaultrouter", "10.2.0.1@vnet2", "defaultrouter6", "fe80::1@vnet0",
				"user.network.bridge", "create", "vnet_default_interface", "em0.42", "user.network.routes", "203.0.113.0/24=10.0.0.9", "vnet1_mtu", "1400")),
			start("web"),
			live("web", "interfaces", "vnet0:bridge0,vnet1::bridge1,vnet2:none,vnet4:bridge0", "user.network.routes", "203.0.113.0/24=10.0.0.10",
				"ip4_addr", "vnet0|10.0.0.7/24,vnet1|10.1.0.7/24,vnet2|10.2.0.5/32,vnet4|10.4.0.5/24"),
			stop("web"),
		}},
		{"interfaces are repaired", networkHost, []act{
			scratch("web", plain("vnet", "yes", "interfaces", "vnet0:bridge0,vnet1::bridge1", "ip4_addr", "vnet0|10.0.0.5/24,vnet1|10.1.0.5/24",
				"defaultrouter", "10.0.0.1")), start("web"),
			byHand("damage", func(t testing.TB, h *simhost.Host) {
				id := inside(t, h, "ioc-web")
				require.NoError(t, h.Sim.InterfaceDestroy(t.Context(), network.FindNames(nil, "", network.NIC{Name: "vnet0"}, id.JID).Host))
				require.NoError(t, network.RemoveRules(t.Context(), h.Sim, "ioc-web", ""))
				require.NoError(t, h.Sim.In(id).InterfaceRename(t.Context(), "vnet1", "mine"))
			}),
			once(sync("web")), sync("web"), stop("web"),
		}},
		{"routed beside another jail", networkHost, []act{
			scratch("db", plainOf(second)), start("db"),
			scratch("web", plain("vnet", "yes", "interfaces", "vnet0:none", "ip4_addr", "vnet0|10.9.0.5/24", "defaultrouter", "10.9.0.1", "user.nat", "yes", "user.forwards", "8080:80")),
			start("web"), live("web", "ip4_addr", "vnet0|10.9.0.7/24"), stop("web"), stop("db"),
		}},
		{"leases", networkHost, []act{
			scratch("web", plain("vnet", "yes", "interfaces", "vnet0:bridge0,vnet1::bridge0", "ip4_addr", "vnet0|dhcp,vnet1|dhcp", "ip6_addr", "vnet0|accept_rtadv", "mount_devfs", "yes", "bpf", "yes")),
			clientsIn("web"), once(start("web")), once(stop("web")), start("web"),
			live("web", "interfaces", "vnet0:none", "ip4_addr", "vnet0|10.9.0.5/32", "ip6_addr", "none", "defaultrouter", "10.9.0.1@vnet0"),
			live("web", "interfaces", "vnet0:bridge0", "ip4_addr", "vnet0|dhcp", "ip6_addr", "vnet0|accept_rtadv", "defaultrouter", "none"),
			stop("web"),
		}},
		{"lease that is lost", networkHost, []act{
			scratch("web", plain("vnet", "yes", "interfaces", "vnet0::bridge0", "ip4_addr", "vnet0|dhcp", "mount_devfs", "yes")), clientsIn("web"), once(start("web")), once(stop("web")), start("web"),
			byHand("address gone", func(t testing.TB, h *simhost.Host) {
				require.NoError(t, h.Sim.In(inside(t, h, "ioc-web")).AddressDelete(t.Context(), "vnet0", jailtest.DHCPAddress.Addr()))
			}),
			once(sync("web")), sync("web"), stop("web"),
		}},
		{"interface that is handed over", networkHost, []act{
			byHand("make tap0", func(t testing.TB, h *simhost.Host) { jailtest.EnsureTap(t, h) }),
			scratch("web", plain("vnet", "yes", "vnet_interfaces", "tap0")), start("web"),
			byHand("renamed", func(t testing.TB, h *simhost.Host) {
				require.NoError(t, h.Sim.In(inside(t, h, "ioc-web")).InterfaceRename(t.Context(), "tap0", "mine"))
			}),
			refused(sync("web"), jail.ErrChanged), stop("web"),
		}},
		{"jail that ended by itself", networkHost, []act{
			scratch("web", plain("ip4_addr", "em0|192.0.2.50/24", "user.forwards", "8080:80", "maxproc", "5")), start("web"), ended("web"),
			once(recovered()),
			scratch("db", plain("vnet", "yes", "interfaces", "vnet0::bridge0", "ip4_addr", "vnet0|10.0.0.5/24")), start("db"), ended("db"),
			once(recovered()),
		}},
	}
}

// plainOf is plain of a map.
func plainOf(values map[string]string) map[string]string {
	var list []string
	for key, value := range values {
		list = append(list, key, value)
	}
	return plain(list...)
}

func sync(name string) act {
	return onJail("sync "+name, name, func(g *jail.JailGenerator) *jail.Operation { return g.Sync(jail.SyncOptions{}) })
}

// live changes a running jail at once, or is refused. The pairs are keys and values.
func live(name string, pairs ...string) act {
	values := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	return onJail("set "+strings.Join(pairs, " "), name, func(g *jail.JailGenerator) *jail.Operation {
		return g.Set(values, jail.SetOptions{LiveOnly: true})
	})
}

// clientsIn puts the programs that ask for addresses into a jail's root.
func clientsIn(name string) act {
	return byHand("put dhclient", func(t testing.TB, h *simhost.Host) {
		jailtest.AddPrograms(t, jailtest.Load(t, h, name)[0])
	})
}

func inside(t testing.TB, h *simhost.Host, name string) kernel.Identity {
	id, err := h.Sim.JailIdentify(context.Background(), 0, kernel.ByName(name))
	require.NoError(t, err)
	return id
}
