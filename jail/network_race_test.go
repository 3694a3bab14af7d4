package jail_test

import (
	"context"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
)

// restartWhile restarts a jail and starts another one when the first has given its network
// up and has not recorded the new one yet.
func restartWhile(t *testing.T, j, other *jail.Jail) error {
	t.Helper()
	reached := false
	_, err := j.Restart(plan.WithFault(t.Context(), func(at plan.Point) error {
		if at.Step.Kind == "record network" && at.Phase == "do" && !reached {
			reached = true
			_, err := other.Start(context.Background(), jail.StartOptions{})
			assert.NoError(t, err)
		}
		return nil
	}), jail.RestartOptions{Shutdown: true})
	require.True(t, reached)
	return err
}

func requireRunning(t *testing.T, j *jail.Jail, want bool) {
	t.Helper()
	running, err := j.Running(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, running, "%s runs", j.Name())
}

// TestRestartThatLosesAutoIP4: a restart was not planned again, unlike a start, when another
// jail took its address of AUTOIP4: the jail stayed down.
func TestRestartThatLosesAutoIP4(t *testing.T) {
	h, a := withNet(t, map[string]string{"ip4_addr": "AUTOIP4"})
	b := newJail(t, h, "b", false, map[string]string{"ip4_addr": "AUTOIP4"})
	was := addressesOf(t, h, a)
	require.Len(t, was, 1)
	require.NoError(t, restartWhile(t, a, b))
	requireRunning(t, a, true)
	require.Equal(t, was, addressesOf(t, h, b))
	now := addressesOf(t, h, a)
	require.Len(t, now, 1)
	require.NotEqual(t, was, now)
	require.True(t, hostHas(t, h, now[0]))
}

// TestRestartThatLosesAPort: a restart whose port another jail took said only that the jail
// was not running. It names the other jail, and a start works when the port is free again.
func TestRestartThatLosesAPort(t *testing.T) {
	h, a := withNet(t, map[string]string{"ip4_addr": "em0|192.0.2.9/24", "user.forwards": "8080:80"})
	ctx := t.Context()
	b := newJail(t, h, "b", false, map[string]string{"ip4_addr": "em0|192.0.2.10/24", "user.forwards": "8080:80"})
	err := restartWhile(t, a, b)
	require.ErrorIs(t, err, jail.ErrConfig)
	require.ErrorContains(t, err, b.Identifier())
	requireRunning(t, a, false)
	require.False(t, hostHas(t, h, netip.MustParseAddr("192.0.2.9")))
	require.Empty(t, anchorOf(t, h, a))
	require.NotEmpty(t, anchorOf(t, h, b))
	_, err = b.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	start(t, a)
	require.NotEmpty(t, anchorOf(t, h, a))
}

// anchorOf are the rules of pf(4) that a jail has.
func anchorOf(t *testing.T, h *simhost.Host, j *jail.Jail) []string {
	t.Helper()
	rules, err := h.Kernel.PfRules(t.Context(), network.Anchor(j.Identifier()))
	require.NoError(t, err)
	return rules
}

// TestStaticAddressOverAutoIP4: a jail with the very address that AUTOIP4 had chosen for
// another one could start.
func TestStaticAddressOverAutoIP4(t *testing.T) {
	h, a := withNet(t, map[string]string{"ip4_addr": "AUTOIP4"})
	ctx := t.Context()
	was := addressesOf(t, h, a)
	require.Len(t, was, 1)
	b := newJail(t, h, "b", false, map[string]string{"ip4_addr": "em0|" + netip.PrefixFrom(was[0], 24).String()})
	_, err := b.Start(ctx, jail.StartOptions{})
	require.ErrorIs(t, err, jail.ErrConfig)
	require.ErrorContains(t, err, a.Identifier())
	_, err = a.Sync(ctx, jail.SyncOptions{})
	require.NoError(t, err)
	_, err = a.Restart(ctx, jail.RestartOptions{Shutdown: true})
	require.NoError(t, err)
	require.Equal(t, was, addressesOf(t, h, a))
	require.True(t, hostHas(t, h, was[0]))
}
