//go:build unix

package host_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/kernel/simkernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// slowZFS stands for zfs(8): a change lasts until the file "go" exists.
const slowZFS = `#!/bin/sh
cd "${0%/*}" || exit 1
: >begun
while ! [ -e go ]; do sleep 0.01; done
: >ended
`

// rename is the only step of the operation that is killed.
type rename struct{}

func (rename) Kind() string                     { return "rename" }
func (rename) Detail() string                   { return "" }
func (rename) Event(*host.Host) events.IocEvent { return events.OperationEnd{} }
func (rename) Do(ctx context.Context, h *host.Host, _ *plan.Call) error {
	return h.Store.Rename(ctx, "tank/a", "tank/b", zfsstore.RenameOptions{})
}

func execHost(t *testing.T, dir string, settle time.Duration) *host.Host {
	t.Helper()
	sim, err := simkernel.New(simkernel.Options{})
	require.NoError(t, err)
	h, err := host.New(zfsstore.NewExec(zfsstore.ExecOptions{ZFS: filepath.Join(dir, "zfs")}), sim, host.Options{
		RunDir: filepath.Join(dir, "run"), StateDir: filepath.Join(dir, "db"), Settle: settle,
	})
	require.NoError(t, err)
	return h
}

const orphanDir = "HOST_TEST_ORPHAN_DIR"

// TestOrphanParent is the process that TestLockOutlivesItsProcess kills.
func TestOrphanParent(t *testing.T) {
	dir := os.Getenv(orphanDir)
	if dir == "" {
		t.Skip("only as the child of TestLockOutlivesItsProcess")
	}
	h := execHost(t, dir, time.Minute)
	r := plan.Runner[*host.Host]{Kinds: plan.NewKinds[*host.Host](rename{})}
	for range r.Start(t.Context(), plan.Job[*host.Host]{
		Event: events.OperationEnd{}, Room: 100, Env: h, Journal: h.JournalPath("ioc", "jail", "web"), Clock: h.Now,
		Boot: func(context.Context) (string, error) { return "boot", nil },
		Lock: func(ctx context.Context) (func(), error) { return h.Lock(ctx, "ioc/jail/web", "rename", host.BusyFail) },
		Plan: func(context.Context, string) (*plan.Plan, error) {
			return &plan.Plan{Operation: "rename", Steps: []plan.Step{plan.StepOf[*host.Host](rename{})}, Commit: 1}, nil
		},
	}) {
	}
}

// TestLockOutlivesItsProcess: the lock ended with a killed program, recovery said that
// all was well, and the program's zfs(8) renamed the dataset afterwards. The lock lasts
// as long as zfs(8), and recovery waits for it.
func TestLockOutlivesItsProcess(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, os.WriteFile(file("zfs"), []byte(slowZFS), 0o755))
	t.Cleanup(func() { _ = os.WriteFile(file("go"), nil, 0o644) })

	parent := exec.Command(os.Args[0], "-test.run=^TestOrphanParent$")
	parent.Env = append(os.Environ(), orphanDir+"="+dir)
	require.NoError(t, parent.Start())
	require.Eventually(t, func() bool { _, err := os.Stat(file("begun")); return err == nil }, 20*time.Second, 5*time.Millisecond)
	pid := parent.Process.Pid
	busy := func(h *host.Host, busy host.Busy) error {
		_, err := h.Lock(t.Context(), "ioc/jail/web", "recover", busy)
		return err
	}
	h, short := execHost(t, dir, time.Minute), execHost(t, dir, 50*time.Millisecond)
	for _, how := range []host.Busy{host.BusyFail, host.BusyRecover} {
		err := busy(h, how)
		require.ErrorIs(t, err, host.ErrBusy)
		require.NotErrorIs(t, err, host.ErrOrphaned, "its process runs")
	}
	require.NoError(t, parent.Process.Kill())
	_ = parent.Wait()

	err := busy(h, host.BusyFail)
	require.ErrorIs(t, err, host.ErrBusy)
	require.ErrorIs(t, err, host.ErrOrphaned)
	err = busy(short, host.BusyRecover)
	require.ErrorIs(t, err, host.ErrOrphaned)
	require.NotErrorIs(t, err, host.ErrBusy, "recovery would pass over it")
	require.ErrorContains(t, err, "rename by process "+strconv.Itoa(pid))

	free := make(chan error, 1)
	go func() {
		unlock, err := h.Lock(context.Background(), "ioc/jail/web", "recover", host.BusyRecover)
		if err == nil {
			unlock()
		}
		free <- err
	}()
	select {
	case err := <-free:
		t.Fatalf("the lock was free while zfs(8) was at work: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	require.NoFileExists(t, file("ended"))
	require.NoError(t, os.WriteFile(file("go"), nil, 0o644))
	require.NoError(t, <-free)
	require.FileExists(t, file("ended"), "the lock was free before zfs(8) ended")
}
