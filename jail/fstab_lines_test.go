package jail_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/fstab"
	"github.com/libioc/go-libioc/host/fault"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// linesJail returns a jail whose fstab(5) is a file of package fstab's testdata: ROOT
// is the jail's root, and /data a directory of the host with the directories given.
func linesJail(t *testing.T, h *simhost.Host, file string, dirs []string, properties map[string]string) (j *jail.Jail, root, data string) {
	t.Helper()
	putPlain(t, h, "web", properties)
	j = load(t, h, "web")[0]
	root, err := j.RootPath(context.Background())
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join("..", "fstab", "testdata", file))
	require.NoError(t, err)
	data = t.TempDir()
	for _, dir := range dirs {
		require.NoError(t, os.MkdirAll(filepath.Join(data, dir), 0o755))
	}
	lines := strings.NewReplacer("ROOT", root, "/data", data).Replace(string(text))
	require.NoError(t, os.WriteFile(filepath.Join(j.Path(), "fstab"), []byte(lines), 0o644))
	require.NoError(t, os.MkdirAll(filepath.Join(root, "mnt/in"), 0o755))
	return j, root, data
}

// startStep returns the index of the step of a kind in the jail's start.
func startStep(t *testing.T, j *jail.Jail, kind string) int {
	t.Helper()
	p, err := j.Generator().Start(jail.StartOptions{}).Plan(context.Background())
	require.NoError(t, err)
	return stepOf(t, p, kind)
}

// sources lists the sources of what is mounted at a place, in the order of mounting.
func sources(t *testing.T, h *simhost.Host, path string) (list []string) {
	t.Helper()
	mounts, err := h.Mounts(context.Background())
	require.NoError(t, err)
	for _, m := range mounts {
		if m.Path == path {
			list = append(list, m.From)
		}
	}
	return list
}

// Before, a line that could not be read was skipped, and the jail started without its
// data.
func TestStartRefusesAnUnreadableFstabLine(t *testing.T) {
	ctx := context.Background()
	h := openHost(t, simhost.Options{})
	j, root, data := linesJail(t, h, "wrapped.fstab", []string{"in"}, nil)
	before := world(t, h)
	_, err := j.Generator().Start(jail.StartOptions{}).Plan(ctx)
	require.ErrorIs(t, err, jail.ErrConfig)
	_, err = j.Start(ctx, jail.StartOptions{})
	var syntax *fstab.SyntaxError
	require.ErrorAs(t, err, &syntax)
	require.Equal(t, 1, syntax.Line)
	require.ErrorContains(t, err, "fstab line 1")
	require.ErrorContains(t, err, "missing information: 3 of at least 4 fields")
	_, _, err = j.ForkExec(ctx, []string{"/bin/sh"}, jail.ForkExecOptions{})
	require.ErrorIs(t, err, fstab.ErrSyntax)
	requireSame(t, before, world(t, h))

	good := data + "/in\t" + root + "/mnt/in\tnullfs rw\n"
	require.NoError(t, os.WriteFile(filepath.Join(j.Path(), "fstab"), []byte(good), 0o644))
	start(t, j)
	require.NoError(t, os.WriteFile(filepath.Join(j.Path(), "fstab"), []byte(good+"rw 0 0\n"), 0o644))
	_, err = j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err, "a jail can be stopped whatever its file says by then")
	require.Empty(t, mountsBelow(t, h, j))
}

// Before, the first of two lines for one place was mounted and the second, which
// mount(8) has on top, was ignored without a word.
func TestLaterLineForOnePlaceIsOnTop(t *testing.T) {
	ctx := context.Background()
	h := openHost(t, simhost.Options{})
	j, root, data := linesJail(t, h, "twice.fstab", []string{"a", "b"}, nil)
	place := root + "/mnt/in"
	both := []string{data + "/a", data + "/b"}
	before := world(t, h)
	start(t, j)
	require.Equal(t, both, sources(t, h, place))
	seen, err := h.Sim.Resolve(place)
	require.NoError(t, err)
	require.Equal(t, data+"/b", seen)
	_, err = j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	requireSame(t, before, world(t, h))

	mounting := startStep(t, j, "mount fstab")
	_, err = j.Start(plan.WithFault(ctx, at(mounting, "done", errInjected)), jail.StartOptions{})
	require.ErrorIs(t, err, errInjected)
	requireSame(t, before, world(t, h))
	_, err = j.Start(plan.WithFault(ctx, at(mounting, "done", plan.ErrCrash)), jail.StartOptions{})
	require.ErrorIs(t, err, plan.ErrCrash)
	require.Equal(t, both, sources(t, h, place), "the crash came after both mounts")
	_, err = jail.Recover(ctx, h.Host)
	require.NoError(t, err)
	requireSame(t, before, world(t, h))

	ended(t, h, j) // both are left behind
	require.Equal(t, both, sources(t, h, place))
	_, err = jail.Recover(ctx, h.Host)
	require.NoError(t, err)
	require.Empty(t, mountsBelow(t, h, j))

	start(t, j)
	_, err = j.Unmount(ctx, jail.UnmountOptions{Destinations: []string{"/mnt/in"}})
	require.NoError(t, err)
	require.Empty(t, sources(t, h, place), "both go")
	file, err := j.Fstab(ctx)
	require.NoError(t, err)
	require.Empty(t, file.Entries())
}

