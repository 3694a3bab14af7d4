package jail_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// addresses of an interface of the host.
func addresses(t testing.TB, n kernel.Network, name string) []string {
	t.Helper()
	list, err := n.Interfaces(context.Background())
	require.NoError(t, err)
	for _, i := range list {
		if i.Name == name {
			out := []string{}
			for _, p := range i.Addrs {
				out = append(out, p.String())
			}
			return out
		}
	}
	require.Fail(t, "no interface "+name)
	return nil
}

func TestAddressOfTheHostIsLeftAlone(t *testing.T) {
	ctx := context.Background()
	h := netHost(t)
	// The host's own address, with another mask than the jail has.
	j := newJail(t, h, "web", false, map[string]string{"ip4_addr": "em0|192.0.2.1/32,em0|192.0.2.9/24"})
	_, err := j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	require.Equal(t, []string{"192.0.2.1/24", "192.0.2.9/24"}, addresses(t, h.Sim, "em0"))
	_, err = j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	require.Equal(t, []string{"192.0.2.1/24"}, addresses(t, h.Sim, "em0"))
}

func TestSharedAddressGoesWithTheLastJail(t *testing.T) {
	ctx := context.Background()
	h := netHost(t)
	var jails []*jail.Jail
	for _, name := range []string{"a", "b", "c"} {
		j := newJail(t, h, name, false, map[string]string{"ip4_addr": "em0|192.0.2.9/24"})
		_, err := j.Start(ctx, jail.StartOptions{})
		require.NoError(t, err)
		jails = append(jails, j)
	}
	for n, j := range jails {
		_, err := j.Stop(ctx, jail.StopOptions{})
		require.NoError(t, err)
		require.Equal(t, n < 2, slices.Contains(addresses(t, h.Sim, "em0"), "192.0.2.9/24"), "after the stop of %s", j.Name())
	}
}

// A jail that ended by itself leaves its addresses; the next start takes them
// over, and the stop removes them.
func TestAddressesOfAJailThatEnded(t *testing.T) {
	ctx := context.Background()
	h, j := withNet(t, sharedProperties)
	id, err := j.Identity(ctx)
	require.NoError(t, err)
	require.NoError(t, h.Sim.JailRemove(ctx, id))
	_, err = j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	_, err = j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	require.Equal(t, []string{"192.0.2.1/24"}, addresses(t, h.Sim, "em0"))
}

func TestRecoverClearsJailsThatEnded(t *testing.T) {
	for name, properties := range map[string]map[string]string{"shared": sharedProperties, "vnet": vnetProperties} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			h := netHost(t)
			other := newJail(t, h, "other", false, map[string]string{
				"vnet": "yes", "interfaces": "vnet0:bridge0", "ip4_addr": "vnet0|10.0.0.99/24", "maxproc": "99",
			})
			_, err := other.Start(ctx, jail.StartOptions{})
			require.NoError(t, err)
			before := networkWorld(t, h)
			j := newJail(t, h, "web", false, properties)
			_, err = j.Start(ctx, jail.StartOptions{})
			require.NoError(t, err)
			id, err := j.Identity(ctx)
			require.NoError(t, err)
			require.NoError(t, h.Sim.JailRemove(ctx, id))
			require.NotEqual(t, before, networkWorld(t, h))
			_, err = jail.Recover(ctx, h.Host)
			require.NoError(t, err)
			requireSame(t, before, networkWorld(t, h))
			ended, err := j.Ended(ctx)
			require.NoError(t, err)
			require.True(t, ended)
			_, err = j.Stop(ctx, jail.StopOptions{Force: true})
			require.NoError(t, err)
			ended, err = j.Ended(ctx)
			require.NoError(t, err)
			require.False(t, ended)
		})
	}
}

