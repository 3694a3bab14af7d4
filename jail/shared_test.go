package jail_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// Stop asked today's configuration for the datasets that the jail has mounted,
// and left those that were shared when it was started.
func TestSharedDatasetStayedMountedWithoutJailZFS(t *testing.T) {
	ctx := context.Background()
	h := sharingHost(t)
	j := loaded(t, ctx, h, "web")
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(root, "mnt"), 0o755))
	share := func() { // zfs mount in the jail
		require.NoError(t, j.Config().Set("jail_zfs", "yes"))
		require.NoError(t, j.Save(ctx))
		start(t, j)
		_, err := h.Sim.AttachMount(kernel.Mounted{Type: "zfs", From: sharedDataset, Path: filepath.Join(root, "mnt")})
		require.NoError(t, err)
		require.NoError(t, j.Config().Set("jail_zfs", "no"))
		require.NoError(t, j.Save(ctx))
	}
	share()
	_, err = j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	require.Empty(t, mountsBelow(t, h, j))

	share()
	id, err := j.Identity(ctx)
	require.NoError(t, err)
	require.NoError(t, h.Kernel.JailRemove(ctx, id))
	_, err = jail.Recover(ctx, h.Host)
	require.NoError(t, err)
	require.Empty(t, mountsBelow(t, h, j))

	share()
	_, err = j.Destroy(ctx, jail.DestroyOptions{Force: true})
	require.NoError(t, err)
	_, err = h.Store.Get(ctx, sharedDataset, zfsstore.GetOptions{})
	require.NoError(t, err, "it is not the jail's to destroy")
}
