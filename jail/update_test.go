package jail_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/zfsstore"
)

func treeVersion(t *testing.T, h *simhost.Host, dataset string) string {
	t.Helper()
	path, err := h.Mountpoint(context.Background(), dataset)
	require.NoError(t, err)
	v, err := release.TreeVersion(path)
	require.NoError(t, err)
	return v.String()
}

func property(t *testing.T, h *simhost.Host, name, key string) string {
	t.Helper()
	j, err := jail.Load(context.Background(), h.Host, name)
	require.NoError(t, err)
	value, err := j.Effective().Text(key)
	require.NoError(t, err)
	return value
}

func TestUpdate(t *testing.T) {
	u := &updater{Newest: "13.2-RELEASE-p4"}
	h := updateHost(t, u)
	ctx := context.Background()
	j := newJail(t, h, "web", false, nil)
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(root, "root/mine"), []byte("mine"), 0o600))

	all, err := j.Update(ctx, jail.UpdateOptions{})
	require.NoError(t, err)
	last := all[len(all)-1]
	require.IsType(t, events.ResourceUpdate{}, last)
	require.Equal(t, events.Done, last.Head().State)
	require.Equal(t, "13.2-RELEASE-p4", treeVersion(t, h, j.RootDataset()))
	require.FileExists(t, filepath.Join(root, "root/mine"))
	require.Equal(t, testRelease, treeVersion(t, h, "zroot/iocage/releases/"+testRelease+"/root"), "the release was changed")
	require.Equal(t, testRelease, u.Argv[0][slices.Index(u.Argv[0], "--currently-running")+1])
	updaterGone(t, h)
	require.Empty(t, snapshots(t, h, j.RootDataset()))

	u.Newest = ""
	_, err = j.Update(ctx, jail.UpdateOptions{KeepSnapshot: true})
	require.NoError(t, err)
	require.Len(t, snapshots(t, h, j.RootDataset()), 1)
}

func TestUpdateOfARunningJail(t *testing.T) {
	u := &updater{Newest: "13.2-RELEASE-p4"}
	h := updateHost(t, u)
	ctx := context.Background()
	j := newJail(t, h, "web", false, nil)
	_, err := j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	_, err = j.Update(ctx, jail.UpdateOptions{})
	require.ErrorIs(t, err, jail.ErrRunning)
	_, err = j.Upgrade(ctx, jail.UpgradeOptions{Release: "14.3-RELEASE"})
	require.ErrorIs(t, err, jail.ErrRunning)
	require.Empty(t, u.Argv)

	// What the jail writes in the meantime must survive a failure: nothing is rolled
	// back, the state before is offered.
	u.Fail = true
	_, err = j.Update(ctx, jail.UpdateOptions{Running: true})
	require.ErrorIs(t, err, release.ErrUpdate)
	kept := snapshots(t, h, j.RootDataset())
	require.Len(t, kept, 1)
	require.ErrorContains(t, err, kept[0])
	running, err := j.Running(ctx)
	require.NoError(t, err)
	require.True(t, running)
	updaterGone(t, h)

	u.Fail = false
	_, err = j.Update(ctx, jail.UpdateOptions{Running: true})
	require.NoError(t, err)
	require.Equal(t, "13.2-RELEASE-p4", treeVersion(t, h, j.RootDataset()))
	require.Equal(t, kept, snapshots(t, h, j.RootDataset()))
	running, err = j.Running(ctx)
	require.NoError(t, err)
	require.True(t, running)
}

func TestUpdateOfABasejail(t *testing.T) {
	u := &updater{Newest: "13.2-RELEASE-p4"}
	h := updateHost(t, u)
	ctx := context.Background()
	floating := newJail(t, h, "floating", true, nil)
	pinned, err := jail.New(ctx, h.Host, jail.Spec{Name: "pinned"})
	require.NoError(t, err)
	_, err = pinned.Create(ctx, jail.CreateOptions{Release: testRelease + "-p0", Basejail: true})
	require.NoError(t, err)
	rel, err := release.New(ctx, h.Host, testRelease, "")
	require.NoError(t, err)
	require.NoError(t, events.Wait(ctx, rel.Update(ctx, release.UpdateOptions{Runner: jail.NewRunner(h.Host)})))
	ran := len(u.Argv)
	for _, j := range []*jail.Jail{floating, pinned} {
		_, err := j.Update(ctx, jail.UpdateOptions{})
		require.NoError(t, err)
	}
	require.Len(t, u.Argv, ran, "an updater ran on a basejail")
	require.Equal(t, testRelease, property(t, h, "floating", "release"))
	require.Equal(t, testRelease+"-p4", property(t, h, "pinned", "release"))
	require.Equal(t, testRelease+"-p4", property(t, h, pinned.Name(), "release"))
}

