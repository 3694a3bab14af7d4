package jail_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/fstab"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

func TestMountAndUnmountOfARunningJail(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)
	path, err := h.Mountpoint(ctx, j.Dataset())
	require.NoError(t, err)
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	text := "# a comment\n\t \n"
	require.NoError(t, os.WriteFile(filepath.Join(path, "fstab"), []byte(text), 0o644))
	data := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(data, "inner"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(root, "mnt/a b"), 0o755))
	entries := []fstab.Entry{
		{Source: data, Destination: root + "/mnt/a b", Options: "ro"},
		{Source: "tmpfs", Destination: "/mnt/a b/inner", Type: "tmpfs", Options: "rw"},
	}
	below := func() (out []string) {
		mounts, err := h.Mounts(ctx)
		require.NoError(t, err)
		for _, m := range mounts.Below(root) {
			out = append(out, strings.TrimPrefix(m.Path, root))
		}
		return out
	}
	_, err = j.Mount(ctx, jail.MountOptions{Entries: entries, Temporary: true})
	require.ErrorIs(t, err, jail.ErrNotRunning)
	start(t, j)
	_, err = j.Mount(ctx, jail.MountOptions{Entries: entries})
	require.NoError(t, err)
	require.Subset(t, below(), []string{"/mnt/a b", "/mnt/a b/inner"})
	written, err := os.ReadFile(filepath.Join(path, "fstab"))
	require.NoError(t, err)
	require.Contains(t, string(written), text, "what was there stays")
	require.Contains(t, string(written), `/mnt/a\040b/inner`)
	_, err = j.Mount(ctx, jail.MountOptions{Entries: entries[:1]})
	require.ErrorIs(t, err, fstab.ErrDestinationExists)

	_, err = j.Restart(ctx, jail.RestartOptions{Shutdown: true})
	require.NoError(t, err)
	require.Subset(t, below(), []string{"/mnt/a b", "/mnt/a b/inner"}, "the next start has them too")
	all, err := j.Unmount(ctx, jail.UnmountOptions{Destinations: []string{"/mnt/a b", root + "/mnt/a b/inner"}})
	require.NoError(t, err)
	for _, e := range all {
		if e, ok := e.(events.UnmountFstab); ok && e.Mountpoints != nil {
			require.Equal(t, []string{"/mnt/a b/inner", "/mnt/a b"}, e.Mountpoints, "the newest first")
		}
	}
	require.NotContains(t, below(), "/mnt/a b")
	written, err = os.ReadFile(filepath.Join(path, "fstab"))
	require.NoError(t, err)
	require.Equal(t, text, string(written))
	_, err = j.Unmount(ctx, jail.UnmountOptions{Destinations: []string{"/mnt"}})
	require.ErrorIs(t, err, fstab.ErrDestinationNotFound)
}

// "Busy" is answered with what holds the file system, and the line stays.
func TestUnmountSaysWhatHoldsIt(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHost(t)
	j := programs(t, newJail(t, h, "web", false, nil), "sleep")
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(root, "mnt/data"), 0o755))
	start(t, j)
	entry := fstab.Entry{Source: t.TempDir(), Destination: "/mnt/data"}
	_, err = j.Mount(ctx, jail.MountOptions{Entries: []fstab.Entry{entry}})
	require.NoError(t, err)
	run, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = j.Exec(run, []string{"/bin/sleep", "600"}, jail.ExecOptions{Dir: "/mnt/data"})
	}()
	id, err := j.Identity(ctx)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		list, err := h.Kernel.ProcessList(ctx, id.JID)
		return err == nil && len(list) > 0
	}, 10*time.Second, time.Millisecond)
	_, err = j.Unmount(ctx, jail.UnmountOptions{Destinations: []string{"/mnt/data"}})
	var by *jail.HeldError
	require.ErrorAs(t, err, &by)
	require.ErrorIs(t, err, syscall.EBUSY)
	require.Equal(t, []string{j.Identifier()}, by.Jails)
	require.Len(t, by.Processes, 1)
	require.ErrorContains(t, err, "sleep")
	path, err := h.Mountpoint(ctx, j.Dataset())
	require.NoError(t, err)
	kept, err := os.ReadFile(filepath.Join(path, "fstab"))
	require.NoError(t, err)
	require.Contains(t, string(kept), "/mnt/data")
	cancel()
	<-ended
	_, err = j.Unmount(ctx, jail.UnmountOptions{Destinations: []string{"/mnt/data"}})
	require.NoError(t, err)
}

