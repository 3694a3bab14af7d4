package jail_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/fstab"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/hosttest"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// expected are the answers that a jail may give while others work on it.
var expected = []error{
	jail.ErrRunning, jail.ErrNotRunning, jail.ErrExists, jail.ErrNotFound, jail.ErrBusy, jail.ErrPlanStale,
	context.Canceled, context.DeadlineExceeded, host.ErrNotMounted,
	jail.ErrDependants, jail.ErrSnapshotNotFound, jail.ErrSnapshotExists, jail.ErrNewerSnapshots, jail.ErrTemplate,
	zfsstore.ErrNotClone, fstab.ErrDestinationExists, fstab.ErrDestinationNotFound,
}

// expectedByHand are further answers while somebody changes the host by hand.
var expectedByHand = []error{
	config.ErrMalformed, jail.ErrConfig, jail.ErrForeign, jail.ErrReplaced, fs.ErrNotExist, kernel.ErrNotFound, kernel.ErrExists, kernel.ErrStale, kernel.ErrDying,
	zfsstore.ErrNotFound, zfsstore.ErrExists, zfsstore.ErrBusy, zfsstore.ErrHasChildren, zfsstore.ErrHasDependents,
	zfsstore.ErrParentNotFound, zfsstore.ErrMounted, zfsstore.ErrNotMounted, zfsstore.ErrNewerSnapshots, syscall.EBUSY,
}

// isExpectedByHand adds them to those of isExpected, and a hook that ended with the
// jail that somebody removed under it.
func isExpectedByHand(err error) bool {
	var hook *jail.HookError
	return isExpected(err) || isOneOf(err, expectedByHand) || errors.As(err, &hook)
}

func isExpected(err error) bool { return isOneOf(err, expected) }

func isOneOf(err error, expected []error) bool {
	for _, e := range expected {
		if errors.Is(err, e) {
			return true
		}
	}
	return err == nil
}

// planned runs an operation that goes by names alone, unless somebody has made
// another dataset in the jail's place since the jail was loaded. If that happens
// between the plan and the operation, the plan is stale.
func planned(ctx context.Context, j *jail.Jail, op *jail.Operation) error {
	p, err := op.Plan(ctx)
	if _, held := errors.AsType[*jail.HeldError](err); held {
		err = errors.Join(jail.ErrPlanStale, err) // planned without the lock, while another operation mounts
	}
	if err != nil {
		return err
	}
	if byHand, err := hosttest.MadeByHand(ctx, j); byHand || err != nil {
		return errors.Join(jail.ErrNotFound, err)
	}
	return drain(p.Events(ctx))
}

// act does one random operation on one of the jails j0, j1, ...
func act(ctx context.Context, h *simhost.Host, jails int, r *rand.Rand) (string, error) {
	name := fmt.Sprintf("j%d", r.IntN(jails))
	if r.IntN(100) < 40 {
		return actOnStorage(ctx, h, name, fmt.Sprintf("j%d", r.IntN(jails)), r)
	}
	busy := []jail.Busy{jail.BusyFail, jail.BusyWait}[r.IntN(2)]
	op := r.IntN(100)
	if op < 15 {
		j, err := jail.New(ctx, h.Host, jail.Spec{Name: name})
		if err != nil {
			return "new", err
		}
		o := jail.CreateOptions{Release: testRelease, Basejail: r.IntN(3) == 0, Busy: busy}
		if o.Basejail && r.IntN(2) == 0 {
			o.BasejailType = "zfs"
		}
		_, err = j.Create(ctx, o)
		return "create", err
	}
	if op < 20 {
		n := 0
		for j, err := range jail.List(ctx, h.Host) {
			if j != nil {
				n++
			}
			if err != nil {
				return "list", err
			}
		}
		return "list", nil
	}
	j, err := jail.Load(ctx, h.Host, name)
	if err != nil {
		return "load", err
	}
	switch {
	case op < 45:
		_, err = j.Start(ctx, jail.StartOptions{Busy: busy})
		return "start", err
	case op < 65:
		_, err = j.Stop(ctx, jail.StopOptions{Busy: busy, Force: r.IntN(2) == 0})
		return "stop", err
	case op < 73:
		_, err = j.Restart(ctx, jail.RestartOptions{Busy: busy, Shutdown: r.IntN(2) == 0})
		return "restart", err
	case op < 80:
		_, _, err = j.ForkExec(ctx, []string{"/bin/freebsd-version"}, jail.ForkExecOptions{Busy: busy})
		return "fork_exec", err
	case op < 87:
		_, err = j.Exec(ctx, []string{"/bin/freebsd-version"}, jail.ExecOptions{})
		return "exec", err
	case op < 90:
		p, err := j.Generator().Start(jail.StartOptions{Busy: busy}).Plan(ctx)
		if err != nil {
			return "plan", err
		}
		return "run plan", drain(p.Events(ctx))
	case op < 93:
		if err := j.Config().Set("notes", fmt.Sprint(op)); err != nil {
			return "set", err
		}
		return "save", j.Save(ctx)
	}
	return "destroy", planned(ctx, j, j.Generator().Destroy(jail.DestroyOptions{Busy: busy, Force: r.IntN(2) == 0}))
}

