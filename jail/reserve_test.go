package jail_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// addressesOf returns the IPv4 addresses that a running jail has in the kernel.
func addressesOf(t *testing.T, h *simhost.Host, j *jail.Jail) []netip.Addr {
	t.Helper()
	p, err := h.Kernel.JailGet(t.Context(), 0, kernel.ByName(j.Identifier()), "ip4.addr")
	require.NoError(t, err)
	return p.Addrs("ip4.addr", 4)
}

// hostHas reports whether an interface of the host has an address.
func hostHas(t *testing.T, h *simhost.Host, addr netip.Addr) bool {
	t.Helper()
	list, err := h.Kernel.Interfaces(t.Context())
	require.NoError(t, err)
	return slices.ContainsFunc(list, func(i kernel.Interface) bool {
		return slices.ContainsFunc(i.Addrs, func(p netip.Prefix) bool { return p.Addr() == addr })
	})
}

// startAll starts jails at once and returns their errors, in order.
func startAll(t *testing.T, jails []*jail.Jail) []error {
	t.Helper()
	errs := make([]error, len(jails))
	var all sync.WaitGroup
	for i, j := range jails {
		all.Go(func() { _, errs[i] = j.Start(context.Background(), jail.StartOptions{}) })
	}
	all.Wait()
	return errs
}

// TestAutoIP4OfManyAtOnce: AUTOIP4 was chosen while planning, without a lock: of six jails
// that started at once three had one address.
func TestAutoIP4OfManyAtOnce(t *testing.T) {
	h := netHost(t)
	before := jailtest.NetworkWorld(t, h)
	var jails []*jail.Jail
	for n := range 6 {
		jails = append(jails, newJail(t, h, fmt.Sprintf("auto%d", n), false, map[string]string{"ip4_addr": "AUTOIP4"}))
	}
	for _, err := range startAll(t, jails) {
		require.NoError(t, err)
	}
	seen := map[netip.Addr]bool{}
	for _, j := range jails {
		list := addressesOf(t, h, j)
		require.Len(t, list, 1)
		require.False(t, seen[list[0]], "%s twice", list[0])
		seen[list[0]] = true
	}
	for _, j := range jails {
		_, err := j.Stop(t.Context(), jail.StopOptions{})
		require.NoError(t, err)
	}
	requireSame(t, before, jailtest.NetworkWorld(t, h))
}

// TestForwardOfTwoAtOnce: two jails that started at once both got the host's port.
func TestForwardOfTwoAtOnce(t *testing.T) {
	h := netHost(t)
	var jails []*jail.Jail
	for n := range 4 {
		jails = append(jails, newJail(t, h, fmt.Sprintf("web%d", n), false, map[string]string{
			"ip4_addr": fmt.Sprintf("em0|192.0.2.%d/24", 60+n), "user.forwards": "8080:80",
		}))
	}
	started := 0
	for _, err := range startAll(t, jails) {
		if err == nil {
			started++
		} else {
			assert.ErrorIs(t, err, jail.ErrConfig)
		}
	}
	require.Equal(t, 1, started)
}

// TestOneSharedBareAddress: an address without an interface, which a running jail had
// brought, counted as the host's own: the second jail with it had no record, so that it
// leaked when the first one stopped, and Sync and Restart took it from the first.
func TestOneSharedBareAddress(t *testing.T) {
	h := netHost(t)
	before := jailtest.NetworkWorld(t, h)
	conf := map[string]string{"ip4_addr": "192.0.2.77/24"}
	a, b := newJail(t, h, "a", false, conf), newJail(t, h, "b", false, conf)
	addr := netip.MustParseAddr("192.0.2.77")
	ctx := t.Context()
	start := func(j *jail.Jail) {
		t.Helper()
		_, err := j.Start(ctx, jail.StartOptions{})
		require.NoError(t, err)
	}
	stop := func(j *jail.Jail) {
		t.Helper()
		_, err := j.Stop(ctx, jail.StopOptions{})
		require.NoError(t, err)
	}
	start(a)
	_, err := a.Sync(ctx, jail.SyncOptions{})
	require.NoError(t, err)
	require.Equal(t, []netip.Addr{addr}, addressesOf(t, h, a))
	require.True(t, hostHas(t, h, addr))
	_, err = a.Restart(ctx, jail.RestartOptions{Shutdown: true})
	require.NoError(t, err)
	require.True(t, hostHas(t, h, addr))
	start(b)
	stop(a)
	require.True(t, hostHas(t, h, addr), "b has it")
	_, err = b.Sync(ctx, jail.SyncOptions{})
	require.NoError(t, err)
	require.True(t, hostHas(t, h, addr))
	stop(b)
	requireSame(t, before, jailtest.NetworkWorld(t, h))
}

