package jail_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// killedInHook is a kernel whose program is killed while a hook runs: the hook goes on.
type killedInHook struct {
	kernel.Kernel
	path    string        // of the journal
	early   bool          // killed before the process is noted down
	shift   time.Duration // of the start that is noted down
	started kernel.Process
	journal []byte // when it was killed
}

func (k *killedInHook) Run(ctx context.Context, cmd kernel.Command) (kernel.Exit, error) {
	if !slices.Contains(cmd.Argv, "lingers") {
		return k.Kernel.Run(ctx, cmd)
	}
	noted := make(chan error, 1)
	started := cmd.Started
	var err error
	if k.early {
		k.journal, err = os.ReadFile(k.path)
	}
	if err != nil {
		return kernel.Exit{}, err
	}
	cmd.Started = func(p kernel.Process) error {
		k.started = p
		p.Start = p.Start.Add(k.shift)
		noted <- started(p)
		return nil
	}
	go func() { _, _ = k.Kernel.Run(context.WithoutCancel(ctx), cmd) }() // ended by the recovery, or with the host
	if err := <-noted; err != nil {
		return kernel.Exit{}, err
	}
	for { // until its child runs
		list, err := k.Kernel.ProcessList(ctx, k.started.JID)
		if err != nil {
			return kernel.Exit{}, err
		}
		if slices.ContainsFunc(list, func(p kernel.Process) bool { return p.Command == "sleeper" }) {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if k.early {
		return kernel.Exit{}, plan.ErrCrash
	}
	if k.journal, err = os.ReadFile(k.path); err != nil {
		return kernel.Exit{}, err
	}
	return kernel.Exit{}, plan.ErrCrash
}

// ends reports whether a process ends soon.
func ends(t *testing.T, k kernel.Kernel, p kernel.Process) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return k.ProcessWait(ctx, []kernel.Process{p}) == nil
}

// lingering returns a host with a hook that runs for an hour the first time, with a child
// and deaf to SIGTERM.
func lingering(t *testing.T) *simhost.Host {
	var ran atomic.Bool
	h, err := simhost.Open(simhost.Options{Dir: memoryDir(t), Programs: map[string]simkernel.Program{
		"sleeper": func(_ context.Context, p *simkernel.Process) int { p.Trap(15); p.Sleep(time.Hour); return 0 },
		"lingers": func(_ context.Context, p *simkernel.Process) int {
			if ran.Swap(true) {
				return 0
			}
			p.Trap(15)
			_, err := p.Start(false, "/bin/sleeper")
			assert.NoError(t, err)
			p.Sleep(time.Hour)
			return 0
		},
	}})
	require.NoError(t, err)
	t.Cleanup(func() { h.Close() })
	fetch(t, h)
	return h
}

// recoveredHook crashes a stop in a hook, recovers and returns what was said of the hook.
func recoveredHook(t *testing.T, h *simhost.Host, hook string, shift time.Duration, early bool) (said []string, leader kernel.Process) {
	t.Helper()
	ctx := context.Background()
	j := programs(t, newJail(t, h, "web", false, map[string]string{"exec_start": "none", "exec_stop": "none"}), "sleeper", "lingers")
	require.NoError(t, j.Config().Set(hook, "lingers"))
	require.NoError(t, j.Save(ctx))
	start(t, j)
	real := h.Kernel
	k := &killedInHook{Kernel: real, path: filepath.Join(h.JournalDir(j.Source().Name, "jail"), "web.journal"), shift: shift, early: early}
	h.Kernel = k
	_, err := j.Stop(ctx, jail.StopOptions{})
	require.ErrorIs(t, err, plan.ErrCrash)
	h.Kernel = real
	require.NotZero(t, k.started.PID)
	require.NoError(t, os.WriteFile(k.path, k.journal, 0o600))
	began := time.Now()
	all, err := jail.Recover(ctx, h.Host)
	require.NoError(t, err)
	require.Less(t, time.Since(began), 30*time.Second)
	for _, e := range eventsOf[events.Rollback](all) {
		if e.Message != "" && e.Head().State == events.Done {
			said = append(said, e.Message)
		}
	}
	running, err := j.Running(ctx)
	require.NoError(t, err)
	require.Equal(t, hook != "exec_poststop", running)
	return said, k.started
}

// TestInterruptedHookIsEnded: a hook whose program was killed ran on beside the jail that
// Recover called "as before", or beside its own second run.
func TestInterruptedHookIsEnded(t *testing.T) {
	for _, hook := range []string{"exec_stop", "exec_prestop", "exec_poststop"} {
		t.Run(hook, func(t *testing.T) {
			h := lingering(t)
			said, leader := recoveredHook(t, h, hook, 0, false)
			require.True(t, ends(t, h.Kernel, leader))
			require.Len(t, said, 1)
			require.Contains(t, said[0], strings.Replace(hook, "_", ".", 1)+" was interrupted")
			for _, want := range []string{"was ended", "(sh)", "(lingers)", "(sleeper)"} {
				require.Contains(t, said[0], want)
			}
			require.NotContains(t, said[0], "still run")
			for jid := range 10 {
				list, err := h.Kernel.ProcessList(context.Background(), jid)
				require.NoError(t, err)
				for _, p := range list {
					require.NotEqual(t, leader.Group, p.Group, "%+v", p)
				}
			}
		})
	}
}

// regrouped is a kernel in which the noted process of a hook has left its group.
type regrouped struct{ kernel.Kernel }

func (k regrouped) ProcessList(ctx context.Context, jid int) ([]kernel.Process, error) {
	list, err := k.Kernel.ProcessList(ctx, jid)
	for i, p := range list {
		if p.PID == p.Group && p.Command != "sleeper" {
			list[i].Group = 1
		}
	}
	return list, err
}

// TestInterruptedHookThatLeftItsGroup: a hook that had moved to another process group was
// not found, and ran on.
func TestInterruptedHookThatLeftItsGroup(t *testing.T) {
	h := lingering(t)
	h.Kernel = regrouped{h.Kernel}
	said, leader := recoveredHook(t, h, "exec_prestop", 0, false)
	require.True(t, ends(t, h.Kernel, leader))
	require.Len(t, said, 1)
	require.Contains(t, said[0], "was ended")
	require.NotContains(t, said[0], "still run")
}

// TestInterruptedHookThatIsNotProved: a pid says nothing, so what has the pid of an
// interrupted hook and began at another time is left alone and reported. Before, a hook
// on the host was not reported at all.
func TestInterruptedHookThatIsNotProved(t *testing.T) {
	for _, hook := range []string{"exec_stop", "exec_prestop"} {
		t.Run(hook, func(t *testing.T) {
			h := lingering(t)
			said, leader := recoveredHook(t, h, hook, -time.Hour, false)
			require.Len(t, said, 1)
			require.Contains(t, said[0], "still runs, and nothing proves that it is the hook's")
			require.Contains(t, said[0], "(sleeper)")
			require.NotContains(t, said[0], "was ended")
			require.NoError(t, h.Kernel.ProcessSignal(context.Background(), leader, 0), "it was ended")
		})
	}
}

// TestInterruptedHookThatIsNotKnown: a kill just before the hook's process is noted down
// leaves nothing that could be ended, but it is reported.
func TestInterruptedHookThatIsNotKnown(t *testing.T) {
	for _, c := range []struct{ hook, want string }{
		{"exec_stop", "begun since: "}, {"exec_prestop", "its process is not known"},
	} {
		h := lingering(t)
		said, leader := recoveredHook(t, h, c.hook, 0, true)
		require.Len(t, said, 1, c.hook)
		require.Contains(t, said[0], c.want)
		require.NotContains(t, said[0], "was ended")
		require.NoError(t, h.Kernel.ProcessSignal(context.Background(), leader, 0), "it was ended")
	}
}

// TestForcedStopWithoutHookLimit: exec_timeout=0 kept even a forced stop waiting for a
// hook, for as long as the jail's root pleased.
func TestForcedStopWithoutHookLimit(t *testing.T) {
	h, err := simhost.Open(simhost.Options{Dir: memoryDir(t), Programs: map[string]simkernel.Program{
		"stubborn": func(_ context.Context, p *simkernel.Process) int { p.Trap(15); p.Sleep(time.Hour); return 0 },
	}})
	require.NoError(t, err)
	t.Cleanup(func() { h.Close() })
	fetch(t, h)
	j := programs(t, newJail(t, h, "web", false, map[string]string{
		"exec_start": "none", "exec_stop": "stubborn", "exec_timeout": "0", "stop_timeout": "1",
	}), "stubborn")
	start(t, j)
	for _, force := range []bool{false, true} {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		if !force {
			ctx, cancel = context.WithTimeout(context.Background(), 4*time.Second)
		}
		_, err = j.Stop(ctx, jail.StopOptions{Force: force})
		waited := ctx.Err()
		cancel()
		running, rerr := j.Running(context.Background())
		require.NoError(t, rerr)
		require.Equal(t, !force, running)
		if force {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Error(t, waited, "the operator's own hook waits forever")
	}
}

// limitedProbe looks at how a probe is run.
type limitedProbe struct {
	kernel.Kernel
	limited atomic.Bool
}

func (k *limitedProbe) Run(ctx context.Context, cmd kernel.Command) (kernel.Exit, error) {
	_, limited := ctx.Deadline()
	k.limited.Store(limited)
	return k.Kernel.Run(ctx, cmd)
}

// TestProbeOutputIsBounded: all that a probe in a hostile jail printed was kept.
func TestProbeOutputIsBounded(t *testing.T) {
	const amount = 256 << 20
	var most atomic.Uint64
	h, err := simhost.Open(simhost.Options{Dir: memoryDir(t), Programs: map[string]simkernel.Program{
		"hostile": func(_ context.Context, p *simkernel.Process) int {
			chunk := []byte(strings.Repeat("hostile\n", 8<<10))
			for n := 0; n < amount; n += len(chunk) {
				_, _ = p.Stdout.Write(chunk)
			}
			most.Store(heapInUse())
			return 1
		},
	}})
	require.NoError(t, err)
	t.Cleanup(func() { h.Close() })
	fetch(t, h)
	j := programs(t, newJail(t, h, "web", false, map[string]string{
		"exec_start": "none", "exec_stop": "none", key.UserHealth.String(): "exec=/bin/hostile timeout=60s",
	}), "hostile")
	start(t, j)
	k := &limitedProbe{Kernel: h.Kernel}
	h.Kernel = k
	before := heapInUse()
	err = j.Healthy(context.Background())
	require.ErrorIs(t, err, jail.ErrNotReady)
	require.Less(t, len(err.Error()), 4<<10)
	require.True(t, k.limited.Load())
	require.NotZero(t, most.Load())
	require.Less(t, most.Load()-min(before, most.Load()), uint64(32<<20))

	result, err := j.Exec(context.Background(), []string{"/bin/hostile"}, jail.ExecOptions{})
	require.NoError(t, err)
	require.EqualValues(t, amount, int64(len(result.Stdout))+result.Dropped)
	require.Less(t, len(result.Stdout), 32<<20)
}