// actOnStorage does one random operation on the jail of that name, or makes
// something of it with the name of another: what changes datasets, names,
// configurations and the fstab.
func actOnStorage(ctx context.Context, h *simhost.Host, name, other string, r *rand.Rand) (string, error) {
	busy := []jail.Busy{jail.BusyFail, jail.BusyWait}[r.IntN(2)]
	op := r.IntN(12)
	if op == 0 {
		j, err := jail.New(ctx, h.Host, jail.Spec{Name: name})
		if err != nil {
			return "new", err
		}
		_, err = j.CloneFromJail(ctx, jail.CloneOptions{Jail: other, Busy: busy})
		return "clone", err
	}
	j, err := jail.Load(ctx, h.Host, name)
	if err != nil {
		return "load", err
	}
	snapshot := fmt.Sprintf("s%d", r.IntN(3))
	switch op {
	case 1, 2:
		_, err = j.Rename(ctx, jail.RenameOptions{Name: other, Busy: busy})
		return "rename", err
	case 3:
		_, err = j.Promote(ctx, jail.PromoteOptions{Busy: busy})
		if errors.Is(err, zfsstore.ErrExists) {
			return "refused promote", nil // both have a snapshot of one name
		}
		return "promote", err
	case 4, 5:
		_, err = j.CreateSnapshot(ctx, jail.SnapshotOptions{Name: snapshot, Busy: busy})
		return "snapshot", err
	case 6:
		return "destroy snapshot", planned(ctx, j, j.Generator().DestroySnapshot(jail.SnapshotOptions{Name: snapshot, Busy: busy}))
	case 7:
		return "roll back", planned(ctx, j, j.Generator().RollbackSnapshot(jail.RollbackOptions{
			Name: snapshot, Newer: r.IntN(2) == 0, Configuration: r.IntN(2) == 0, Busy: busy,
		}))
	case 8:
		_, err = j.SetTemplate(ctx, jail.TemplateOptions{Template: r.IntN(4) == 0, Busy: busy})
		return "template", err
	case 9:
		_, err = j.Mount(ctx, jail.MountOptions{
			Entries: []fstab.Entry{{Source: "tmpfs", Destination: "/mnt", Type: "tmpfs", Options: "rw"}}, Busy: busy,
		})
		return "mount", err
	case 10:
		_, err = j.Unmount(ctx, jail.UnmountOptions{Destinations: []string{"/mnt"}, Busy: busy})
		return "unmount", err
	}
	_, err = j.Set(ctx, map[string]string{"user.x": fmt.Sprint(r.IntN(9)), "host_hostname": "h" + name}, jail.SetOptions{Busy: busy})
	return "set", err
}

// TestStorm lets 16 goroutines do 10,000 random operations on 50 jails, each
// tenth with a context that ends in the middle. Now and then everybody waits
// while the host is checked.
func TestStorm(t *testing.T) {
	t.Parallel()
	h := stormHost(t)
	count := storm(t, h, randomSeed(t), nil)
	if brief() { // too few for each kind to succeed
		return
	}
	for _, what := range []string{"create", "start", "stop", "restart", "fork_exec", "exec", "destroy", "run plan", "save", "list",
		"clone", "rename", "promote", "snapshot", "destroy snapshot", "roll back", "template", "mount", "unmount", "set",
	} {
		require.NotZero(t, count[what], "no %s succeeded", what)
	}
}

