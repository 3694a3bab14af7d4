package fleet_test

import (
	"context"
	"testing"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/jail/fleet"
	"github.com/libioc/go-libioc/kernel"
	"github.com/stretchr/testify/require"
)

// Dependencies in a circle, or of a jail on itself, recursed forever: libioc
// compares two jails as never equal. What matches itself only is alone.
func TestLibiocDependencyCyclesRecursed(t *testing.T) {
	h := jailtest.OpenHost(t, simhost.Options{})
	ctx := context.Background()
	jailtest.PutPlain(t, h, "alone", map[string]string{"depends": "alone"})
	jailtest.PutPlain(t, h, "web", map[string]string{"depends": "db"})
	jailtest.PutPlain(t, h, "db", map[string]string{"depends": "cache"})
	jailtest.PutPlain(t, h, "cache", map[string]string{"depends": "web"})
	results, err := fleet.StartAll(ctx, h.Host, jailtest.Load(t, h, "alone", "web", "db", "cache"), fleet.StartAllOptions{})
	require.NoError(t, err)
	for _, r := range results {
		if r.Jail.Name() == "alone" {
			require.NoError(t, r.Err)
			continue
		}
		var circle *jail.CycleError
		require.ErrorAs(t, r.Err, &circle, r.Jail.Name())
		require.Equal(t, circle.Cycle[0], circle.Cycle[len(circle.Cycle)-1])
	}
	require.Len(t, results, 4)
	require.Equal(t, []string{"alone"}, jailtest.Running(t, h))
}

// Bastille#260, #261, #325: "ALL" touched the jails of other managers.
func TestBastille260AllAreOursOnly(t *testing.T) {
	h := jailtest.OpenHost(t, simhost.Options{})
	ctx := context.Background()
	jailtest.PutPlain(t, h, "web", nil)
	other := jailtest.Up(t, h, "ALL")
	build := jailtest.Up(t, h, "poudriere-build")
	_, err := jailtest.Load(t, h, "web")[0].Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	_, err = jail.Load(ctx, h.Host, "ALL")
	require.Error(t, err)
	for _, filters := range [][]string{nil, {"*"}, {"running=yes"}} {
		jails, err := fleet.Select(jail.List(ctx, h.Host, filters...))
		require.NoError(t, err)
		results, err := fleet.StopAll(ctx, h.Host, jails, fleet.StopAllOptions{Stop: jail.StopOptions{Force: true}})
		require.NoError(t, err)
		for _, r := range results.Failed() {
			require.True(t, r.Jail.Foreign(), r.Jail.Name())
			require.ErrorIs(t, r.Err, jail.ErrForeign)
		}
		for _, id := range []kernel.Identity{other, build} {
			got, err := h.Sim.JailIdentify(ctx, 0, kernel.ByName(id.Name))
			require.NoError(t, err)
			require.Equal(t, id, got)
		}
	}
	_, err = fleet.Shutdown(ctx, h.Host, fleet.ShutdownOptions{})
	require.NoError(t, err)
	for _, id := range []kernel.Identity{other, build} {
		_, err := h.Sim.JailIdentify(ctx, 0, kernel.ByName(id.Name))
		require.NoError(t, err)
	}
	require.Empty(t, jailtest.Running(t, h))
}
