package jailtest

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// What the simulated dhclient and rtsol of a [NetworkHost] get. Of several jails only
// the first has DHCPAddress; the others have those that follow.
var (
	DHCPAddress  = netip.MustParsePrefix("198.51.100.60/24")
	DHCPRouter   = netip.MustParseAddr("198.51.100.1")
	SLAACAddress = netip.MustParsePrefix("2001:db8:5::ff/64")
)

// NetworkHost is that of OpenNetworkHost with the release [Release].
func NetworkHost(t testing.TB, change ...func(*simkernel.Options)) *simhost.Host {
	t.Helper()
	h := OpenNetworkHost(t, change...)
	Fetch(t, h)
	return h
}

// OpenNetworkHost is a host with both packet filters, two bridges and a default route. A
// DHCP server and a router answer its jails.
func OpenNetworkHost(t testing.TB, change ...func(*simkernel.Options)) *simhost.Host {
	t.Helper()
	var h *simhost.Host
	var mu sync.Mutex
	leases := map[string]netip.Prefix{} // each jail has its own, the first DHCPAddress
	lease := func(jail string) netip.Prefix {
		mu.Lock()
		defer mu.Unlock()
		if _, has := leases[jail]; !has {
			addr := DHCPAddress.Addr()
			for range leases {
				addr = addr.Next()
			}
			leases[jail] = netip.PrefixFrom(addr, DHCPAddress.Bits())
		}
		return leases[jail]
	}
	// dhclient(8) goes on in the background, and what it was given stays when it ends.
	dhclient := func(ctx context.Context, proc *simkernel.Process) int {
		if len(proc.Argv) > 2 {
			proc.Sleep(24 * time.Hour)
			return 0
		}
		in := h.Sim.In(proc.Jail)
		err := in.AddressAdd(ctx, proc.Argv[1], kernel.Address{Prefix: lease(proc.Jail.Name)})
		if err == nil {
			route := kernel.Route{Dest: netip.PrefixFrom(netip.IPv4Unspecified(), 0), Gateway: DHCPRouter}
			err = ignore.Err(in.RouteAdd(ctx, route), kernel.ErrExists)
		}
		if err == nil {
			_, err = proc.Start(true, proc.Argv[0], "-d", proc.Argv[1])
		}
		if err != nil {
			fmt.Fprintln(proc.Stderr, err)
			return 1
		}
		return 0
	}
	rtsol := func(ctx context.Context, proc *simkernel.Process) int {
		err := simkernel.Advertise(ctx, h.Sim.In(proc.Jail), proc.Argv[1], SLAACAddress, netip.MustParseAddr("fe80::1"))
		if err != nil {
			fmt.Fprintln(proc.Stderr, err)
			return 1
		}
		return 0
	}
	h = OpenHost(t, simhost.Options{
		Programs: map[string]simkernel.Program{
			"dhclient": dhclient,
			"rtsol":    rtsol,
		},
		Kernel: func(o *simkernel.Options) {
			o.Modules = append(o.Modules, "ipfw", "pf")
			o.PfAnchors = []string{`nat-anchor "ioc/*" all`, `rdr-anchor "ioc/*" all`, `anchor "ioc/*" all`}
			o.Sysctls = map[string]string{
				"net.link.ether.ipfw": "1", "net.link.bridge.ipfw": "1", "net.link.bridge.ipfw_arp": "1", "hw.ncpu": "4",
			}
			for _, c := range change {
				c(o)
			}
		},
	})
	SetupNetwork(t, h)
	return h
}

// SetupNetwork is what rc(8) does for the host's network; a reboot loses it.
func SetupNetwork(t testing.TB, h *simhost.Host) {
	t.Helper()
	ctx := context.Background()
	list, err := h.Sim.Interfaces(ctx)
	require.NoError(t, err)
	if slices.ContainsFunc(list, func(i kernel.Interface) bool { return i.Name == "bridge0" }) {
		return
	}
	for _, name := range []string{"bridge0", "bridge1"} {
		_, err := h.Sim.InterfaceCreate(ctx, name)
		require.NoError(t, err)
		require.NoError(t, h.Sim.InterfaceSetUp(ctx, name, true))
	}
	require.NoError(t, h.Sim.InterfaceSetMTU(ctx, "bridge1", 1400))
	require.NoError(t, h.Sim.AddressAdd(ctx, "em0", kernel.Address{Prefix: netip.MustParsePrefix("192.0.2.1/24")}))
	require.NoError(t, h.Sim.RouteAdd(ctx, kernel.Route{Dest: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("192.0.2.254")}))
}

// AddPrograms puts the programs that ask for addresses into a jail's root.
func AddPrograms(t testing.TB, j *jail.Jail) {
	t.Helper()
	root, err := j.RootPath(context.Background())
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(root, "sbin"), 0o755))
	for _, name := range []string{"dhclient", "rtsol"} {
		require.NoError(t, os.WriteFile(filepath.Join(root, "sbin", name), nil, 0o755))
	}
}

// EnsureTap makes the interface of the host that a jail is given whole.
func EnsureTap(t testing.TB, h *simhost.Host) {
	t.Helper()
	ctx := context.Background()
	list, err := h.Sim.Interfaces(ctx)
	require.NoError(t, err)
	for p, err := range h.Sim.JailList(ctx, 0, "vnet") {
		require.NoError(t, err)
		if p.Int("vnet") == 1 {
			return // it has it
		}
	}
	if slices.ContainsFunc(list, func(i kernel.Interface) bool { return i.Name == "tap0" }) {
		return
	}
	_, err = h.Sim.InterfaceCreate(ctx, "tap0")
	require.NoError(t, err)
}
