package jail_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/fstab"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/fault"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
	"github.com/libioc/go-libioc/zfsstore"
	"github.com/libioc/go-libioc/zfsstore/simzfs"
)

// settling is the same host with less time to settle, and another kernel if one
// is given.
func settling(t *testing.T, h *simhost.Host, k kernel.Kernel, settle time.Duration) *host.Host {
	t.Helper()
	dir := filepath.Dir(filepath.Dir(h.Files().RCConf))
	out, err := host.New(h.Store, k, host.Options{
		Sources: []host.Source{{Name: "ioc", Dataset: simhost.Dataset}}, Files: h.Files(),
		RunDir: filepath.Join(dir, "run"), StateDir: filepath.Join(dir, "db"), CacheDir: filepath.Join(dir, "cache"), Settle: settle,
	})
	require.NoError(t, err)
	return out
}

func endHost(t *testing.T) *simhost.Host {
	t.Helper()
	h, err := simhost.Open(simhost.Options{Dir: memoryDir(t), Programs: map[string]simkernel.Program{
		"stubborn": func(_ context.Context, p *simkernel.Process) int { p.Trap(15); p.Sleep(time.Hour); return 0 },
		"slow":     func(_ context.Context, p *simkernel.Process) int { p.Sleep(600 * time.Millisecond); return 0 },
	}})
	require.NoError(t, err)
	t.Cleanup(func() { h.Close() })
	fetch(t, h)
	return h
}

// pot#224: a process that did not heed SIGTERM kept its jail up forever, since
// stop_timeout was longer than all the time there was for the end.
func TestPot224StopTimeoutIsAddedToTheTimeToSettle(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := endHost(t)
	j := programs(t, newJail(t, h, "web", false, map[string]string{"stop_timeout": "1"}), "stubborn")
	start(t, j)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = j.Exec(ctx, []string{"/bin/stubborn"}, jail.ExecOptions{})
	}()
	id, err := j.Identity(ctx)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		list, err := h.Kernel.ProcessList(ctx, id.JID)
		return err == nil && len(list) > 0
	}, 5*time.Second, 5*time.Millisecond)
	_, err = loadFrom(t, settling(t, h, h.Kernel, 300*time.Millisecond), "web").Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	<-ended
	up, err := j.Running(ctx)
	require.NoError(t, err)
	require.False(t, up)
}

func loadFrom(t *testing.T, h *host.Host, name string) *jail.Jail {
	t.Helper()
	j, err := jail.Load(context.Background(), h, name)
	require.NoError(t, err)
	return j
}

// The hooks after the point of no return have exec_timeout each, whatever the
// time to settle: what comes after them is not cut off.
func TestSlowHooksLeaveTimeForTheRest(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := endHost(t)
	short := settling(t, h, h.Kernel, 300*time.Millisecond)
	j := programs(t, newJail(t, h, "web", false, map[string]string{"exec_poststop": "slow", "exec_stop": "slow", "exec_start": "slow"}), "slow")
	start(t, j)
	_, err := loadFrom(t, short, "web").Restart(ctx, jail.RestartOptions{})
	require.NoError(t, err)
	_, err = loadFrom(t, short, "web").Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	mounts, err := h.Mounts(ctx)
	require.NoError(t, err)
	require.Empty(t, mounts.Below(root))
}

// pot#202: a start that died before its jail_set(2) took the jail that somebody
// else has started in the meantime for its own, and removed it. Its own it removes.
func TestPot202RecoverLeavesAJailThatAnotherHasStarted(t *testing.T) {
	ctx := context.Background()
	for name, another := range map[string]bool{"another": true, "nobody": false} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			j := newJail(t, h, "web", true, map[string]string{"exec_start": "none"})
			p, err := j.Generator().Start(jail.StartOptions{}).Plan(ctx)
			require.NoError(t, err)
			if another {
				_, err = j.Start(plan.WithFault(ctx, at(stepOf(t, p, "create jail"), "do", plan.ErrCrash)), jail.StartOptions{})
				startByAnother(t, h, j)
			} else {
				// The end comes between jail_set(2) and its record.
				k := &afterSet{Kernel: h.Kernel, err: plan.ErrCrash}
				_, err = loadFrom(t, settling(t, h, k, time.Minute), "web").Start(ctx, jail.StartOptions{})
			}
			require.ErrorIs(t, err, plan.ErrCrash)
			_, err = jail.Recover(ctx, h.Host)
			require.NoError(t, err)
			up, err := j.Running(ctx)
			require.NoError(t, err)
			require.Equal(t, another, up)
		})
	}
}

// afterSet makes a jail and says that it failed.
type afterSet struct {
	kernel.Kernel
	err error
}

func (k *afterSet) JailIdentify(ctx context.Context, flags kernel.GetFlags, key kernel.Param) (kernel.Identity, error) {
	if key.Name == "jid" && k.err != nil {
		return kernel.Identity{}, k.err
	}
	return k.Kernel.JailIdentify(ctx, flags, key)
}

// pot#202: a stop that died before its jail_remove(2) was finished over the jail
// that somebody else has started in the meantime, and took that one's mounts.
func TestPot202RecoverLeavesTheMountsOfAnothersJail(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)
	start(t, j)
	p, err := j.Generator().Stop(jail.StopOptions{}).Plan(ctx)
	require.NoError(t, err)
	_, err = j.Stop(plan.WithFault(ctx, at(stepOf(t, p, "remove jail"), "do", plan.ErrCrash)), jail.StopOptions{})
	require.ErrorIs(t, err, plan.ErrCrash)
	id, err := j.Identity(ctx)
	require.NoError(t, err)
	require.NoError(t, h.Kernel.JailRemove(ctx, id))
	startByAnother(t, h, j)
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	before, err := h.Mounts(ctx)
	require.NoError(t, err)
	require.NotEmpty(t, before.Below(root))
	_, err = jail.Recover(ctx, h.Host)
	require.NoError(t, err)
	after, err := h.Mounts(ctx)
	require.NoError(t, err)
	require.Equal(t, before.Below(root), after.Below(root))
	up, err := j.Running(ctx)
	require.NoError(t, err)
	require.True(t, up)
}