func TestSyncRepairs(t *testing.T) {
	ctx := context.Background()
	h, j := withNet(t, vnetProperties)
	want := networkWorld(t, h)
	id, err := j.Identity(ctx)
	require.NoError(t, err)
	inside := h.Sim.In(id)
	for name, harm := range map[string]func() error{
		"host end down":   func() error { return h.Sim.InterfaceSetUp(ctx, hostEnd("vnet0", id), false) },
		"left the bridge": func() error { return h.Sim.BridgeDelete(ctx, "bridge0", hostEnd("vnet0", id)) },
		"address gone":    func() error { return inside.AddressDelete(ctx, "vnet0", netip.MustParseAddr("10.0.0.6")) },
		"v6 address gone": func() error { return inside.AddressDelete(ctx, "vnet0", netip.MustParseAddr("2001:db8:1::5")) },
		"renamed inside":  func() error { return inside.InterfaceRename(ctx, "vnet0", "eth0") },
		"down inside":     func() error { return inside.InterfaceSetUp(ctx, "vnet0", false) },
		"other MTU":       func() error { return errors.Join(h.Sim.InterfaceSetMTU(ctx, hostEnd("vnet2", id), 1300)) },
		"epair destroyed": func() error { return h.Sim.InterfaceDestroy(ctx, hostEnd("vnet0", id)) },
		"private bridge":  func() error { return h.Sim.InterfaceDestroy(ctx, hostEnd("vnet1", id)+".net") },
		"rules flushed":   func() error { return h.Sim.IpfwDelete(ctx, network.Set, network.FirstRule) },
		"route gone": func() error {
			return inside.RouteDelete(ctx, kernel.Route{Dest: netip.MustParsePrefix("203.0.113.0/24")})
		},
		"nothing": func() error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, harm())
			if name != "nothing" {
				require.NotEqual(t, want, networkWorld(t, h))
			}
			_, err := j.Sync(ctx, jail.SyncOptions{})
			require.NoError(t, err)
			requireSame(t, want, networkWorld(t, h))
		})
	}
	_, err = j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	_, err = j.Sync(ctx, jail.SyncOptions{})
	require.ErrorIs(t, err, jail.ErrNotRunning)
}

func hostEnd(nic string, id kernel.Identity) string { return fmt.Sprintf("%s.%d", nic, id.JID) }

func TestSetTellsWhenItCounts(t *testing.T) {
	ctx := context.Background()
	h, j := withNet(t, sharedProperties)
	id, err := j.Identity(ctx)
	require.NoError(t, err)
	all, err := j.Set(ctx, map[string]string{
		"ip4_addr": "em0|192.0.2.60/24", "maxproc": "log=5 deny=9", "host_hostname": "renamed", "exec_start": "true", "notes": "x", "vmemoryuse": "",
	}, jail.SetOptions{})
	require.NoError(t, err)
	told := eventsOf[events.JailConfigApply](all)
	last := told[len(told)-2] // the operation's own event is the last
	require.Equal(t, []string{"host_hostname", "ip4_addr", "maxproc", "notes", "vmemoryuse"}, last.Live)
	require.Equal(t, []string{"exec_start"}, last.NextStart)
	after, err := j.Identity(ctx)
	require.NoError(t, err)
	require.Equal(t, id, after, "the jail was not restarted")

	p, err := h.Sim.JailGet(ctx, 0, kernel.ByName(id.Name), "host.hostname", "ip4.addr")
	require.NoError(t, err)
	require.Equal(t, "renamed", p.String("host.hostname"))
	require.Equal(t, []netip.Addr{netip.MustParseAddr("192.0.2.60")}, p.Addrs("ip4.addr", 4))
	require.Equal(t, []string{"192.0.2.1/24", "2001:db8::50/64", "192.0.2.60/24"}, addresses(t, h.Sim, "em0"))
	rules, err := h.Sim.RctlGetRules(ctx, "jail:"+id.Name)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"jail:ioc-web:maxproc:log=5", "jail:ioc-web:maxproc:deny=9", "jail:ioc-web:memoryuse:deny=1073741824"}, rules)

	loaded, err := jail.Load(ctx, h.Host, "web")
	require.NoError(t, err)
	text, err := loaded.Effective().Text("exec_start")
	require.NoError(t, err)
	require.Equal(t, "true", text)

	var restart *jail.RestartRequiredError
	_, err = j.Set(ctx, map[string]string{"vnet": "yes", "exec_start": "false", "maxproc": "7"}, jail.SetOptions{LiveOnly: true})
	require.ErrorAs(t, err, &restart)
	require.Equal(t, []string{"exec_start", "vnet"}, restart.Keys)
	effects, err := j.Effects(ctx, "maxproc", "vnet", "securelevel", "priority", "ip4_addr", "user.anything")
	require.NoError(t, err)
	require.Equal(t, map[string]jail.Effect{
		"maxproc": jail.Live, "vnet": jail.NextStart, "securelevel": jail.Live, "priority": jail.Live,
		"ip4_addr": jail.Live, "user.anything": jail.Live,
	}, effects)
	_, err = j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	require.Equal(t, []string{"192.0.2.1/24"}, addresses(t, h.Sim, "em0"))
	effects, err = j.Effects(ctx, "maxproc")
	require.NoError(t, err)
	require.Equal(t, jail.NextStart, effects["maxproc"])
}