// TestStopBesideAStart: a stop took a shared address away between another jail's "add
// addresses" and its jail_set(2).
func TestStopBesideAStart(t *testing.T) {
	h := netHost(t)
	before := jailtest.NetworkWorld(t, h)
	conf := map[string]string{"ip4_addr": "em0|192.0.2.78/24"}
	a, b := newJail(t, h, "a", false, conf), newJail(t, h, "b", false, conf)
	ctx := t.Context()
	_, err := a.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	_, err = b.Start(plan.WithFault(ctx, func(at plan.Point) error {
		if at.Step.Kind == "create jail" && at.Phase == "do" {
			_, err := a.Stop(ctx, jail.StopOptions{})
			assert.NoError(t, err)
		}
		return nil
	}), jail.StartOptions{})
	require.NoError(t, err)
	require.True(t, hostHas(t, h, netip.MustParseAddr("192.0.2.78")))
	_, err = b.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	requireSame(t, before, jailtest.NetworkWorld(t, h))
}

// TestSyncOfAutoIP4: a running jail's own address counted as taken, so that Sync gave it
// another one.
func TestSyncOfAutoIP4(t *testing.T) {
	h := netHost(t)
	j := newJail(t, h, "auto", false, map[string]string{"ip4_addr": "AUTOIP4"})
	ctx := t.Context()
	_, err := j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	was := addressesOf(t, h, j)
	for range 2 {
		_, err = j.Sync(ctx, jail.SyncOptions{})
		require.NoError(t, err)
		require.Equal(t, was, addressesOf(t, h, j))
		require.True(t, hostHas(t, h, was[0]))
	}
	_, err = j.Set(ctx, map[string]string{"user.note": "x"}, jail.SetOptions{})
	require.NoError(t, err)
	_, err = j.Restart(ctx, jail.RestartOptions{Shutdown: true})
	require.NoError(t, err)
	require.Equal(t, was, addressesOf(t, h, j))
}

// TestSyncOfAHandedOverInterface: Sync of a jail with vnet_interfaces said that the host
// has no such interface, which was in the jail.
func TestSyncOfAHandedOverInterface(t *testing.T) {
	h := netHost(t)
	ctx := t.Context()
	tap, err := h.Kernel.InterfaceCreate(ctx, "tap")
	require.NoError(t, err)
	j := newJail(t, h, "tapped", false, map[string]string{"vnet": "yes", "vnet_interfaces": tap})
	_, err = j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	_, err = j.Sync(ctx, jail.SyncOptions{})
	require.NoError(t, err)
	_, err = j.Restart(ctx, jail.RestartOptions{Shutdown: true})
	require.NoError(t, err)
}

// TestPrefixOfLengthZero: "em0|192.0.2.9/0" took the host's default route away.
func TestPrefixOfLengthZero(t *testing.T) {
	h := netHost(t)
	for n, properties := range []map[string]string{
		{"ip4_addr": "em0|192.0.2.9/0"}, {"ip6_addr": "em0|2001:db8::9/0"}, {"ip4_addr": "AUTOIP4", "ip4_autosubnet": "0"},
	} {
		before := networkWorld(t, h)
		_, err := newJail(t, h, fmt.Sprintf("zero%d", n), false, properties).Start(t.Context(), jail.StartOptions{})
		require.ErrorIs(t, err, jail.ErrConfig)
		requireSame(t, before, networkWorld(t, h))
	}
}

// TestSetWithoutRlimits: Set of a limit gave a running jail with rlimits=no rules.
func TestSetWithoutRlimits(t *testing.T) {
	h, j := withNet(t, map[string]string{"rlimits": "no", "maxproc": "200"})
	_, err := j.Set(t.Context(), map[string]string{"maxproc": "300"}, jail.SetOptions{})
	require.NoError(t, err)
	rules, err := h.Kernel.RctlGetRules(t.Context(), "jail:"+j.Identifier())
	require.NoError(t, err)
	require.Empty(t, rules)
}
