package step_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// TestDestroyMade: what the operation has made is destroyed, by force if it is in use;
// what somebody else has made stays, and is not unmounted.
func TestDestroyMade(t *testing.T) {
	ctx := t.Context()
	h := bareHost(t)
	env := step.Env{Host: h.Host}
	for _, name := range []string{"zroot/new", "zroot/new/below"} {
		require.NoError(t, h.ZFS.Create(ctx, name, zfsstore.CreateOptions{Properties: step.Mark(madeBy)}))
	}
	before := look(t, h)
	require.NoError(t, step.DestroyMade(ctx, env, "zroot/new", "another operation"))
	require.Empty(t, difference(before, look(t, h)))

	// A jail in it is what keeps it.
	_, err := h.Sim.JailSet(ctx, kernel.JailCreate, kernel.String("name", "other"), kernel.Bool("persist", true),
		kernel.String("path", jailtest.Mountpoint(t, h, "zroot/new/below")))
	require.NoError(t, err)
	require.Error(t, step.Unmake(ctx, env, "zroot/new", madeBy))
	require.NoError(t, step.DestroyMade(ctx, env, "zroot/new", madeBy))
	_, err = h.ZFS.Get(ctx, "zroot/new", zfsstore.GetOptions{})
	require.ErrorIs(t, err, zfsstore.ErrNotFound)

	require.NoError(t, h.ZFS.Create(ctx, "zroot/next", zfsstore.CreateOptions{Properties: step.Mark(madeBy)}))
	require.NoError(t, h.ZFS.Create(ctx, "zroot/next/mine", zfsstore.CreateOptions{}))
	before = look(t, h)
	require.ErrorIs(t, step.DestroyMade(ctx, env, "zroot/next", madeBy), zfsstore.ErrHasChildren)
	require.Empty(t, difference(before, look(t, h)))
}