// A stop waited for the processes of another jail that had got the jid.
func TestStopDoesNotWaitForAnotherJailOfTheSameJID(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)
	other := programs(t, newJail(t, h, "other", false, nil), "sleep")
	root, err := other.RootPath(ctx)
	require.NoError(t, err)
	start(t, j)
	run, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	k := &reuse{Kernel: h.Kernel, after: func(id kernel.Identity) {
		_, err := h.Kernel.JailSet(ctx, kernel.JailCreate, kernel.Int("jid", id.JID), kernel.String("name", "somebodys"), kernel.String("path", root), kernel.Bool("persist", true))
		require.NoError(t, err)
		now, err := h.Kernel.JailIdentify(ctx, 0, kernel.ByJID(id.JID))
		require.NoError(t, err)
		go func() {
			defer close(ended)
			_, _ = h.Kernel.Run(run, kernel.Command{Jail: now, Argv: []string{"/bin/sleep", "60"}})
		}()
		require.Eventually(t, func() bool {
			list, err := h.Kernel.ProcessList(ctx, id.JID)
			return err == nil && len(list) > 0
		}, 5*time.Second, 5*time.Millisecond)
	}}
	began := time.Now()
	_, err = loadFrom(t, settling(t, h, k, 10*time.Second), "web").Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	require.Less(t, time.Since(began), 8*time.Second)
	stop()
	<-ended
}

// reuse gives the jid of a removed jail to another one at once.
type reuse struct {
	kernel.Kernel
	after func(kernel.Identity)
}

func (r *reuse) JailRemove(ctx context.Context, id kernel.Identity) error {
	err := r.Kernel.JailRemove(ctx, id)
	if after := r.after; after != nil && err == nil {
		r.after = nil
		after(id)
	}
	return err
}

// The console log of a jail is the host's file: not one below another jail's
// root either.
func TestConsoleLogThatCannotBe(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)
	other := newJail(t, h, "other", false, nil)
	start(t, other)
	require.ErrorIs(t, j.Config().Set("user.exec_consolelog", "var/log/web"), config.ErrInvalidValue)
	root, err := other.RootPath(ctx)
	require.NoError(t, err)
	log := filepath.Join(root, "var/log/web")
	require.NoError(t, os.MkdirAll(filepath.Dir(log), 0o755))
	require.NoError(t, j.Config().Set("user.exec_consolelog", log))
	require.NoError(t, j.Save(ctx))
	_, err = j.Start(ctx, jail.StartOptions{})
	require.ErrorIs(t, err, jail.ErrConfig)
	require.NoFileExists(t, log)
}

// mount_procfs and mount_linprocfs had no effect.
func TestDefectProcfsHadNoEffect(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, map[string]string{"mount_procfs": "1", "mount_linprocfs": "1"})
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	places := func() map[string]string {
		out := map[string]string{}
		mounts, err := h.Mounts(ctx)
		require.NoError(t, err)
		for _, m := range mounts.Below(root) {
			at, err := filepath.Rel(root, m.Path)
			require.NoError(t, err)
			out[at] = m.Type
		}
		return out
	}
	for range 2 {
		start(t, j)
		require.Equal(t, map[string]string{"dev": "devfs", "proc": "procfs", "compat/linux/proc": "linprocfs"}, places())
		_, err = j.Unmount(ctx, jail.UnmountOptions{Destinations: []string{"/proc"}, Temporary: true})
		require.ErrorIs(t, err, fstab.ErrDestinationNotFound, "it is the jail's by itself")
		_, err = j.Stop(ctx, jail.StopOptions{})
		require.NoError(t, err)
		require.Empty(t, places())
	}
}

// A file system that was unmounted though the answer was lost stayed so when the
// destroy was given up.
func TestDestroyThatFailsMountsAgain(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)
	before := world(t, h)
	cancel := h.ZFS.Fail(t, fault.Fault{Op: simzfs.OpUnmount, Nth: 1, Err: errInjected, After: true})
	_, err := j.Destroy(ctx, jail.DestroyOptions{})
	cancel()
	require.ErrorIs(t, err, errInjected)
	requireSame(t, before, world(t, h))
	_, err = j.Destroy(ctx, jail.DestroyOptions{})
	require.NoError(t, err)
}

// What is left of a former base is no reason to call a start failed: the jail
// runs, and the next start tries again.
func TestStartOfZFSBasejailLeavesAFormerBaseForTheNext(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	copyBase(t, h)
	web := zfsBasejail(t, h, "web")
	for range 2 {
		start(t, web)
		_, err := web.Stop(ctx, jail.StopOptions{})
		require.NoError(t, err)
	}
	cancel := h.ZFS.Fail(t, fault.Fault{Op: simzfs.OpDestroy, Err: errInjected})
	start(t, web)
	cancel()
	former := web.Dataset() + "/basejail-former"
	_, err := h.Store.Get(ctx, former, zfsstore.GetOptions{})
	require.NoError(t, err)
	_, err = web.Restart(ctx, jail.RestartOptions{Shutdown: true})
	require.NoError(t, err)
	_, err = h.Store.Get(ctx, former, zfsstore.GetOptions{})
	require.ErrorIs(t, err, zfsstore.ErrNotFound)
}