// Either mount of one place is undone when its id never came to the journal. Before, one
// of them was not known by its place.
func TestUndoFindsBothMountsOfOnePlace(t *testing.T) {
	for nth := 1; nth <= 2; nth++ {
		ctx := context.Background()
		h := openHost(t, simhost.Options{})
		j, root, _ := linesJail(t, h, "twice.fstab", []string{"a", "b"}, nil)
		before := world(t, h)
		failed := h.Sim.Fail(t, fault.Fault{Op: "nmount", Match: "*", Nth: nth, Err: errInjected, After: true})
		_, err := j.Start(ctx, jail.StartOptions{})
		require.ErrorIs(t, err, errInjected)
		failed()
		require.Empty(t, sources(t, h, root+"/mnt/in"))
		requireSame(t, before, world(t, h))
	}
}

// A line that is there twice, in two spellings, is mounted once: nullfs(5) refuses to
// be mounted on itself.
func TestRepeatedLineIsMountedOnce(t *testing.T) {
	h := openHost(t, simhost.Options{})
	j, root, data := linesJail(t, h, "twice.fstab", []string{"a"}, nil)
	line := data + "/a " + root + "/mnt/in nullfs ro 0 0\n"
	again := data + "/a /mnt/in/ nullfs ro 0 0\n"
	require.NoError(t, os.WriteFile(filepath.Join(j.Path(), "fstab"), []byte(line+again), 0o644))
	start(t, j)
	require.Equal(t, []string{data + "/a"}, sources(t, h, root+"/mnt/in"))
}

// Before, FreeBSD 13's words for a missing source were all that was told:
// "Invalid fstype".
func TestMissingSourceIsNamed(t *testing.T) {
	for _, release := range []string{"13.2-RELEASE", "15.1-RELEASE"} {
		t.Run(release, func(t *testing.T) {
			ctx := context.Background()
			h := openHost(t, simhost.Options{Release: release})
			j, root, data := linesJail(t, h, "missing.fstab", nil, nil)
			before := world(t, h)
			_, err := j.Start(ctx, jail.StartOptions{})
			require.ErrorIs(t, err, kernel.ErrNotFound)
			require.ErrorContains(t, err, "mount "+data+"/none on /mnt/in: "+data+"/none does not exist")
			requireSame(t, before, world(t, h))

			require.NoError(t, os.Mkdir(data+"/none", 0o755))
			require.NoError(t, os.Remove(root+"/mnt/in"))
			_, err = j.Start(ctx, jail.StartOptions{})
			require.ErrorIs(t, err, kernel.ErrNotFound)
			require.ErrorContains(t, err, root+"/mnt/in does not exist")
		})
	}
}

// Before, a stopped jail took an entry without a source, and did not start with it.
func TestMountOfAStoppedJailRefusesAMissingSource(t *testing.T) {
	ctx := context.Background()
	h := openHost(t, simhost.Options{})
	j, root, data := linesJail(t, h, "linux.fstab", nil, nil)
	require.NoError(t, os.WriteFile(filepath.Join(j.Path(), "fstab"), nil, 0o644))
	require.NoError(t, os.MkdirAll(filepath.Join(root, "srv"), 0o755))
	mount := func(source, destination string, options fstab.Options) error {
		_, err := j.Mount(ctx, jail.MountOptions{Entries: []fstab.Entry{{Source: source, Destination: destination, Options: options}}})
		return err
	}
	before := world(t, h)
	err := mount(data+"/none", "/mnt/in", "ro")
	require.ErrorIs(t, err, kernel.ErrNotFound)
	require.ErrorContains(t, err, data+"/none")
	requireSame(t, before, world(t, h))
	require.NoError(t, mount(data+"/none", "/media", "ro,noauto"), "not mounted at start")
	require.NoError(t, os.Mkdir(data+"/inner", 0o755))
	require.NoError(t, mount(data, "/mnt/in", "ro"))
	require.NoError(t, mount(root+"/mnt/in/inner", "/srv", "ro"), "in what a line before mounts")
	start(t, j)
	require.Equal(t, []string{root + "/mnt/in/inner"}, sources(t, h, root+"/srv"))
}

// Before, fdescfs(5) without devfs(5) failed for want of its directory.
func TestFdescfsWithoutDevfs(t *testing.T) {
	ctx := context.Background()
	h := openHost(t, simhost.Options{})
	putPlain(t, h, "web", map[string]string{"mount_fdescfs": "yes"})
	j := load(t, h, "web")[0]
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	require.NoDirExists(t, root+"/dev/fd")
	_, err = j.Start(plan.WithFault(ctx, at(startStep(t, j, "mount fdescfs"), "done", errInjected)), jail.StartOptions{})
	require.ErrorIs(t, err, errInjected)
	require.NoDirExists(t, root+"/dev", "what was made is removed again")
	start(t, j)
	require.Equal(t, map[string]int{"fdescfs /dev/fd": 1}, mountsBelow(t, h, j))
	_, err = j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	require.Empty(t, mountsBelow(t, h, j))
}

// Before, the refusal of a link did not say how to go on.
func TestResolvConfLinkNamesTheRemedy(t *testing.T) {
	ctx := context.Background()
	h := openHost(t, simhost.Options{})
	putPlain(t, h, "web", map[string]string{"resolver": "192.0.2.7"})
	j := load(t, h, "web")[0]
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(root+"/etc", 0o755))
	require.NoError(t, os.Symlink("../var/run/resolv.conf", root+"/etc/resolv.conf"))
	before := world(t, h)
	_, err = j.Start(ctx, jail.StartOptions{})
	require.ErrorContains(t, err, "etc/resolv.conf")
	require.ErrorContains(t, err, "symbolic link")
	require.ErrorContains(t, err, "resolver=/dev/null")
	requireSame(t, before, world(t, h))
	_, err = j.Set(ctx, map[string]string{"resolver": "/dev/null"}, jail.SetOptions{})
	require.NoError(t, err)
	start(t, j)
	to, err := os.Readlink(root + "/etc/resolv.conf")
	require.NoError(t, err)
	require.Equal(t, "../var/run/resolv.conf", to)
}
