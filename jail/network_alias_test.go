package jail_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/jail"
)

// TestLivePrefixLengthAndInterface: an address with another prefix length, or on another
// interface, was not added because it existed, and was then removed as the former one. Set
// failed with ErrChanged.
func TestLivePrefixLengthAndInterface(t *testing.T) {
	h, j := withNet(t, map[string]string{"ip4_addr": "em0|192.0.2.9/24"})
	ctx := t.Context()
	lo0 := addresses(t, h.Sim, "lo0")
	require.Equal(t, []string{"192.0.2.1/24", "192.0.2.9/24"}, addresses(t, h.Sim, "em0"))
	_, err := j.Set(ctx, map[string]string{"ip4_addr": "em0|192.0.2.9/32"}, jail.SetOptions{LiveOnly: true})
	require.NoError(t, err)
	require.Equal(t, []string{"192.0.2.1/24", "192.0.2.9/32"}, addresses(t, h.Sim, "em0"))
	_, err = j.Set(ctx, map[string]string{"ip4_addr": "lo0|192.0.2.9/32"}, jail.SetOptions{LiveOnly: true})
	require.NoError(t, err)
	require.Equal(t, []string{"192.0.2.1/24"}, addresses(t, h.Sim, "em0"))
	require.Equal(t, append(lo0, "192.0.2.9/32"), addresses(t, h.Sim, "lo0"))
	_, err = j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	require.Equal(t, lo0, addresses(t, h.Sim, "lo0"))
}

// TestSyncOfAnAddressSharedWithAnotherPrefix: a jail that was left an address with another
// prefix length than its own lost it in Sync, which failed with ErrChanged.
func TestSyncOfAnAddressSharedWithAnotherPrefix(t *testing.T) {
	h, a := withNet(t, map[string]string{"ip4_addr": "em0|192.0.2.9/24"})
	ctx := t.Context()
	b := newJail(t, h, "b", false, map[string]string{"ip4_addr": "em0|192.0.2.9/32"})
	start(t, b)
	_, err := a.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	require.Equal(t, []string{"192.0.2.1/24", "192.0.2.9/24"}, addresses(t, h.Sim, "em0"))
	_, err = b.Sync(ctx, jail.SyncOptions{})
	require.NoError(t, err)
	require.Equal(t, []string{"192.0.2.1/24", "192.0.2.9/32"}, addresses(t, h.Sim, "em0"))
	_, err = b.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	require.Equal(t, []string{"192.0.2.1/24"}, addresses(t, h.Sim, "em0"))
}