// TestStormByHand is TestStorm while an administrator works on the same jails with
// zfs(8), jail(8) and umount(8). Nothing of his own may be lost or changed.
// At 4f8059c operations destroyed, renamed and unmounted by name what he had put in
// place of what they had looked at.
func TestStormByHand(t *testing.T) {
	t.Parallel()
	h := stormHost(t)
	count := storm(t, h, randomSeed(t), newHand(t, h, filepath.Join(t.TempDir(), "ledger"), stormJails))
	for _, what := range []string{"create", "start", "stop", "destroy", "by hand"} {
		require.NotZero(t, count[what], "no %s succeeded", what)
	}
}

func stormHost(t *testing.T) *simhost.Host {
	t.Helper()
	h, err := simhost.New(memoryDir(t))
	require.NoError(t, err)
	t.Cleanup(func() { h.Close() })
	fetch(t, h)
	fewBases(t, h)
	return h
}

// stormJails is how many jails a storm is about.
const stormJails = 50

// impatient returns a context that ends within 5 ms once in so many times.
func impatient(r *rand.Rand, times int) (context.Context, context.CancelFunc) {
	if r.IntN(times) == 0 {
		return context.WithTimeout(context.Background(), time.Duration(r.IntN(5_000))*time.Microsecond)
	}
	return context.WithCancel(context.Background())
}

// storm runs the operations and returns how many of each kind succeeded.
func storm(t *testing.T, h *simhost.Host, seed uint64, hand *hosttest.Hand) map[string]int {
	t.Helper()
	const goroutines = 16
	operations := 10_000
	if brief() {
		operations = 1000
	}
	t.Logf("repeat with %s=%d", chaosSeed, seed)

	var quiet sync.RWMutex // held for reading by an operation
	var next, done atomic.Int64
	var mu sync.Mutex
	count := map[string]int{}
	var wrong []string
	find := func(more ...string) {
		mu.Lock()
		defer mu.Unlock()
		if len(wrong) < 10 {
			wrong = append(wrong, more...)
		}
	}
	passes, check := isExpected, func() []string { return invariants(h) }
	var administrator sync.WaitGroup
	over, stop := context.WithCancel(t.Context())
	defer stop()
	if hand != nil {
		passes = isExpectedByHand
		check = func() []string { return hosttest.Recover(context.Background(), h.Host, simSource, hand) }
		administrator.Go(func() {
			r := rand.New(rand.NewPCG(seed, goroutines))
			for over.Err() == nil {
				quiet.RLock()
				what, err := hand.Do(context.Background(), hosttest.DrawAct(r))
				quiet.RUnlock()
				if err != nil {
					find(fmt.Sprintf("by hand: %s: %v", what, err))
				}
				mu.Lock()
				count["by hand"]++
				mu.Unlock()
				time.Sleep(time.Duration(r.IntN(3_000)) * time.Microsecond)
			}
		})
	}
	var group sync.WaitGroup
	for g := range goroutines {
		group.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(g)))
			for {
				n := next.Add(1)
				if n > int64(operations) {
					return
				}
				ctx, cancel := impatient(r, 10)
				quiet.RLock()
				what, err := act(ctx, h, stormJails, r)
				quiet.RUnlock()
				cancel()
				done.Add(1)
				if !passes(err) {
					find(fmt.Sprintf("%d. %s: %v", n, what, err))
				}
				mu.Lock()
				if err == nil {
					count[what]++
				}
				mu.Unlock()
				if n%1000 == 0 {
					quiet.Lock()
					bad := check()
					quiet.Unlock()
					find(bad...)
				}
			}
		})
	}
	group.Wait()
	stop()
	administrator.Wait()
	wrong = append(wrong, check()...)
	require.Empty(t, strings.Join(wrong, "\n"), "repeat with %s=%d", chaosSeed, seed)
	t.Logf("%d operations, of which succeeded: %v", done.Load(), count)
	return count
}
