package jail_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/fstab"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// A line of fstab for the root itself hid the jail's files from every later
// operation.
func TestFstabCoveredTheRoot(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	data := t.TempDir()
	for _, destination := range []string{"/", "/.", root, root + "/"} {
		t.Run(destination, func(t *testing.T) {
			require.NoError(t, os.WriteFile(filepath.Join(j.Path(), "fstab"), nil, 0o644))
			start(t, j)
			before := world(t, h)
			entries := []fstab.Entry{{Source: data, Destination: destination}}
			for _, temporary := range []bool{true, false} {
				_, err = j.Mount(ctx, jail.MountOptions{Entries: entries, Temporary: temporary})
				require.ErrorIs(t, err, jail.ErrConfig)
			}
			requireSame(t, before, world(t, h))

			// The line is there by another hand: the running jail stops, and its line can go.
			line := data + "\t" + destination + "\tnullfs\trw\t0\t0\n"
			require.NoError(t, os.WriteFile(filepath.Join(j.Path(), "fstab"), []byte(line), 0o644))
			_, err = j.Stop(ctx, jail.StopOptions{})
			require.NoError(t, err)
			before = world(t, h)
			_, err = j.Generator().Start(jail.StartOptions{}).Plan(ctx)
			require.ErrorIs(t, err, jail.ErrConfig)
			_, err = j.Start(ctx, jail.StartOptions{})
			require.ErrorIs(t, err, jail.ErrConfig)
			require.ErrorContains(t, err, destination)
			requireSame(t, before, world(t, h))
			_, err = j.Unmount(ctx, jail.UnmountOptions{Destinations: []string{destination}})
			require.NoError(t, err)
			start(t, j)
			_, err = j.Stop(ctx, jail.StopOptions{})
			require.NoError(t, err)
		})
	}
}

// What is mounted on the root itself is taken away as what is below it.
func TestCoveredRootWedgedStopAndDestroy(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	cover := func() {
		_, err := h.Kernel.Nmount(ctx, kernel.MountRequest{Type: "nullfs", From: t.TempDir(), Path: root})
		require.NoError(t, err)
	}
	start(t, j)
	cover()
	_, err = j.Stop(ctx, jail.StopOptions{}) // its hooks look the jail's user up
	require.ErrorContains(t, err, "hidden by")
	_, err = j.Stop(ctx, jail.StopOptions{Force: true})
	require.NoError(t, err)
	require.Empty(t, mountsBelow(t, h, j))
	cover()
	_, err = j.Start(ctx, jail.StartOptions{})
	require.ErrorContains(t, err, "hidden by")
	_, err = j.Stop(ctx, jail.StopOptions{Force: true})
	require.NoError(t, err)
	start(t, j)
	cover()
	_, err = j.Destroy(ctx, jail.DestroyOptions{Force: true})
	require.NoError(t, err)
}
