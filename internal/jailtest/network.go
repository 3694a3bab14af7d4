package jailtest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/kernel"
	"github.com/stretchr/testify/require"
)

// NetworkWorld describes the networks and limits of a simulated host, also those
// inside its running jails, one line each.
func NetworkWorld(t testing.TB, h *simhost.Host) []string {
	t.Helper()
	ctx := context.Background()
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	stack := func(name string, n kernel.Network) {
		list, err := n.Interfaces(ctx)
		require.NoError(t, err)
		for _, i := range list {
			slices.SortFunc(i.Addrs, netip.Prefix.Compare)
			if i.Name == "tap0" {
				i.Groups = nil // the kernel takes them away, for good, at the first move
			}
			add("interface %s/%s up=%v mtu=%d mac=%s %q groups=%v addrs=%v", name, i.Name, i.Up, i.MTU, i.MAC, i.Description, i.Groups, i.Addrs)
			if slices.Contains(i.Groups, "bridge") {
				members, err := n.BridgeMembers(ctx, i.Name)
				require.NoError(t, err)
				slices.Sort(members)
				add("bridge %s/%s of %v", name, i.Name, members)
			}
		}
		routes, err := n.Routes(ctx, 0)
		require.NoError(t, err)
		for _, r := range routes {
			add("route %s/%s via %s %s", name, r.Dest, r.Gateway, r.Interface)
		}
	}
	stack("host", h.Sim)
	for p, err := range h.Sim.JailList(ctx, 0, "vnet", "ip4.addr", "ip6.addr", "host.hostname") {
		require.NoError(t, err)
		id, err := h.Sim.JailIdentify(ctx, 0, kernel.ByJID(p.Int("jid")))
		require.NoError(t, err)
		cpus, err := h.Sim.CpusetGet(ctx, id)
		require.NoError(t, err)
		add("jail %s has %s %v %v on %v", id.Name, p.String("host.hostname"), p.Addrs("ip4.addr", 4), p.Addrs("ip6.addr", 16), cpus)
		if p.Int("vnet") == 1 {
			stack(id.Name, h.Sim.In(id))
		}
	}
	rules, err := h.Sim.RctlGetRules(ctx, "")
	if !errors.Is(err, kernel.ErrUnsupported) {
		require.NoError(t, err)
	}
	for _, r := range rules {
		add("limit %s", r)
	}
	filters, err := h.Sim.IpfwRules(ctx, 29)
	if !errors.Is(err, kernel.ErrUnsupported) {
		require.NoError(t, err)
	}
	for _, r := range filters {
		add("ipfw %s // %s", r.Body, r.Comment) // an exchange takes another number
	}
	boot, err := h.Sim.BootID(ctx)
	require.NoError(t, err)
	records, err := filepath.Glob(filepath.Join(h.JournalDir("ioc", "network"), "*"))
	require.NoError(t, err)
	for _, name := range records {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		// One of another boot says nothing, one of no network that the run has ended.
		ended := strings.HasSuffix(string(data), `"spec":{"jail":"ioc-`+strings.TrimSuffix(filepath.Base(name), ".json")+"\"}}\n")
		if strings.Contains(string(data), boot) && !ended {
			add("record %s %s", filepath.Base(name), strings.ReplaceAll(string(data), boot, ""))
		}
	}
	anchors, err := h.Sim.PfAnchors(ctx, "ioc")
	if !errors.Is(err, kernel.ErrUnsupported) {
		require.NoError(t, err)
	}
	for _, a := range anchors {
		lines, err := h.Sim.PfRules(ctx, a)
		require.NoError(t, err)
		add("pf %s %q", a, lines)
	}
	for i := range out {
		out[i] = jids.ReplaceAllString(out[i], "$1.JID") // another start, another jid
		out[i] = madeMAC.ReplaceAllString(out[i], "mac=KERNEL")
	}
	return out
}

// madeMAC is an address that the kernel makes, one after the other.
var madeMAC = regexp.MustCompile(`mac=(02:54:40|58:9c:fc):[0-9a-f:]+`)

var jids = regexp.MustCompile(`(vnet[0-9])\.[0-9]+`)
