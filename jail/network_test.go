package jail_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// networkAnnounced is announced for calls about networks and limits: they
// belong to the steps that are named after them, and name what the step names.
func networkAnnounced(words []string, s plan.Step) (err error, known bool) {
	op, args := words[0], strings.Join(words[1:], " ")
	want := func(kinds ...string) (error, bool) {
		if !slices.Contains(kinds, s.Kind) {
			return fmt.Errorf("step %q does not announce %s %s", s.Kind, op, args), true
		}
		return nil, true
	}
	live := "change network"
	switch {
	case op == "SIOCAIFADDR" || op == "SIOCDIFADDR":
		err, known = want("add addresses", "remove addresses", "create interface", "configure lo0", "request address", live)
		if err == nil && s.Kind == "add addresses" && !strings.Contains(s.Detail, words[len(words)-1]) {
			err = fmt.Errorf("step %q (%s) does not name %s", s.Kind, s.Detail, args)
		}
		return err, known
	case strings.HasPrefix(op, "SIOC"), strings.HasPrefix(op, "BRDG"):
		return want("create interface", "take network down", "move interface", "configure lo0", live)
	case strings.HasPrefix(op, "RTM_"):
		return want("set routes", "create interface", "request address", live)
	case strings.HasPrefix(op, "rctl_"):
		return want("set limits", "clear limits", "change limits")
	case op == "jail_set" && s.Kind != "create jail":
		return want(live, "change parameters")
	case strings.HasPrefix(op, "ipfw_"):
		return want("create interface", "take network down", "request address", live)
	case strings.HasPrefix(op, "pfctl_"):
		return want("load pf rules", "take network down", live)
	case op == "cpuset_setaffinity":
		return want("set cpuset")
	case op == "vnet_sysctl":
		return want("set vnet nodes")
	case op == "run" && s.Kind == "request address", strings.HasPrefix(op, "devfs_") && s.Kind == "show bpf":
		return nil, true
	}
	return nil, false
}

var sharedProperties = map[string]string{
	"ip4_addr": "em0|192.0.2.50/24,em0|192.0.2.51/32", "ip6_addr": "em0|2001:db8::50/64",
	"maxproc": "200", "vmemoryuse": "log=800M deny=1G", "memoryuse": "1G", "cpuset": "0,2-3",
	"user.forwards": "8080:80", "user.nat": "yes", "exec_prestart": "true",
}

var vnetProperties = map[string]string{
	"vnet": "yes", "interfaces": "vnet0:bridge0,vnet1::bridge1,vnet2:none,vnet3:jailnet",
	"ip4_addr":      "vnet0|10.0.0.5/24,vnet0|10.0.0.6/32,vnet1|10.1.0.5/24,vnet2|10.2.0.5/32,vnet3|10.3.0.5/24,lo0|127.0.1.1/32",
	"ip6_addr":      "vnet0|2001:db8:1::5/64,vnet1|2001:db8:2::5/64",
	"defaultrouter": "10.2.0.1@vnet2", "defaultrouter6": "fe80::1@vnet0",
	"user.network.bridge": "create", "vnet_default_interface": "em0.42",
	"user.network.routes": "203.0.113.0/24=10.0.0.9", "vnet1_mtu": "1400", "maxproc": "200",
}

var dynamicProperties = map[string]string{
	"vnet": "yes", "interfaces": "vnet0::bridge0,vnet1:bridge1", "ip4_addr": "vnet0|dhcp", "ip6_addr": "vnet1|accept_rtadv",
	"user.network.dhcp_timeout": "5", "vnet_interfaces": "tap0", "vnet1_mtu": "1400",
}

var leasedProperties = map[string]string{"vnet": "yes", "bpf": "yes", "interfaces": "vnet0:bridge0", "ip4_addr": "vnet0|dhcp", "ip6_addr": "vnet0|accept_rtadv"}

// Another jail has the same address, or the same gateway on its host's end.
var (
	chosenProperties = map[string]string{"ip4_addr": "AUTOIP4", "ip6_addr": "2001:db8::60/64", "user.forwards": "8081:81"}
	routedProperties = map[string]string{"vnet": "yes", "interfaces": "vnet0:none", "ip4_addr": "vnet0|10.9.0.5/24", "defaultrouter": "10.9.0.1"}
)

func besideProperties(properties map[string]string) map[string]string {
	if properties["vnet"] == "yes" {
		return with(properties, "ip4_addr", "vnet0|10.9.0.6/24")
	}
	return with(properties, "user.forwards", "8082:81")
}

