package jail_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// ended starts a jail and removes it from the kernel as jail -r does, which
// leaves its mounts. It returns what is mounted below its root while it runs.
func ended(t *testing.T, h *simhost.Host, j *jail.Jail) map[string]int {
	t.Helper()
	ctx := context.Background()
	start(t, j)
	up := mountsBelow(t, h, j)
	id, err := j.Identity(ctx)
	require.NoError(t, err)
	require.NoError(t, h.Kernel.JailRemove(ctx, id))
	require.Equal(t, up, mountsBelow(t, h, j))
	return up
}

// mountsBelow counts the file systems at each place below a jail's root.
func mountsBelow(t *testing.T, h *simhost.Host, j *jail.Jail) map[string]int {
	t.Helper()
	mounts, err := h.Mounts(context.Background())
	require.NoError(t, err)
	root, ok := mounts.Dataset(j.RootDataset())
	require.True(t, ok)
	out := map[string]int{}
	for _, m := range mounts.Below(root) {
		out[m.Type+" "+m.Path[len(root):]]++
	}
	return out
}

// leftHosts are jails with each kind of base, that mount all there is.
func leftHosts(t *testing.T, each func(t *testing.T, h *simhost.Host, j *jail.Jail)) {
	for _, kind := range []string{"standalone", "nullfs", "zfs"} {
		t.Run(kind, func(t *testing.T) {
			h, j := faultHost(t, kind != "standalone")
			if kind == "zfs" {
				copyBase(t, h)
				require.NoError(t, j.Config().Set("basejail_type", "zfs"))
				require.NoError(t, j.Save(context.Background()))
			}
			each(t, h, j)
		})
	}
}

// The mounts of a jail that ended without a stop made the next start fail, or
// had a second devfs on top.
func TestLeftMountsWereStackedOver(t *testing.T) {
	leftHosts(t, func(t *testing.T, h *simhost.Host, j *jail.Jail) {
		ctx := context.Background()
		up := ended(t, h, j)
		p, err := j.Generator().Start(jail.StartOptions{}).Plan(ctx)
		require.NoError(t, err)
		require.Equal(t, "unmount what is left", p.Steps()[0].Kind)
		start(t, j)
		require.Equal(t, up, mountsBelow(t, h, j))
		_, err = j.Stop(ctx, jail.StopOptions{})
		require.NoError(t, err)
		require.Empty(t, mountsBelow(t, h, j))
		p, err = j.Generator().Start(jail.StartOptions{}).Plan(ctx)
		require.NoError(t, err)
		require.NotEqual(t, "unmount what is left", p.Steps()[0].Kind, "planned only when there is something")

		ended(t, h, j)
		_, _, err = j.ForkExec(ctx, []string{"/bin/sh", "-c", "true"}, jail.ForkExecOptions{})
		require.NoError(t, err)
		require.Empty(t, mountsBelow(t, h, j))
	})
}

func TestLeftMountsWereLeftByRecover(t *testing.T) {
	leftHosts(t, func(t *testing.T, h *simhost.Host, j *jail.Jail) {
		ctx := context.Background()
		ended(t, h, j)
		_, err := jail.Recover(ctx, h.Host)
		require.NoError(t, err)
		require.Empty(t, mountsBelow(t, h, j))
		up := ended(t, h, j)
		start(t, j)
		_, err = jail.Recover(ctx, h.Host)
		require.NoError(t, err)
		require.Equal(t, up, mountsBelow(t, h, j), "a running jail keeps its mounts")
	})
}

// What somebody else has mounted is not taken away. Where it is in the way it
// is named.
func TestMountsOfOthersAreNotLeft(t *testing.T) {
	ctx := context.Background()
	h, j := faultHost(t, false)
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	mount := func(at string) kernel.Mounted {
		dir, err := h.Sim.ResolveWrite(filepath.Join(root, at)) // it may be shown by a nullfs
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(dir, 0o755))
		m, err := h.Kernel.Nmount(ctx, kernel.MountRequest{Type: "tmpfs", From: "tmpfs", Path: filepath.Join(root, at)})
		require.NoError(t, err)
		return m
	}
	mount("srv")
	ended(t, h, j)
	for _, at := range []string{"mnt", "mnt/inner"} {
		m := mount(at)
		before := world(t, h)
		_, err = j.Start(ctx, jail.StartOptions{})
		var way *jail.MountedError
		require.ErrorAs(t, err, &way)
		require.Equal(t, []kernel.Mounted{m}, way.Mounts)
		require.ErrorContains(t, err, m.Path)
		requireSame(t, before, world(t, h))
		require.NoError(t, h.Kernel.UnmountFSID(ctx, m.FSID, 0))
	}
	start(t, j)
	_, err = j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	m := mount("mnt")
	_, err = j.Start(ctx, jail.StartOptions{})
	require.ErrorContains(t, err, m.Path, "also of a jail that was stopped")
	require.NoError(t, h.Kernel.UnmountFSID(ctx, m.FSID, 0))
	require.Empty(t, mountsBelow(t, h, j), "a stop takes all")
}

// Another jail lives in the root, under a name that is not ours.
func TestLeftMountsOfAnotherJailInTheRoot(t *testing.T) {
	ctx := context.Background()
	h, j := faultHost(t, true)
	ended(t, h, j)
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	_, err = h.Kernel.JailSet(ctx, kernel.JailCreate, kernel.String("name", "somebodys"), kernel.String("path", root), kernel.Bool("persist", true))
	require.NoError(t, err)
	before := world(t, h)
	_, err = j.Start(ctx, jail.StartOptions{})
	var held *jail.HeldError
	require.ErrorAs(t, err, &held)
	require.Equal(t, []string{"somebodys"}, held.Jails)
	_, err = jail.Recover(ctx, h.Host)
	require.NoError(t, err)
	requireSame(t, before, world(t, h))
}
