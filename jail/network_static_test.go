package jail_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// TestStaticBindingAfterLeavingABridge: a nic that came to a bridge again, or to another
// one, was not bound to its link address there, so that another nic could take it over.
func TestStaticBindingAfterLeavingABridge(t *testing.T) {
	h, j := withNet(t, map[string]string{"vnet": "yes", "interfaces": "vnet0:bridge0", "ip4_addr": "vnet0|10.0.0.5/24"})
	ctx := t.Context()
	s := stackOf(t, h, j)
	bound := func() (n int) {
		for _, c := range h.Sim.Calls() {
			if c.Op == simkernel.OpBridgeStatic {
				n++
			}
		}
		return n
	}
	require.Equal(t, 1, bound())
	h.Sim.ResetCalls()
	require.NoError(t, h.Sim.BridgeDelete(ctx, "bridge0", hostEnd("vnet0", s.id)))
	_, err := j.Sync(ctx, jail.SyncOptions{})
	require.NoError(t, err)
	require.Equal(t, []string{hostEnd("vnet0", s.id)}, s.members("bridge0"))
	require.Equal(t, 1, bound())
	h.Sim.ResetCalls()
	_, err = j.Set(ctx, map[string]string{"interfaces": "vnet0:bridge1"}, jail.SetOptions{LiveOnly: true})
	require.NoError(t, err)
	require.Equal(t, []string{hostEnd("vnet0", s.id)}, s.members("bridge1"))
	require.Equal(t, 1, bound())
}