// TestTwoHosts starts a jail of one name on two hosts: with mac_salt=host its
// link addresses differ, without they are libioc's on both.
func TestTwoHosts(t *testing.T) {
	ctx := context.Background()
	macs := func(uuid, salt, algorithm string) []string {
		h := netHost(t, func(o *simkernel.Options) { o.HostUUID = uuid })
		j := newJail(t, h, "foo", false, map[string]string{
			"vnet": "yes", "interfaces": "vnet0:bridge0", "user.network.mac_salt": salt, "user.network.mac_algorithm": algorithm,
		})
		_, err := j.Start(ctx, jail.StartOptions{})
		require.NoError(t, err)
		id, err := j.Identity(ctx)
		require.NoError(t, err)
		var out []string
		for _, n := range []kernel.Network{h.Sim, h.Sim.In(id)} {
			list, err := n.Interfaces(ctx)
			require.NoError(t, err)
			for _, i := range list {
				if strings.HasPrefix(i.Description, "ioc:") {
					out = append(out, i.MAC.String())
				}
			}
		}
		return out
	}
	one, two := "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
	require.Equal(t, []string{"02:ff:60:10:bf:1d", "02:ff:60:10:bf:1e"}, macs(one, "none", "libioc"))
	require.Equal(t, macs(one, "none", "libioc"), macs(two, "none", "libioc"))
	require.Equal(t, []string{"02:ff:60:29:2e:26", "02:ff:60:29:2e:27"}, macs(one, "none", "iocage"))
	salted := macs(one, "host", "libioc")
	require.Equal(t, salted, macs(one, "host", "libioc"), "the same each time")
	for _, mac := range macs(two, "host", "libioc") {
		require.NotContains(t, salted, mac)
	}
}

// Two sources may have jails of one name: on the same bridge they must not
// have the same link address.
func TestTakenLinkAddress(t *testing.T) {
	ctx := context.Background()
	h := netHost(t)
	mine, err := net.ParseMAC("02:ff:60:10:bf:1e")
	require.NoError(t, err)
	_, err = h.Sim.InterfaceCreate(ctx, "tap7")
	require.NoError(t, err)
	require.NoError(t, h.Sim.InterfaceSetMAC(ctx, "tap7", mine))
	j := newJail(t, h, "foo", false, map[string]string{"vnet": "yes", "interfaces": "vnet0:bridge0"})
	all, err := j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	told := eventsOf[events.VnetInterfaceConfig](all)
	require.Contains(t, told[0].Head().Message, "Set vnet0_mac to keep it")
	require.NotContains(t, strings.Join(networkWorld(t, h), "\n"), "vnet0 02:ff:60:10:bf:1e")

	// One that was chosen by hand is not changed but refused.
	_, err = j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	require.NoError(t, j.Config().Set("vnet0_mac", "02:ff:60:10:bf:1d,02:ff:60:10:bf:1e"))
	_, err = j.Start(ctx, jail.StartOptions{})
	require.ErrorIs(t, err, jail.ErrConfig)
	require.ErrorContains(t, err, "vnet0_mac")
}

// What the host lacks is refused before anything is changed, with the remedy.
func TestRefusals(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		properties map[string]string
		kernel     func(*simkernel.Options)
		is         error
		says       string
	}{
		"no bridge":         {properties: map[string]string{"vnet": "yes", "interfaces": "vnet0:nobridge"}, is: jail.ErrConfig, says: "user.network.bridge=create"},
		"no interface":      {properties: map[string]string{"ip4_addr": "nix0|192.0.2.9/24"}, is: jail.ErrConfig, says: "no interface nix0"},
		"no nic":            {properties: map[string]string{"vnet": "yes", "interfaces": "vnet0:bridge0", "ip4_addr": "vnet1|10.0.0.9/24"}, is: jail.ErrConfig, says: `no interface "vnet1"`},
		"words":             {properties: map[string]string{"ip4_addr": "em0|192.0.2.9/24 vhid 3"}, is: jail.ErrConfig, says: "vhid 3"},
		"dhcp without vnet": {properties: map[string]string{"ip4_addr": "em0|dhcp"}, is: jail.ErrConfig, says: "vnet=yes"},
		"gateway":           {properties: map[string]string{"vnet": "yes", "interfaces": "vnet0:bridge0", "defaultrouter": "10.0.0.1"}, is: jail.ErrConfig, says: "no interface of the jail has an address"},
		"no ipfw": {
			properties: map[string]string{"vnet": "yes", "interfaces": "vnet0::bridge0"},
			kernel:     func(o *simkernel.Options) { o.Modules = []string{"pf"} }, says: `firewall_enable="YES"`,
		},
		"ipfw not on bridges": {
			properties: map[string]string{"vnet": "yes", "interfaces": "vnet0::bridge0"},
			kernel:     func(o *simkernel.Options) { delete(o.Sysctls, "net.link.bridge.ipfw") }, says: "net.link.bridge.ipfw=1",
		},
		"no pf": {
			properties: map[string]string{"ip4_addr": "em0|192.0.2.9/24", "user.forwards": "80"},
			kernel:     func(o *simkernel.Options) { o.Modules = []string{"ipfw"} }, says: `pf_enable="YES"`,
		},
		"pf off": {
			properties: map[string]string{"ip4_addr": "em0|192.0.2.9/24", "user.forwards": "80"},
			kernel:     func(o *simkernel.Options) { o.PfDisabled = true }, says: "not enabled",
		},
		"no anchor": {
			properties: map[string]string{"ip4_addr": "em0|192.0.2.9/24", "user.forwards": "80"},
			kernel:     func(o *simkernel.Options) { o.PfAnchors = o.PfAnchors[:1] }, says: `rdr-anchor "ioc/*", anchor "ioc/*"`,
		},
		"forward without address": {properties: map[string]string{"user.forwards": "80"}, is: jail.ErrConfig, says: "no static address"},
		"no racct": {
			properties: map[string]string{"maxproc": "10", "rlimits": "yes"},
			kernel:     func(o *simkernel.Options) { o.NoRACCT = true }, is: jail.ErrConfig, says: "kern.racct.enable=1",
		},
		"no such CPU": {properties: map[string]string{"cpuset": "9"}, is: jail.ErrConfig, says: "CPUs 0 to 3"},
	} {
		t.Run(name, func(t *testing.T) {
			change := c.kernel
			if change == nil {
				change = func(*simkernel.Options) {}
			}
			h := netHost(t, change)
			j := newJail(t, h, "web", false, c.properties)
			before := world(t, h)
			_, err := j.Start(ctx, jail.StartOptions{})
			require.ErrorContains(t, err, c.says)
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			} else {
				var refused *network.FirewallError
				require.ErrorAs(t, err, &refused)
			}
			requireSame(t, before, world(t, h))
		})
	}
}

