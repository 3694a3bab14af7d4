package jail_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/fault"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/zfsstore"
)

// fullDisk makes every line of a journal, and every mark, fail for want of space.
func fullDisk(ctx context.Context) context.Context {
	return plan.WithWriteFault(ctx, func() error {
		return &os.PathError{Op: "write", Path: "journal", Err: syscall.ENOSPC}
	})
}

// TestFullDisk: what takes something away needs no space for a journal. Stop and
// Destroy failed with ENOSPC before they had begun, and a Recover left the journal.
func TestFullDisk(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	full := fullDisk(ctx)
	j := newJail(t, h, "web", false, nil)
	_, err := j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)

	_, err = j.Stop(full, jail.StopOptions{})
	require.NoError(t, err)
	running, err := j.Running(ctx)
	require.NoError(t, err)
	require.False(t, running)
	before := world(t, h)

	for _, phase := range []string{"do", "done"} {
		crash := plan.WithFault(ctx, at(1, phase, plan.ErrCrash))
		_, err = j.Start(crash, jail.StartOptions{})
		require.ErrorIs(t, err, plan.ErrCrash)
		_, err = jail.Recover(full, h.Host)
		require.NoError(t, err)
		require.NoFileExists(t, h.JournalPath("ioc", "jail", "web"))
	}

	_, err = j.Start(full, jail.StartOptions{})
	require.ErrorIs(t, err, syscall.ENOSPC, "what takes space says so")
	second, err := jail.New(ctx, h.Host, jail.Spec{Name: "second"})
	require.NoError(t, err)
	_, err = second.Create(full, jail.CreateOptions{Release: testRelease})
	require.ErrorIs(t, err, syscall.ENOSPC)
	requireSame(t, before, world(t, h))

	_, err = j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	_, err = j.Destroy(full, jail.DestroyOptions{Force: true})
	require.NoError(t, err)
	_, err = jail.Load(ctx, h.Host, "web")
	require.ErrorIs(t, err, jail.ErrNotFound)
	require.NoFileExists(t, filepath.Join(h.JournalDir("ioc", "jail"), "web.journal"))
}

// TestFullPoolWhileRecording: space ends in the middle of an operation. The operation is
// undone, and nothing of it is left; its journal stayed, because that the undo was done
// could not be written.
func TestFullPoolWhileRecording(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)
	before := world(t, h)
	for lines := 2; lines < 14; lines++ {
		n := 0
		_, err := j.Start(plan.WithWriteFault(ctx, func() error {
			if n++; n > lines {
				return syscall.EDQUOT
			}
			return nil
		}), jail.StartOptions{})
		if err == nil {
			require.Greater(t, lines, 5, "no line was missed")
			break
		}
		require.ErrorIs(t, err, syscall.EDQUOT)
		requireSame(t, before, world(t, h))
	}
}

// TestCreateOnAFullPool: the error says that the pool is full.
func TestCreateOnAFullPool(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	second, err := jail.New(ctx, h.Host, jail.Spec{Name: "second"})
	require.NoError(t, err)
	before := world(t, h)
	defer h.ZFS.Fail(t, fault.Fault{Op: "create", Err: zfsstore.ErrNoSpace})()
	_, err = second.Create(ctx, jail.CreateOptions{Release: testRelease})
	require.ErrorIs(t, err, zfsstore.ErrNoSpace)
	require.ErrorContains(t, err, "out of space")
	requireSame(t, before, world(t, h))
}

// TestDestroyAfterAFailedSet: a Set that failed on a full pool, and whose undo failed
// too, locked the jail even against destroy.
func TestDestroyAfterAFailedSet(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)
	require.NoError(t, j.Config().Set("notes", "full"))
	failing := plan.WithFault(ctx, func(p plan.Point) error {
		if p.Step.Kind == "write configuration" && (p.Phase == "done" || p.Phase == "undo") {
			return syscall.ENOSPC
		}
		return nil
	})
	require.ErrorIs(t, j.Save(failing), syscall.ENOSPC)
	require.FileExists(t, h.JournalPath("ioc", "jail", "web"))
	_, err := j.Start(failing, jail.StartOptions{})
	require.ErrorContains(t, err, h.JournalPath("ioc", "jail", "web"))
	_, err = j.Destroy(failing, jail.DestroyOptions{})
	require.NoError(t, err)
	require.NoFileExists(t, h.JournalPath("ioc", "jail", "web"))
	_, err = jail.Load(ctx, h.Host, "web")
	require.ErrorIs(t, err, jail.ErrNotFound)
}

// TestReadOnlyPool: a jail whose pool is read-only is stopped; that failed with EROFS, for
// want of a mark.
func TestReadOnlyPool(t *testing.T) {
	ctx := t.Context()
	h := newHost(t)
	web := newJail(t, h, "web", false, nil)
	_, err := web.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	readOnly := plan.WithWriteFault(ctx, func() error {
		return &os.PathError{Op: "open", Path: ".operations/jail/web", Err: syscall.EROFS}
	})
	_, err = web.Stop(readOnly, jail.StopOptions{Force: true})
	require.NoError(t, err)
	running, err := web.Running(ctx)
	require.NoError(t, err)
	require.False(t, running)
}

// TestFullDiskOfNetworkRecords: the disk of the records of networks is full. A stop that
// had to leave an address to another jail failed, and so did the undo of an interrupted
// change of a network, which kept the jail from being stopped.
func TestFullDiskOfNetworkRecords(t *testing.T) {
	address := map[string]string{"ip4_addr": "em0|192.0.2.9/24"}
	for _, c := range []struct {
		name   string
		before func(t *testing.T, h *simhost.Host, a *jail.Jail)
	}{
		{"address of another jail", func(t *testing.T, h *simhost.Host, _ *jail.Jail) {
			_, err := newJail(t, h, "b", false, address).Start(t.Context(), jail.StartOptions{})
			require.NoError(t, err)
		}},
		{"interrupted change", func(t *testing.T, _ *simhost.Host, a *jail.Jail) {
			_, err := a.Set(plan.WithFault(t.Context(), func(p plan.Point) error {
				if p.Step.Kind == "change network" && p.Phase == "done" {
					return plan.ErrCrash
				}
				return nil
			}), map[string]string{"ip4_addr": "em0|192.0.2.10/24"}, jail.SetOptions{})
			require.ErrorIs(t, err, plan.ErrCrash)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := t.Context()
			h := netHost(t)
			a := newJail(t, h, "a", false, address)
			_, err := a.Start(ctx, jail.StartOptions{})
			require.NoError(t, err)
			c.before(t, h, a)
			records := 0
			full := plan.WithWriteFault(ctx, func() error {
				stack := make([]byte, 4096)
				if strings.Contains(string(stack[:runtime.Stack(stack, false)]), "step.NetKey") {
					records++
				}
				return syscall.ENOSPC
			})
			_, err = a.Stop(full, jail.StopOptions{Force: true})
			require.NoError(t, err)
			require.NotZero(t, records, "no record was to be written")
			running, err := a.Running(ctx)
			require.NoError(t, err)
			require.False(t, running)
		})
	}
}
