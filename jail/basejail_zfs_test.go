package jail_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/zfsstore"
)

func zfsBasejail(t *testing.T, h *simhost.Host, name string) *jail.Jail {
	t.Helper()
	return newJail(t, h, name, true, map[string]string{"basejail_type": "zfs"})
}

// datasets are the names at and below one.
func datasets(t *testing.T, h *simhost.Host, root string) (names []string) {
	t.Helper()
	all, err := h.Store.List(context.Background(), root, zfsstore.ListOptions{})
	require.NoError(t, err)
	for _, d := range all {
		names = append(names, d.Name)
	}
	return names
}

// A basejail of type zfs starts on clones that are made anew at every start, and
// gets what the release has by then.
func TestZFSBasejail(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	web := zfsBasejail(t, h, "web")
	before := world(t, h)
	_, err := web.Start(ctx, jail.StartOptions{})
	require.ErrorIs(t, err, jail.ErrNoBase)
	require.ErrorContains(t, err, baseOfRelease)
	requireSame(t, before, world(t, h))

	copyBase(t, h)
	start(t, web)
	root, err := web.RootPath(ctx)
	require.NoError(t, err)
	mounts, err := h.Mounts(ctx)
	require.NoError(t, err)
	m, ok := mounts.At(filepath.Join(root, "usr/bin"))
	require.True(t, ok)
	require.Equal(t, filepath.Join(web.Path(), "basejail/usr/bin"), m.From)
	d, err := h.Store.Get(ctx, web.BaseDataset()+"/usr/bin", zfsstore.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, baseOfRelease+"/usr/bin@ioc-base", d.Origin)
	out, err := web.Exec(ctx, []string{"/bin/freebsd-version"}, jail.ExecOptions{})
	require.NoError(t, err)
	require.Equal(t, testRelease+"\n", string(out.Stdout))

	// What the jail writes there is its own, and gone with the next start.
	mine := filepath.Join(web.Path(), "basejail/bin/mine")
	require.NoError(t, os.WriteFile(mine, nil, 0o755))
	require.NoFileExists(t, "/"+baseOfRelease+"/bin/mine")
	_, err = web.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	mounts, err = h.Mounts(ctx)
	require.NoError(t, err)
	require.Empty(t, mounts.Below(root))
	require.FileExists(t, mine)
	copyBase(t, h) // the release was updated
	start(t, web)
	require.NoFileExists(t, mine)
	d, err = h.Store.Get(ctx, web.BaseDataset()+"/usr/bin", zfsstore.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, baseOfRelease+"/usr/bin@ioc-base", d.Origin)
	require.Less(t, len(datasets(t, h, web.Dataset())), 22, "the former ones are gone")

	_, err = web.Destroy(ctx, jail.DestroyOptions{Force: true})
	require.NoError(t, err)
	_, err = h.Store.Get(ctx, baseOfRelease+"/bin", zfsstore.GetOptions{})
	require.NoError(t, err)
}

// Clones and copies of a jail have its data and no base that the next start
// would throw away; a snapshot of one does not keep a start from replacing it.
func TestZFSBasejailIsClonedWithoutItsBase(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	copyBase(t, h)
	web := zfsBasejail(t, h, "web")
	require.NoError(t, h.Store.Create(ctx, web.Dataset()+"/data", zfsstore.CreateOptions{}))
	start(t, web)
	_, err := web.CreateSnapshot(ctx, jail.SnapshotOptions{Name: "before"})
	require.NoError(t, err)
	for _, o := range []jail.CloneOptions{{Jail: "web"}, {Jail: "web", Snapshot: "before"}} {
		second, err := jail.New(ctx, h.Host, jail.Spec{Name: "second"})
		require.NoError(t, err)
		_, err = second.CloneFromJail(ctx, o)
		require.NoError(t, err)
		require.Equal(t, []string{second.Dataset(), second.Dataset() + "/data", second.RootDataset()}, datasets(t, h, second.Dataset()))
		start(t, second)
		_, err = web.Restart(ctx, jail.RestartOptions{Shutdown: true})
		require.NoError(t, err)
		_, err = second.Destroy(ctx, jail.DestroyOptions{Force: true})
		require.NoError(t, err)
	}
	_, err = web.CloneToDataset(ctx, jail.CloneToDatasetOptions{Dataset: "zroot/copy"})
	require.NoError(t, err)
	require.Equal(t, []string{"zroot/copy", "zroot/copy/data", "zroot/copy/root"}, datasets(t, h, "zroot/copy"))
	require.NoError(t, h.Store.Destroy(ctx, "zroot/copy", zfsstore.DestroyOptions{Recursive: true}))
	_, err = web.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	_, err = web.RollbackSnapshot(ctx, jail.RollbackOptions{Name: "before", Newer: true})
	require.NoError(t, err)
}

// A dataset that happens to have the name is not destroyed for the clones.
func TestZFSBasejailSparesWhatIsNotItsOwn(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	copyBase(t, h)
	web := zfsBasejail(t, h, "web")
	require.NoError(t, h.Store.Create(ctx, web.BaseDataset(), zfsstore.CreateOptions{}))
	before := world(t, h)
	_, err := web.Start(ctx, jail.StartOptions{})
	require.ErrorIs(t, err, jail.ErrExists)
	require.ErrorContains(t, err, web.BaseDataset())
	requireSame(t, before, world(t, h))
}

// A jail that ended without a stop, or with the machine, is started again; one
// that is turned into a nullfs basejail gives its clones back.
func TestZFSBasejailAfterAnEndWithoutStop(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	copyBase(t, h)
	web := zfsBasejail(t, h, "web")
	start(t, web)
	id, err := web.Identity(ctx)
	require.NoError(t, err)
	require.NoError(t, h.Kernel.JailRemove(ctx, id))
	start(t, web)
	require.NoError(t, h.Reboot())
	_, _, err = web.ForkExec(ctx, []string{"/bin/sh", "-c", "true"}, jail.ForkExecOptions{})
	require.NoError(t, err)
	for _, name := range datasets(t, h, web.Dataset()) {
		require.False(t, strings.Contains(name, "former"), name)
	}
	require.NoError(t, web.Config().Set("basejail_type", "nullfs"))
	require.NoError(t, web.Save(ctx))
	start(t, web)
	require.Equal(t, []string{web.Dataset(), web.RootDataset()}, datasets(t, h, web.Dataset()))
}

// A plan of a start is stale once another start has replaced the clones.
func TestZFSBasejailStalePlan(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	copyBase(t, h)
	web := zfsBasejail(t, h, "web")
	for range 2 { // without clones before, and with
		p, err := web.Generator().Start(jail.StartOptions{}).Plan(ctx)
		require.NoError(t, err)
		start(t, web)
		_, err = web.Stop(ctx, jail.StopOptions{})
		require.NoError(t, err)
		require.ErrorIs(t, drain(p.Events(ctx)), jail.ErrPlanStale)
	}
}