func TestPortsClash(t *testing.T) {
	ctx := context.Background()
	h := netHost(t)
	a := newJail(t, h, "a", false, map[string]string{"ip4_addr": "em0|192.0.2.8/24", "user.forwards": "8000-8010:80/both"})
	b := newJail(t, h, "b", false, map[string]string{"ip4_addr": "em0|192.0.2.9/24", "user.forwards": "8005:80"})
	_, err := a.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	_, err = b.Start(ctx, jail.StartOptions{})
	require.ErrorIs(t, err, jail.ErrConfig)
	require.ErrorContains(t, err, "forwarded to jail ioc-a")
	_, err = a.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	_, err = b.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
}

func TestDHCPWithoutServer(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := netHost(t)
	j := newJail(t, h, "web", false, map[string]string{
		"vnet": "yes", "interfaces": "vnet0:bridge0", "ip4_addr": "vnet0|dhcp", "user.network.dhcp_timeout": "0.3",
	})
	addPrograms(t, j)
	// As dhclient(8) does without an answer: 0.0.0.0/8, and on in the background.
	silent := func(ctx context.Context, p *simkernel.Process) int {
		fmt.Fprintln(p.Stderr, "No DHCPOFFERS received.")
		p.Sleep(time.Hour)
		return 0
	}
	h2, err := simhost.Open(simhost.Options{Dir: memoryDir(t), Programs: map[string]simkernel.Program{"dhclient": silent}})
	require.NoError(t, err)
	t.Cleanup(func() { h2.Close() })
	fetch(t, h2)
	setupNet(t, h2)
	j2 := newJail(t, h2, "web", false, map[string]string{
		"vnet": "yes", "interfaces": "vnet0:bridge0", "ip4_addr": "vnet0|dhcp", "user.network.dhcp_timeout": "0.3",
	})
	addPrograms(t, j2)
	before := networkWorld(t, h2)
	_, err = j2.Start(ctx, jail.StartOptions{})
	var none *jail.AddressError
	require.ErrorAs(t, err, &none)
	require.Contains(t, none.Output, "No DHCPOFFERS")
	require.True(t, none.Timeout())
	requireSame(t, before, networkWorld(t, h2))

	// With an answer, and again as an option without one.
	_, err = j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	require.NoError(t, j2.Config().Set("user.network.dhcp", "optional"))
	all, err := j2.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	told := eventsOf[events.VnetAddressRequest](all)
	require.Contains(t, told[0].Head().Message, "no address for vnet0 by dhcp")
	id, err := j2.Identity(ctx)
	require.NoError(t, err)
	left, err := h2.Sim.ProcessList(ctx, id.JID)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestLimitsNotes(t *testing.T) {
	ctx := context.Background()
	h := netHost(t, func(o *simkernel.Options) { o.NoRACCT = true })
	j := newJail(t, h, "web", false, map[string]string{"maxproc": "10"})
	all, err := j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	told := eventsOf[events.JailResourceLimitAction](all)
	require.Equal(t, events.Skipped, told[0].Head().State)
	require.Contains(t, told[0].Head().Message, "kern.racct.enable=1")

	_, j = withNet(t, sharedProperties)
	usage, err := j.Usage(ctx)
	require.NoError(t, err)
	require.True(t, usage.Counted)
}
