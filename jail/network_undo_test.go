package jail_test

import (
	"context"
	"errors"
	"net/netip"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// TestNameTakenInJailDoesNotBlockStop: root renamed a nic and gave its name to another
// interface. A Sync failed, and so did its undo, which Stop, even with Force, and Recover
// began with from then on.
func TestNameTakenInJailDoesNotBlockStop(t *testing.T) {
	ctx := t.Context()
	h := netHost(t)
	before := networkWorld(t, h)
	j := newJail(t, h, "web", false, map[string]string{"vnet": "yes", "interfaces": "vnet0:bridge0", "ip4_addr": "vnet0|10.0.0.5/24"})
	start(t, j)
	in := h.Sim.In(stackOf(t, h, j).id)
	require.NoError(t, in.InterfaceRename(ctx, "vnet0", "lan0"))
	name, err := in.InterfaceCreate(ctx, "epair")
	require.NoError(t, err)
	require.NoError(t, in.InterfaceRename(ctx, name, "vnet0"))
	_, err = j.Sync(ctx, jail.SyncOptions{})
	require.ErrorIs(t, err, kernel.ErrExists)
	require.ErrorContains(t, err, "undo change network")
	_, err = j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	_, err = jail.Recover(ctx, h.Host)
	require.NoError(t, err)
	requireSame(t, before, networkWorld(t, h))
}

// TestNoLeaseDoesNotBlockStop: a Sync that got no address by DHCP was undone by asking
// again, which failed too, and Stop, even with Force, began with that undo.
func TestNoLeaseDoesNotBlockStop(t *testing.T) {
	for _, force := range []bool{false, true} {
		var down atomic.Bool
		h := netHost(t, func(o *simkernel.Options) {
			dhclient := o.Programs["dhclient"]
			o.Programs["dhclient"] = func(ctx context.Context, p *simkernel.Process) int {
				if down.Load() {
					return 1
				}
				return dhclient(ctx, p)
			}
		})
		ctx := t.Context()
		j := newJail(t, h, "web", false, map[string]string{"vnet": "yes", "interfaces": "vnet0:bridge0", "ip4_addr": "vnet0|dhcp", "user.network.dhcp_timeout": "1"})
		addPrograms(t, j)
		start(t, j)
		s := stackOf(t, h, j)
		require.Equal(t, []string{dhcpAddress.String()}, s.inside("vnet0"))
		down.Store(true)
		require.NoError(t, h.Sim.In(s.id).AddressDelete(ctx, "vnet0", dhcpAddress.Addr()))
		_, err := j.Sync(ctx, jail.SyncOptions{})
		require.ErrorContains(t, err, "no address for vnet0 by dhcp")
		_, err = j.Stop(ctx, jail.StopOptions{Force: force})
		require.NoError(t, err, "force %t", force)
		running, err := j.Running(ctx)
		require.NoError(t, err)
		require.False(t, running)
	}
}

// TestRootCannotKeepAForward: a Set that ends a forward failed and was undone because root
// of the jail had renamed an interface.
func TestRootCannotKeepAForward(t *testing.T) {
	ctx := t.Context()
	h := netHost(t)
	ensureTap(t, h)
	j := newJail(t, h, "web", false, map[string]string{
		"vnet": "yes", "vnet_interfaces": "tap0", "interfaces": "vnet0:bridge0", "ip4_addr": "vnet0|10.0.0.5/24", "user.forwards": "8080:80",
	})
	start(t, j)
	require.NotEmpty(t, anchorOf(t, h, j))
	require.NoError(t, h.Sim.In(stackOf(t, h, j).id).InterfaceRename(ctx, "tap0", "lan0"))
	_, err := j.Set(ctx, map[string]string{"user.forwards": ""}, jail.SetOptions{})
	require.NoError(t, err)
	require.Empty(t, anchorOf(t, h, j))
}

var errLater = errors.New("a later step fails")

// setThatFails sets properties of a running jail and fails once the network has been
// changed. During is called in between.
func setThatFails(t *testing.T, j *jail.Jail, values map[string]string, during func()) {
	t.Helper()
	reached := false
	_, err := j.Set(plan.WithFault(t.Context(), func(at plan.Point) error {
		if at.Step.Kind != "change network" || at.Phase != "done" {
			return nil
		}
		reached = true
		during()
		return errLater
	}), values, jail.SetOptions{})
	require.ErrorIs(t, err, errLater)
	require.True(t, reached)
}

// TestPortThatASetGivesUpIsHeld: while a Set could still be taken back, another jail got the
// port that it gave up, and after the undo both had it.
func TestPortThatASetGivesUpIsHeld(t *testing.T) {
	h, a := withNet(t, map[string]string{"ip4_addr": "em0|192.0.2.9/24", "user.forwards": "8080:80"})
	ctx := t.Context()
	b := newJail(t, h, "b", false, map[string]string{"ip4_addr": "em0|192.0.2.10/24", "user.forwards": "8080:80"})
	was := anchorOf(t, h, a)
	require.Len(t, was, 1)
	require.True(t, hasWord(was[0], "8080"), was[0])
	setThatFails(t, a, map[string]string{"user.forwards": "9090:80"}, func() {
		_, err := b.Start(context.Background(), jail.StartOptions{})
		assert.ErrorIs(t, err, jail.ErrConfig)
	})
	require.Equal(t, was, anchorOf(t, h, a))

	_, err := a.Set(ctx, map[string]string{"user.forwards": "9090:80"}, jail.SetOptions{})
	require.NoError(t, err)
	_, err = b.Start(ctx, jail.StartOptions{}) // it is given up now
	require.NoError(t, err)
}

// TestAutoIP4ThatASetGivesUpIsHeld: while a Set could still be taken back, another jail got
// the address that it gave up, and after the undo both had it.
func TestAutoIP4ThatASetGivesUpIsHeld(t *testing.T) {
	h, a := withNet(t, map[string]string{"ip4_addr": "AUTOIP4"})
	was := addressesOf(t, h, a)
	require.Len(t, was, 1)
	auto := newJail(t, h, "auto", false, map[string]string{"ip4_addr": "AUTOIP4"})
	static := newJail(t, h, "static", false, map[string]string{"ip4_addr": "em0|" + netip.PrefixFrom(was[0], 24).String()})
	setThatFails(t, a, map[string]string{"ip4_addr": "em0|198.51.100.9/32"}, func() {
		_, err := auto.Start(context.Background(), jail.StartOptions{})
		assert.NoError(t, err)
		_, err = static.Start(context.Background(), jail.StartOptions{})
		assert.ErrorIs(t, err, jail.ErrConfig)
	})
	require.Equal(t, was, addressesOf(t, h, a))
	require.True(t, hostHas(t, h, was[0]))
	other := addressesOf(t, h, auto)
	require.Len(t, other, 1)
	require.NotEqual(t, was, other)
}
