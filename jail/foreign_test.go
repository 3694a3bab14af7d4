package jail_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// runForeign starts a jail of another program with a name and parameters.
func runForeign(t *testing.T, h *simhost.Host, name string, params ...kernel.Param) kernel.Identity {
	t.Helper()
	ctx := t.Context()
	params = append(params, kernel.String("name", name), kernel.String("path", t.TempDir()), kernel.Bool("persist", true))
	jid, err := h.Kernel.JailSet(ctx, kernel.JailCreate, params...)
	require.NoError(t, err)
	id, err := h.Kernel.JailIdentify(ctx, 0, kernel.ByJID(jid))
	require.NoError(t, err)
	return id
}

// TestForeignJailWhileOursIsNotMounted: another program's jail of the name was taken for
// ours, and a forced Stop or Destroy removed it.
func TestForeignJailWhileOursIsNotMounted(t *testing.T) {
	for _, foreign := range []bool{true, false} {
		h := newHost(t)
		ctx := t.Context()
		j := newJail(t, h, "web", false, nil)
		if !foreign {
			start(t, j)
		}
		require.NoError(t, h.Store.Unmount(ctx, j.RootDataset(), true))
		require.NoError(t, h.Store.Unmount(ctx, j.Dataset(), true))
		var id kernel.Identity
		if foreign {
			id = runForeign(t, h, j.Identifier())
		}
		_, err := j.Identity(ctx)
		if !foreign { // its mountpoint proves it
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, jail.ErrForeign)
		running, err := j.Running(ctx)
		require.NoError(t, err)
		require.False(t, running)
		_, err = j.Stop(ctx, jail.StopOptions{Force: true})
		require.Error(t, err)
		_, err = j.Destroy(ctx, jail.DestroyOptions{Force: true})
		require.ErrorIs(t, err, jail.ErrForeign)
		now, err := h.Kernel.JailIdentify(ctx, 0, kernel.ByName(j.Identifier()))
		require.NoError(t, err)
		require.Equal(t, id, now)
	}
}
