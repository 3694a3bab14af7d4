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

// A stop or destroy that was interrupted before its point of no return has not
// happened: the next one does it.
func TestStopAfterACrashBeforeItsCommitPoint(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, map[string]string{"exec_prestop": "true"})
	_, err := j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)

	_, err = j.Stop(plan.WithFault(ctx, at(0, "done", plan.ErrCrash)), jail.StopOptions{})
	require.ErrorIs(t, err, plan.ErrCrash)
	_, err = j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	running, err := j.Running(ctx)
	require.NoError(t, err)
	require.False(t, running)

	_, err = j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	_, err = j.Destroy(plan.WithFault(ctx, at(0, "done", plan.ErrCrash)), jail.DestroyOptions{Force: true})
	require.ErrorIs(t, err, plan.ErrCrash)
	_, err = j.Destroy(ctx, jail.DestroyOptions{Force: true})
	require.NoError(t, err)
	_, err = jail.Load(ctx, h.Host, "web")
	require.ErrorIs(t, err, jail.ErrNotFound)
}

// What has been told to be done is not undone after a power loss that kept the
// journal.
func TestFinishedCreateSurvivesItsJournal(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j, err := jail.New(ctx, h.Host, jail.Spec{Name: "web"})
	require.NoError(t, err)
	path := h.JournalPath("ioc", "jail", "web")
	var kept []byte
	watch := plan.WithFault(ctx, func(p plan.Point) error {
		kept, _ = os.ReadFile(path)
		return nil
	})
	_, err = j.Create(watch, jail.CreateOptions{Release: testRelease})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(kept, `{"step":-1,"phase":"complete"}`+"\n"...), 0o600))
	_, err = jail.Recover(ctx, h.Host)
	require.NoError(t, err)
	_, err = jail.Load(ctx, h.Host, "web")
	require.NoError(t, err)
	require.NoFileExists(t, path)
}

// A failed destroy is over: a later start must not go on with it.
func TestFailedDestroyIsNotFinishedByAStart(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, map[string]string{"exec_stop": "none"})
	_, err := j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	_, err = j.Destroy(plan.WithFault(ctx, at(0, "do", errInjected)), jail.DestroyOptions{Force: true})
	require.ErrorIs(t, err, errInjected)
	_, err = j.Start(ctx, jail.StartOptions{})
	require.ErrorIs(t, err, jail.ErrRunning)
	_, err = jail.Load(ctx, h.Host, "web")
	require.NoError(t, err)
}

// After a reboot a jail that another program has started under the name is not
// the interrupted start's to remove.
func TestRecoverAfterARebootLeavesAnothersJail(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, map[string]string{"exec_poststart": "true"})
	p, err := j.Generator().Start(jail.StartOptions{}).Plan(ctx)
	require.NoError(t, err)
	_, err = j.Start(plan.WithFault(ctx, at(len(p.Steps())-1, "do", plan.ErrCrash)), jail.StartOptions{})
	require.ErrorIs(t, err, plan.ErrCrash)
	require.NoError(t, h.Reboot())
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	_, err = h.Kernel.JailSet(ctx, kernel.JailCreate, kernel.String("name", j.Identifier()),
		kernel.String("path", root), kernel.Bool("persist", true))
	require.NoError(t, err)
	_, err = jail.Recover(ctx, h.Host)
	require.NoError(t, err)
	running, err := j.Running(ctx)
	require.NoError(t, err)
	require.True(t, running)
}

func TestHookTimeout(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, map[string]string{"exec_prestart": "sleep 60", "exec_timeout": "1"})
	began := time.Now()
	_, err := j.Start(ctx, jail.StartOptions{})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	var hook *jail.HookError
	require.ErrorAs(t, err, &hook)
	require.Equal(t, "prestart", hook.Hook)
	var failed *jail.Error
	require.ErrorAs(t, err, &failed)
	require.Equal(t, "start", failed.Op)
	require.Less(t, time.Since(began), 30*time.Second)
}

