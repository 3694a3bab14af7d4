package jail_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// Rename of a jail in use said "pool or dataset is busy" and nothing of whom by,
// and did not wait for what goes away in a moment.
func TestRenameDidNotSayWhatHoldsTheJail(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHost(t)
	web, user := newJail(t, h, "web", false, nil), newJail(t, h, "user", false, nil)
	require.NoError(t, h.Store.Create(ctx, web.Dataset()+"/data", zfsstore.CreateOptions{}))
	root, err := web.RootPath(ctx)
	require.NoError(t, err)
	other, err := user.RootPath(ctx)
	require.NoError(t, err)
	mount := func(kind, from, at string) kernel.Mounted {
		t.Helper()
		require.NoError(t, os.MkdirAll(at, 0o755))
		m, err := h.Kernel.Nmount(ctx, kernel.MountRequest{Type: kind, From: from, Path: at})
		require.NoError(t, err)
		return m
	}
	refused := func(ctx context.Context, what string) {
		t.Helper()
		before := world(t, h)
		_, err := loaded(t, ctx, h, "web").Rename(ctx, jail.RenameOptions{Name: "www"})
		var held *jail.HeldError
		require.ErrorAs(t, err, &held)
		require.Equal(t, []string{what}, append(held.Mounts, held.Jails...))
		requireSame(t, before, world(t, h))
	}
	// Mounted below its root.
	mount("tmpfs", "tmpfs", filepath.Join(root, "mnt"))
	refused(ctx, filepath.Join(root, "mnt"))
	require.NoError(t, h.Sim.DetachMount(filepath.Join(root, "mnt"), 0))
	// Mounted from it, by another jail.
	m := mount("nullfs", filepath.Join(root, "etc"), filepath.Join(other, "mnt"))
	refused(ctx, m.Path)
	require.NoError(t, h.Kernel.UnmountFSID(ctx, m.FSID, 0))

	// Mounted after it was planned: it is named all the same, and one that goes
	// away is waited for.
	var late kernel.Mounted
	after := plan.WithFault(ctx, func(p plan.Point) error {
		if p.Index == 0 && p.Phase == "do" {
			late = mount("tmpfs", "tmpfs", filepath.Join(root, "mnt"))
		}
		return nil
	})
	_, err = web.Rename(after, jail.RenameOptions{Name: "www"})
	var held *jail.HeldError
	require.ErrorAs(t, err, &held)
	require.ErrorIs(t, err, zfsstore.ErrBusy)
	require.Equal(t, []string{late.Path}, held.Mounts)
	require.NoError(t, h.Kernel.UnmountFSID(ctx, late.FSID, 0))
	short := plan.WithFault(ctx, func(p plan.Point) error {
		if p.Index == 0 && p.Phase == "do" {
			late = mount("tmpfs", "tmpfs", filepath.Join(root, "mnt"))
			time.AfterFunc(30*time.Millisecond, func() { _ = h.Kernel.UnmountFSID(ctx, late.FSID, 0) })
		}
		return nil
	})
	_, err = web.Rename(short, jail.RenameOptions{Name: "www"})
	require.NoError(t, err)
	require.Equal(t, "www", web.Name())
}
