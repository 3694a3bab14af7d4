package jail_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// vlanHost is a host whose em0.42 is a vlan(4) of em0, with em0's link address.
func vlanHost(t *testing.T) *simhost.Host {
	t.Helper()
	ctx := t.Context()
	h := netHost(t)
	name, err := h.Sim.InterfaceCreate(ctx, "vlan7")
	require.NoError(t, err)
	require.NoError(t, h.Sim.InterfaceSetVLAN(ctx, name, kernel.VLAN{Parent: "em0", Tag: 42}))
	require.NoError(t, h.Sim.InterfaceRename(ctx, name, "em0.42"))
	require.Contains(t, interfaceNames(t, h.Sim), "em0.42")
	return h
}

// interfaceNames are those of the interfaces of a stack.
func interfaceNames(t *testing.T, n kernel.Network) (names []string) {
	t.Helper()
	list, err := n.Interfaces(context.Background())
	require.NoError(t, err)
	for _, i := range list {
		names = append(names, i.Name)
	}
	return names
}

// TestStopAfterRootDestroyedTheVLAN: an interface that is handed over was found by its link
// address alone. When the jail's root had destroyed the vlan(4), its parent was renamed to
// em0.42 by the stop.
func TestStopAfterRootDestroyedTheVLAN(t *testing.T) {
	h := vlanHost(t)
	j := newJail(t, h, "web", false, map[string]string{"vnet": "yes", "vnet_interfaces": "em0.42"})
	start(t, j)
	in := h.Sim.In(stackOf(t, h, j).id)
	require.NotContains(t, interfaceNames(t, h.Sim), "em0.42")
	require.NoError(t, in.InterfaceDestroy(t.Context(), "em0.42"))
	_, err := j.Stop(t.Context(), jail.StopOptions{})
	require.NoError(t, err)
	require.Contains(t, interfaceNames(t, h.Sim), "em0")
	require.NotContains(t, interfaceNames(t, h.Sim), "em0.42")
}

// TestUndoAfterTheVLANIsGone: a start that failed because the vlan(4) had been destroyed
// renamed its parent when it was undone.
func TestUndoAfterTheVLANIsGone(t *testing.T) {
	h := vlanHost(t)
	j := newJail(t, h, "web", false, map[string]string{"vnet": "yes", "vnet_interfaces": "em0.42"})
	_, err := j.Start(plan.WithFault(t.Context(), func(at plan.Point) error {
		if at.Step.Kind == "move interface" && at.Phase == "do" {
			assert.NoError(t, h.Sim.InterfaceDestroy(context.Background(), "em0.42"))
		}
		return nil
	}), jail.StartOptions{})
	require.ErrorIs(t, err, kernel.ErrNotFound)
	require.Contains(t, interfaceNames(t, h.Sim), "em0")
	require.NotContains(t, interfaceNames(t, h.Sim), "em0.42")
}

// TestSyncOfAVLAN: a vlan(4) has its parent's link address, so it is compared by its name.
// Sync does not take it for missing, and notices when it has another name.
func TestSyncOfAVLAN(t *testing.T) {
	h := vlanHost(t)
	j := newJail(t, h, "web", false, map[string]string{"vnet": "yes", "vnet_interfaces": "em0.42"})
	start(t, j)
	in := h.Sim.In(stackOf(t, h, j).id)
	require.Contains(t, interfaceNames(t, in), "em0.42")
	found, err := j.NetworkDifferences(t.Context())
	require.NoError(t, err)
	require.Empty(t, found)
	_, err = j.Sync(t.Context(), jail.SyncOptions{})
	require.NoError(t, err)
	require.Contains(t, interfaceNames(t, in), "em0.42")
	require.Contains(t, interfaceNames(t, h.Sim), "em0")

	require.NoError(t, in.InterfaceRename(t.Context(), "em0.42", "lan0"))
	found, err = j.NetworkDifferences(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"the jail does not have the host's em0.42"}, found)
}
