package jail_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/fstab"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// A line of fstab whose source is in a jail gave whatever the jail's link there
// points at.
func TestMountSourceLedThroughAJailsLink(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	v := newVictim(t)
	j := newJail(t, h, "web", false, nil)
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	evil := newJail(t, h, "evil", false, nil)
	inEvil, err := evil.RootPath(ctx)
	require.NoError(t, err)
	other := t.TempDir() // where another program runs a jail
	dir := t.TempDir()
	require.NoError(t, os.Symlink(inEvil, filepath.Join(dir, "way")))
	for _, d := range []string{root, inEvil, other} {
		require.NoError(t, os.MkdirAll(filepath.Join(d, "srv/deep"), 0o755))
		require.NoError(t, os.Symlink(v.dir, filepath.Join(d, "data")))
	}
	_, err = h.Kernel.JailSet(ctx, kernel.JailCreate, kernel.String("name", "somebodys"), kernel.String("path", other), kernel.Bool("persist", true))
	require.NoError(t, err)
	alias := filepath.Join(dir, "alias") // a jail's files under another name
	require.NoError(t, os.MkdirAll(alias, 0o755))
	_, err = h.Kernel.Nmount(ctx, kernel.MountRequest{Type: "nullfs", From: inEvil, Path: alias})
	require.NoError(t, err)

	release, err := h.Mountpoint(ctx, "zroot/iocage/releases/"+testRelease+"/root")
	require.NoError(t, err)
	require.NoError(t, os.Symlink(v.dir, filepath.Join(release, "data")))

	for source, refused := range map[string]bool{
		root + "/data": true, root + "/data/etc": true, inEvil + "/data": true, inEvil + "/data/etc": true,
		other + "/data": true, dir + "/way/data": true, alias + "/data": true, release + "/data": true,
		inEvil + "/srv/../data":   true,
		root + "/srv":             false,
		inEvil + "/srv/deep":      false,
		other + "/srv":            false,
		dir + "/way/srv/deep":     false,
		alias + "/srv":            false,
		release + "/etc/defaults": false,
	} {
		t.Run(filepath.Base(filepath.Dir(source))+"/"+filepath.Base(source), func(t *testing.T) {
			line := fmt.Sprintf("%s\t%s/mnt\tnullfs\trw\t0\t0\n", source, root)
			require.NoError(t, os.WriteFile(filepath.Join(j.Path(), "fstab"), []byte(line), 0o644))
			require.NoError(t, os.MkdirAll(filepath.Join(root, "mnt"), 0o755))
			_, err = j.Start(ctx, jail.StartOptions{})
			v.untouched(t, h.Host, "")
			if refused {
				require.ErrorIs(t, err, kernel.ErrEscape)
				require.Empty(t, mountsBelow(t, h, j))
				return
			}
			require.NoError(t, err)
			require.Contains(t, mountsBelow(t, h, j), "nullfs /mnt")
			_, err = j.Stop(ctx, jail.StopOptions{})
			require.NoError(t, err)
		})
	}

	// Elsewhere on the host links are the administrator's.
	require.NoError(t, os.Symlink(v.dir, filepath.Join(dir, "host")))
	line := fmt.Sprintf("%s/host\t%s/mnt\tnullfs\trw\t0\t0\n", dir, root)
	require.NoError(t, os.WriteFile(filepath.Join(j.Path(), "fstab"), []byte(line), 0o644))
	start(t, j)
	_, err = j.Mount(ctx, jail.MountOptions{Entries: []fstab.Entry{{Source: inEvil + "/data", Destination: "/media"}}})
	require.ErrorIs(t, err, kernel.ErrEscape, "so does one while the jail runs")
}