func TestUpgrade(t *testing.T) {
	u := &updater{}
	h := updateHost(t, u)
	ctx := context.Background()
	j := newJail(t, h, "web", false, nil)
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(root, "root/mine"), []byte("mine"), 0o600))
	before := world(t, h)

	u.Fail = true
	_, err = j.Upgrade(ctx, jail.UpgradeOptions{Release: "14.3-RELEASE"})
	require.ErrorIs(t, err, release.ErrUpdate)
	requireSame(t, before, world(t, h))

	u.Fail = false
	_, err = j.Upgrade(ctx, jail.UpgradeOptions{Release: "14.3-RELEASE"})
	require.NoError(t, err)
	require.Equal(t, "14.3-RELEASE", treeVersion(t, h, j.RootDataset()))
	require.Equal(t, "14.3-RELEASE", property(t, h, "web", "release"))
	require.FileExists(t, filepath.Join(root, "root/mine"))
	updaterGone(t, h)
	_, err = j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	result, err := j.Exec(ctx, []string{"/bin/freebsd-version"}, jail.ExecOptions{})
	require.NoError(t, err)
	require.Equal(t, "14.3-RELEASE\n", string(result.Stdout))
	_, err = j.RevertUpgrade(ctx, jail.RevertOptions{})
	require.ErrorIs(t, err, jail.ErrRunning)
	_, err = j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	_, err = j.Upgrade(ctx, jail.UpgradeOptions{Release: "14.3-RELEASE"})
	require.ErrorIs(t, err, jail.ErrNotNewer)
	_, err = j.Upgrade(ctx, jail.UpgradeOptions{Release: "13.2-RELEASE"})
	require.ErrorIs(t, err, jail.ErrNotNewer)
	_, err = j.Upgrade(ctx, jail.UpgradeOptions{Release: "16.0-RELEASE"})
	require.ErrorIs(t, err, jail.ErrNewerThanHost)
	_, err = j.Upgrade(ctx, jail.UpgradeOptions{Release: "15.0-RELEASE"})
	require.ErrorIs(t, err, release.ErrNotFetched)

	_, err = j.RevertUpgrade(ctx, jail.RevertOptions{})
	require.NoError(t, err)
	require.Equal(t, testRelease, treeVersion(t, h, j.RootDataset()))
	require.Equal(t, testRelease, property(t, h, "web", "release"))
	require.FileExists(t, filepath.Join(root, "root/mine"))
	_, err = j.RevertUpgrade(ctx, jail.RevertOptions{})
	require.ErrorIs(t, err, jail.ErrNotUpgraded)

	// Nothing of that is in the way of another upgrade, nor of destroying it.
	_, err = j.Upgrade(ctx, jail.UpgradeOptions{Release: "14.3-RELEASE"})
	require.NoError(t, err)
	_, err = j.Destroy(ctx, jail.DestroyOptions{})
	require.NoError(t, err)
}

func TestUpgradeOfABasejail(t *testing.T) {
	u := &updater{}
	h := updateHost(t, u)
	ctx := context.Background()
	j := newJail(t, h, "web", true, nil)
	_, err := j.Upgrade(ctx, jail.UpgradeOptions{Release: "14.3-RELEASE"})
	require.NoError(t, err)
	require.Empty(t, u.Argv)
	_, err = j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	result, err := j.Exec(ctx, []string{"/bin/freebsd-version"}, jail.ExecOptions{})
	require.NoError(t, err)
	require.Equal(t, "14.3-RELEASE\n", string(result.Stdout))
}

func snapshots(t *testing.T, h *simhost.Host, dataset string) []string {
	t.Helper()
	sets, err := h.ZFS.List(context.Background(), dataset, zfsstore.ListOptions{Depth: 1, Types: []zfsstore.Type{zfsstore.Snapshot}})
	require.NoError(t, err)
	var out []string
	for _, d := range sets {
		out = append(out, d.Name)
	}
	return out
}

// updaterGone checks that no temporary jail, mount or clone is left.
func updaterGone(t *testing.T, h *simhost.Host) {
	t.Helper()
	for _, line := range world(t, h) {
		if strings.Contains(line, "updater") || strings.Contains(line, "jail _update") {
			t.Error("left over: ", line)
		}
	}
}

// Releases that iocage fetched have no snapshot of a patch level.
func TestUpdateWithAReleaseOfIocage(t *testing.T) {
	u := &updater{Newest: "13.2-RELEASE-p4"}
	h := updateHost(t, u)
	ctx := context.Background()
	j := newJail(t, h, "web", false, nil)
	root := "zroot/iocage/releases/" + testRelease + "/root"
	require.NoError(t, h.Store.Promote(ctx, j.RootDataset()))
	require.NoError(t, h.Store.Promote(ctx, root))
	require.NoError(t, h.Store.Rename(ctx, root+"@p0", root+"@web", zfsstore.RenameOptions{}))
	_, err := j.Update(ctx, jail.UpdateOptions{})
	require.NoError(t, err)
	require.Equal(t, "13.2-RELEASE-p4", treeVersion(t, h, j.RootDataset()))
	require.Contains(t, snapshots(t, h, root), root+"@p0")
}