// networkOperations are the rows of the fault matrix that concern networks and
// limits.
func networkOperations() []operationRow {
	var rows []operationRow
	for _, w := range []struct {
		name       string
		properties map[string]string
	}{
		{"shared addresses and limits", sharedProperties},
		{"interfaces", vnetProperties},
		{"asked for addresses", dynamicProperties},
		{"addresses without interface, beside another jail", chosenProperties},
		{"routed, beside another jail", routedProperties},
	} {
		setup := func(t *testing.T) *simhost.Host {
			h := netHost(t)
			addPrograms(t, newJail(t, h, "web", false, w.properties))
			if strings.Contains(w.name, "beside") {
				newJail(t, h, "db", false, besideProperties(w.properties))
			}
			return h
		}
		again := func(then readier) readier {
			return func(t *testing.T, ctx context.Context, h *simhost.Host) {
				setupNet(t, h)
				if w.properties["vnet_interfaces"] != "" {
					ensureTap(t, h)
				}
				if strings.Contains(w.name, "beside") {
					started("db")(t, ctx, h)
				}
				then(t, ctx, h)
			}
		}
		r := operationRow{name: "start, " + w.name, setup: setup, ready: again(stopped("web"))}
		r.plan, r.run = on("web", jail.StartOptions{}, (*jail.JailGenerator).Start)
		rows = append(rows, r)
		r = operationRow{name: "stop, " + w.name, setup: setup, ready: again(started("web"))}
		r.plan, r.run = on("web", jail.StopOptions{}, (*jail.JailGenerator).Stop)
		rows = append(rows, r)
	}
	for _, w := range []struct {
		name       string
		properties map[string]string
		from, to   map[string]string
	}{
		{"shared addresses and limits", sharedProperties,
			map[string]string{"ip4_addr": sharedProperties["ip4_addr"], "maxproc": "200", "host_hostname": "one", "cpuset": "0", "user.forwards": "8080:80", "allow_raw_sockets": "no"},
			map[string]string{"ip4_addr": "em0|192.0.2.52/24,em0|192.0.2.51/32", "maxproc": "300", "host_hostname": "two", "cpuset": "1", "user.forwards": "8081:80", "allow_raw_sockets": "yes"}},
		{"lease to address", leasedProperties,
			map[string]string{"interfaces": "vnet0:bridge0", "ip4_addr": "vnet0|dhcp", "ip6_addr": "vnet0|accept_rtadv", "defaultrouter": "none"},
			map[string]string{"interfaces": "vnet0:none", "ip4_addr": "vnet0|10.9.0.5/32,lo0|127.0.1.1/32", "ip6_addr": "none", "defaultrouter": "10.9.0.1@vnet0"}},
		{"interfaces", vnetProperties,
			map[string]string{"ip4_addr": vnetProperties["ip4_addr"], "interfaces": vnetProperties["interfaces"], "user.network.routes": vnetProperties["user.network.routes"]},
			map[string]string{"ip4_addr": "vnet0|10.0.0.7/24,vnet1|10.1.0.7/24,vnet2|10.2.0.5/32,vnet4|10.4.0.5/24", "interfaces": "vnet0:bridge0,vnet1::bridge1,vnet2:none,vnet4:bridge0", "user.network.routes": "203.0.113.0/24=10.0.0.10"}},
	} {
		setup := func(t *testing.T) *simhost.Host {
			h := netHost(t)
			addPrograms(t, newJail(t, h, "web", false, w.properties))
			return h
		}
		r := operationRow{name: "set, " + w.name, setup: setup, ready: func(t *testing.T, ctx context.Context, h *simhost.Host) {
			setupNet(t, h)
			started("web")(t, ctx, h)
			j, err := jail.Load(ctx, h.Host, "web")
			require.NoError(t, err)
			_, err = j.Set(ctx, w.from, jail.SetOptions{LiveOnly: true})
			require.NoError(t, err)
		}}
		r.plan, r.run = on("web", jail.SetOptions{LiveOnly: true},
			func(g *jail.JailGenerator, o jail.SetOptions) *jail.Operation { return g.Set(w.to, o) })
		rows = append(rows, r)
	}
	return append(rows, syncOperation())
}

// syncOperation repairs a network that has lost an address, a route and the way
// to its bridge.
func syncOperation() operationRow {
	r := operationRow{name: "sync", repairs: true, setup: func(t *testing.T) *simhost.Host {
		h := netHost(t)
		newJail(t, h, "web", false, vnetProperties)
		return h
	}, ready: func(t *testing.T, ctx context.Context, h *simhost.Host) {
		setupNet(t, h)
		started("web")(t, ctx, h)
		j := loaded(t, ctx, h, "web")
		_, err := j.Sync(ctx, jail.SyncOptions{})
		require.NoError(t, err)
		id, err := j.Identity(ctx)
		require.NoError(t, err)
		inside := h.Sim.In(id)
		require.NoError(t, inside.AddressDelete(ctx, "vnet0", netip.MustParseAddr("10.0.0.6")))
		require.NoError(t, inside.RouteDelete(ctx, kernel.Route{Dest: netip.MustParsePrefix("203.0.113.0/24")}))
		require.NoError(t, h.Sim.BridgeDelete(ctx, "bridge0", hostEnd("vnet0", id)))
	}}
	r.plan, r.run = on("web", jail.SyncOptions{}, (*jail.JailGenerator).Sync)
	return r
}

func eventsOf[E events.IocEvent](all []events.IocEvent) (out []E) {
	for _, e := range all {
		if typed, ok := e.(E); ok && e.Head().State != events.Pending {
			out = append(out, typed)
		}
	}
	return out
}

// withNet starts a jail on a host with a network.
func withNet(t *testing.T, properties map[string]string) (*simhost.Host, *jail.Jail) {
	t.Helper()
	h := netHost(t)
	j := newJail(t, h, "web", false, properties)
	addPrograms(t, j)
	_, err := j.Start(context.Background(), jail.StartOptions{})
	require.NoError(t, err)
	return h, j
}
