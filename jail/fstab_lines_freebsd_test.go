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

// realFstab writes the jail's fstab(5).
func realFstab(t *testing.T, j *jail.Jail, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(j.Path(), "fstab"), []byte(text), 0o644))
}

// What the kernel says of a missing source, "Invalid fstype" on FreeBSD 13, does not
// name it; the error does. A line that cannot be read refuses.
func TestRealMissingSourceIsNamed(t *testing.T) {
	h := realHost(t)
	ctx := context.Background()
	j := realJail(t, h, "nosource", false, quick("mount_devfs", "0"))
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	none := filepath.Join(t.TempDir(), "none")
	require.NoError(t, os.MkdirAll(root+"/mnt/in", 0o755))

	realFstab(t, j, none+" "+root+"/mnt/in nullfs rw 0 0\n")
	_, err = j.Start(ctx, jail.StartOptions{})
	require.ErrorIs(t, err, kernel.ErrNotFound)
	require.ErrorContains(t, err, none+" does not exist")
	require.Empty(t, below(t, h, j))

	realFstab(t, j, none+" "+root+"/mnt/in nullfs\nrw 0 0\n")
	_, err = j.Start(ctx, jail.StartOptions{})
	require.ErrorIs(t, err, fstab.ErrSyntax)
	require.ErrorContains(t, err, "fstab line 1")

	realFstab(t, j, "")
	_, err = j.Mount(ctx, jail.MountOptions{Entries: []fstab.Entry{{Source: none, Destination: "/mnt/in"}}})
	require.ErrorIs(t, err, kernel.ErrNotFound)
	require.ErrorContains(t, err, none)
}

// Of two lines for one place the later is on top, as with mount(8), and a stop takes
// both away.
func TestRealLaterLineForOnePlaceIsOnTop(t *testing.T) {
	h := realHost(t)
	ctx := context.Background()
	j := realJail(t, h, "twice", false, quick("mount_devfs", "0"))
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	data := t.TempDir()
	for _, dir := range []string{data + "/a", data + "/b", root + "/mnt/in"} {
		require.NoError(t, os.MkdirAll(dir, 0o755))
	}
	require.NoError(t, os.WriteFile(data+"/b/seen", nil, 0o644))
	first := data + "/a " + root + "/mnt/in nullfs ro 0 0\n"
	realFstab(t, j, first+data+"/b "+root+"/mnt/in/ nullfs rw 0 0\n")
	realStart(t, j)
	require.Equal(t, []string{"nullfs on /mnt/in", "nullfs on /mnt/in"}, below(t, h, j))
	require.FileExists(t, root+"/mnt/in/seen")
	realStop(t, j)
	require.Empty(t, below(t, h, j))

	realFstab(t, j, first+first)
	realStart(t, j)
	require.Equal(t, []string{"nullfs on /mnt/in"}, below(t, h, j), "EDEADLK otherwise")
	realStop(t, j)
}