// A link that the running jail puts in the way is refused, and the file is as
// it was.
func TestMountOfARunningHostileJail(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	v := newVictim(t)
	j := newJail(t, h, "web", false, nil)
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	start(t, j)
	require.NoError(t, os.RemoveAll(filepath.Join(root, "mnt")))
	require.NoError(t, os.Symlink(v.dir+"/mnt", filepath.Join(root, "mnt")))
	before := world(t, h)
	_, err = j.Mount(ctx, jail.MountOptions{Entries: []fstab.Entry{{Source: t.TempDir(), Destination: "/mnt"}}})
	require.ErrorIs(t, err, kernel.ErrEscape)
	requireSame(t, before, world(t, h))
	v.untouched(t, h.Host, "")
}

// A temporary Unmount of what is not mounted was no error, and took the jail's
// own file systems.
func TestUnmountTookTheJailsOwnMounts(t *testing.T) {
	ctx := context.Background()
	h, j := faultHost(t, true)
	up := func() map[string]int { start(t, j); return mountsBelow(t, h, j) }()
	for _, place := range []string{"/nosuch", "/dev", "/dev/fd", "/usr/bin", "/usr", "/"} {
		for _, temporary := range []bool{true, false} {
			_, err := j.Unmount(ctx, jail.UnmountOptions{Destinations: []string{"/mnt", place}, Temporary: temporary})
			require.ErrorIs(t, err, fstab.ErrDestinationNotFound, place)
			require.Equal(t, up, mountsBelow(t, h, j))
		}
	}
	for _, entry := range []fstab.Entry{
		{Source: t.TempDir(), Destination: "/media"},
		{Source: t.TempDir(), Destination: "/usr"}, // it hides base directories, which stay
	} {
		_, err := j.Mount(ctx, jail.MountOptions{Entries: []fstab.Entry{entry}, Temporary: true})
		require.NoError(t, err)
		require.NotEqual(t, up, mountsBelow(t, h, j))
		_, err = j.Unmount(ctx, jail.UnmountOptions{Destinations: []string{entry.Destination}, Temporary: true})
		require.NoError(t, err)
		require.Equal(t, up, mountsBelow(t, h, j))
	}
	for range 2 { // it is in the fstab, so it may be unmounted already
		_, err := j.Unmount(ctx, jail.UnmountOptions{Destinations: []string{"/mnt"}, Temporary: true})
		require.NoError(t, err)
	}
	delete(up, "nullfs /mnt")
	require.Equal(t, up, mountsBelow(t, h, j))
}

// An entry with noauto was mounted, and one without its directory was taken by
// a stopped jail, which then did not start.
func TestMountTookNoautoAndMissingDestinations(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	v := newVictim(t)
	j := newJail(t, h, "web", true, nil)
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(root, "srv"), 0o755))
	require.NoError(t, os.Symlink(v.dir, filepath.Join(root, "link")))
	data := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(data, "inner"), 0o755))
	mount := func(destination string, options fstab.Options) error {
		_, err := j.Mount(ctx, jail.MountOptions{Entries: []fstab.Entry{{Source: data, Destination: destination, Options: options}}})
		return err
	}
	for _, running := range []bool{false, true} {
		if running {
			start(t, j)
		}
		before := world(t, h)
		require.ErrorIs(t, mount("/nosuch", "rw"), kernel.ErrNotFound)
		require.ErrorIs(t, mount("/link", "rw"), kernel.ErrEscape)
		require.ErrorIs(t, mount("/link/etc", "rw"), kernel.ErrEscape)
		requireSame(t, before, world(t, h))
		up := mountsBelow(t, h, j)
		require.NoError(t, mount("/media", "rw,noauto"))
		require.Equal(t, up, mountsBelow(t, h, j))
		_, err = j.Unmount(ctx, jail.UnmountOptions{Destinations: []string{"/media"}})
		require.NoError(t, err)
	}
	_, err = j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	require.NoError(t, mount("/srv", "rw"))
	require.NoError(t, mount("/srv/inner", "rw")) // in what is mounted there
	require.NoError(t, mount("/usr/share", "ro,noauto"))
	start(t, j)
	require.Contains(t, mountsBelow(t, h, j), "nullfs /srv/inner")
}
