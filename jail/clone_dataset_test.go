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

// Only jails and releases were known as a source's own: the base datasets of a
// release, which all its ZFS basejails start from, were replaced when asked for.
func TestCloneToDatasetTookTheBaseOfAReleaseAway(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	copyBase(t, h)
	j := newJail(t, h, "web", false, nil)
	before := world(t, h)
	for _, name := range []string{
		"base/" + testRelease, "base/" + testRelease + "/root/usr", "base", "base/x", "templates/x", "log",
		"images", "download/x", "pkg", ".defaults", "jails/other", "releases/x",
	} {
		_, err := j.CloneToDataset(ctx, jail.CloneToDatasetOptions{Dataset: "zroot/iocage/" + name, DeleteExisting: true})
		require.ErrorIs(t, err, jail.ErrReserved, name)
	}
	requireSame(t, before, world(t, h))
	for _, name := range []string{"zroot/iocage/backup", "zroot/iocage/basement", "zroot/iocagejails"} {
		_, err := j.CloneToDataset(ctx, jail.CloneToDatasetOptions{Dataset: name})
		require.NoError(t, err, name)
	}
}

// The dataset to replace was moved aside before it was seen that it cannot be
// destroyed; it stayed there, and its name was in the way of every later call.
func TestCloneToDatasetWedgedOnWhatCannotBeDestroyed(t *testing.T) {
	ctx := context.Background()
	h := storageHost(t)
	ownDataset("zroot/copy")(t, ctx, h)
	j := loaded(t, ctx, h, "web")
	replace := jail.CloneToDatasetOptions{Dataset: "zroot/copy", DeleteExisting: true}
	require.NoError(t, h.Store.Snapshot(ctx, "zroot/copy@keep", zfsstore.SnapshotOptions{}))
	require.NoError(t, h.Store.Hold(ctx, "zroot/copy@keep", "mine", false))
	before := world(t, h)
	for range 2 {
		_, err := j.CloneToDataset(ctx, replace)
		require.ErrorIs(t, err, zfsstore.ErrBusy)
		require.ErrorContains(t, err, "zroot/copy@keep")
		requireSame(t, before, world(t, h))
	}
	require.NoError(t, h.Store.Release(ctx, "zroot/copy@keep", "mine", false))

	// Somebody uses its files.
	path, err := h.Mountpoint(ctx, "zroot/copy")
	require.NoError(t, err)
	user := newJail(t, h, "user", false, nil)
	root, err := user.RootPath(ctx)
	require.NoError(t, err)
	at := filepath.Join(root, "mnt")
	require.NoError(t, os.MkdirAll(at, 0o755))
	id, err := h.Kernel.Nmount(ctx, kernel.MountRequest{Type: "nullfs", From: path, Path: at})
	require.NoError(t, err)
	before = world(t, h)
	_, err = j.CloneToDataset(ctx, replace)
	var held *jail.HeldError
	require.ErrorAs(t, err, &held)
	require.Contains(t, held.Mounts, at)
	requireSame(t, before, world(t, h))
	require.NoError(t, h.Kernel.UnmountFSID(ctx, id.FSID, 0))

	// One that was left aside is in nobody's way.
	require.NoError(t, h.Store.Create(ctx, "zroot/copy.ioc-old", zfsstore.CreateOptions{}))
	_, err = j.CloneToDataset(ctx, replace)
	require.NoError(t, err)
	_, err = h.Store.Get(ctx, "zroot/copy.ioc-old", zfsstore.GetOptions{})
	require.NoError(t, err)
	_, err = h.Store.Get(ctx, "zroot/copy.ioc-old-2", zfsstore.GetOptions{})
	require.ErrorIs(t, err, zfsstore.ErrNotFound)
}