func TestStalePlans(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)

	start, err := j.Generator().Start(jail.StartOptions{}).Plan(ctx)
	require.NoError(t, err)
	other, err := jail.Load(ctx, h.Host, "web")
	require.NoError(t, err)
	require.NoError(t, other.Config().Set("host_hostname", "changed"))
	require.NoError(t, other.Save(ctx))
	require.ErrorIs(t, drain(start.Events(ctx)), jail.ErrPlanStale)

	start, err = j.Generator().Start(jail.StartOptions{}).Plan(ctx)
	require.NoError(t, err, "a new plan sees the new configuration")
	require.NoError(t, drain(start.Events(ctx)))
	p, err := h.Kernel.JailGet(ctx, 0, kernel.ByName(j.Identifier()), "host.hostname")
	require.NoError(t, err)
	require.Equal(t, "changed", p.String("host.hostname"))
	_, err = j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)

	destroy, err := j.Generator().Destroy(jail.DestroyOptions{}).Plan(ctx)
	require.NoError(t, err)
	_, err = j.Destroy(ctx, jail.DestroyOptions{})
	require.NoError(t, err)
	newJail(t, h, "web", false, nil)
	require.ErrorIs(t, drain(destroy.Events(ctx)), jail.ErrPlanStale, "it is another jail of the same name")
}

func TestBadDefaultsRefuseAStart(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)
	root, err := h.Mountpoint(ctx, "zroot/iocage")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(root, "defaults.json"), []byte(`{"enforce_statfs": "lots"}`), 0o644))
	_, err = j.Start(ctx, jail.StartOptions{})
	require.ErrorIs(t, err, jail.ErrConfig)
	require.NoError(t, j.Config().Set("enforce_statfs", "1"))
	_, err = j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err, "the jail's own value counts")
}

// A mount that somebody else made below the root is not taken away by a
// rollback.
func TestRollbackLeavesMountsOfOthers(t *testing.T) {
	ctx := context.Background()
	h, j := faultHost(t, false)
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	m, err := h.Kernel.Nmount(ctx, kernel.MountRequest{Type: "tmpfs", From: "tmpfs", Path: filepath.Join(root, "media")})
	require.NoError(t, err)
	p, err := j.Generator().Start(jail.StartOptions{}).Plan(ctx)
	require.NoError(t, err)
	_, err = j.Start(plan.WithFault(ctx, at(len(p.Steps())-1, "done", errInjected)), jail.StartOptions{})
	require.ErrorIs(t, err, errInjected)
	mounts, err := h.Mounts(ctx)
	require.NoError(t, err)
	there, ok := mounts.At(filepath.Join(root, "media"))
	require.True(t, ok)
	require.Equal(t, m.FSID, there.FSID)
}

func TestDestroyRefusesClones(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)
	require.NoError(t, h.Store.Snapshot(ctx, j.RootDataset()+"@s", zfsstore.SnapshotOptions{}))
	require.NoError(t, h.Store.Clone(ctx, j.RootDataset()+"@s", "zroot/copy", zfsstore.CloneOptions{}))
	_, err := j.Destroy(ctx, jail.DestroyOptions{})
	require.ErrorIs(t, err, zfsstore.ErrHasDependents)
	require.ErrorContains(t, err, "zroot/copy")
}

// A mounted snapshot of a jail is no jail.
func TestListPassesOverSnapshots(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)
	path, err := h.Mountpoint(ctx, j.Dataset())
	require.NoError(t, err)
	_, err = h.Sim.AttachMount(kernel.Mounted{Type: "zfs", From: j.Dataset() + "@s", Path: filepath.Join(path, "root", "mnt")})
	require.NoError(t, err)
	n := 0
	for _, err := range jail.List(ctx, h.Host) {
		require.NoError(t, err)
		n++
	}
	require.Equal(t, 1, n)
}
