package step

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore/simzfs"
)

// TestUnmakeShared: a shared dataset goes only if nobody has written to it or mounted
// anything in it.
func TestUnmakeShared(t *testing.T) {
	ctx := context.Background()
	const shared = "zroot/shared"
	write := func(t testing.TB, h *simhost.Host) {
		require.NoError(t, os.WriteFile(filepath.Join(mountedAt(t, h, shared), "mine"), nil, 0o644))
	}
	unmount := func(t testing.TB, h *simhost.Host) { require.NoError(t, h.ZFS.Unmount(ctx, shared, false)) }
	for _, c := range []struct {
		name  string
		setup []func(t testing.TB, h *simhost.Host)
		stays bool
	}{
		{"empty", nil, false},
		{"empty and not mounted", []func(t testing.TB, h *simhost.Host){unmount}, false},
		{"written to", []func(t testing.TB, h *simhost.Host){write}, true},
		{"written to and not mounted", []func(t testing.TB, h *simhost.Host){write, unmount}, true},
		{"with a mount in it", []func(t testing.TB, h *simhost.Host){func(t testing.TB, h *simhost.Host) {
			path := filepath.Join(mountedAt(t, h, shared), "mnt")
			require.NoError(t, os.Mkdir(path, 0o755))
			_, err := h.Sim.Nmount(ctx, kernel.MountRequest{Type: "tmpfs", From: "tmpfs", Path: path})
			require.NoError(t, err)
		}}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			makesOurs(t, h, shared)
			for _, do := range c.setup {
				do(t, h)
			}
			require.NoError(t, unmake(ctx, envOf(h), shared, byUs, true))
			require.Equal(t, c.stays, exists(t, h, shared))
			require.Equal(t, c.stays, mountedAt(t, h, shared) != "")
		})
	}
	t.Run("refused", func(t *testing.T) {
		h := newHost(t)
		makesOurs(t, h, shared)
		zfsFails(t, h, simzfs.OpDestroy)
		require.ErrorIs(t, unmake(ctx, envOf(h), shared, byUs, true), errProbe)
		require.NotEmpty(t, mountedAt(t, h, shared), "it is mounted again")
	})
}

// TestFirstMade: the dataset that the operation has just made is its own.
func TestFirstMade(t *testing.T) {
	h := newHost(t)
	makesOurs(t, h, "zroot/ours", "zroot/unmounted")
	makes(t, h, "zroot/theirs")
	require.NoError(t, h.ZFS.Unmount(t.Context(), "zroot/unmounted", false))
	for _, c := range []struct {
		dataset string
		err     error
	}{{"zroot/ours", nil}, {"zroot/unmounted", nil}, {"zroot/theirs", jailerr.ErrReplaced}} {
		var path string
		err := probed(t, h, func(ctx context.Context, e Env, c2 *plan.Call) (err error) {
			path, err = firstMade(ctx, e, c2, c.dataset, byUs)
			return err
		})
		require.ErrorIs(t, err, c.err, c.dataset)
		require.Equal(t, mountedAt(t, h, c.dataset), path)
	}
}
