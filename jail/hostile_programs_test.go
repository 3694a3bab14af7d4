package jail_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/saferoot"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// watched is a kernel that looks at what is run in jails.
type watched struct {
	kernel.Kernel
	t *testing.T
	h *host.Host

	mu       sync.Mutex // a step runs a program while it looks at the stack
	commands []string
	inside   int
}

func (w *watched) Run(ctx context.Context, cmd kernel.Command) (kernel.Exit, error) {
	if !cmd.Jail.IsZero() {
		w.mu.Lock()
		w.commands = append(w.commands, cmd.Argv[0])
		w.mu.Unlock()
		_, limited := ctx.Deadline()
		assert.True(w.t, limited, "%v has no limit", cmd.Argv)
		w.noLock(ctx)
	}
	return w.Kernel.Run(ctx, cmd)
}

func (w *watched) In(id kernel.Identity) kernel.Network { return watchedStack{w.Kernel.In(id), w} }

// noLock checks that no lock is held that the start of another jail needs.
func (w *watched) noLock(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, key := range []string{"network/records", "host/devfs/rulesets"} {
		unlock, err := w.h.Lock(ctx, key, "test", host.BusyFail)
		if assert.NoError(w.t, err, "held while a program of the jail runs") {
			unlock()
		}
	}
}

// watchedStack is the stack of a jail, which ifconfig(8) of the jail may have to set.
type watchedStack struct {
	kernel.Network
	w *watched
}

func (s watchedStack) look(ctx context.Context) {
	s.w.noLock(ctx)
	s.w.mu.Lock()
	s.w.inside++
	s.w.mu.Unlock()
}

func (s watchedStack) Interfaces(ctx context.Context) ([]kernel.Interface, error) {
	s.look(ctx)
	return s.Network.Interfaces(ctx)
}

func (s watchedStack) InterfaceRename(ctx context.Context, name, to string) error {
	s.look(ctx)
	return s.Network.InterfaceRename(ctx, name, to)
}

func (s watchedStack) InterfaceSetMTU(ctx context.Context, name string, mtu int) error {
	s.look(ctx)
	return s.Network.InterfaceSetMTU(ctx, name, mtu)
}

func (s watchedStack) InterfaceSetUp(ctx context.Context, name string, up bool) error {
	s.look(ctx)
	return s.Network.InterfaceSetUp(ctx, name, up)
}

func (s watchedStack) AddressAdd(ctx context.Context, name string, a kernel.Address) error {
	s.look(ctx)
	return s.Network.AddressAdd(ctx, name, a)
}

// TestProgramsOfAJailAreLimited: zfs(8) of a jail ran without a limit, and the
// interfaces of all jails were locked while those in the jail were configured, so one
// jail whose root has replaced ifconfig(8) kept every other from starting.
func TestProgramsOfAJailAreLimited(t *testing.T) {
	ctx := context.Background()
	h := netHost(t, func(o *simkernel.Options) {
		o.Programs["zfs"] = func(context.Context, *simkernel.Process) int { return 0 }
	})
	j := shareWith(t, h, "web", map[string]string{"jailed": "on"})
	addPrograms(t, j)
	_, err := j.Set(ctx, map[string]string{
		"vnet": "yes", "interfaces": "vnet0:ioc9,vnet1::bridge0", "ip4_addr": "vnet0|dhcp,vnet1|198.51.100.9/24",
		"user.network.bridge": "create", "exec_start": "true", "exec_stop": "true",
	}, jail.SetOptions{})
	require.NoError(t, err)
	w := &watched{Kernel: h.Kernel, t: t, h: h.Host}
	h.Kernel = w
	start(t, j)
	require.Contains(t, w.commands, "/sbin/zfs")
	require.Contains(t, w.commands, "/sbin/dhclient")
	require.Contains(t, w.commands, "/bin/sh", "a hook")
	require.Greater(t, w.inside, 4)
	_, err = j.Set(ctx, map[string]string{"ip4_addr": "vnet0|dhcp,vnet1|198.51.100.10/24"}, jail.SetOptions{})
	require.NoError(t, err)
	_, err = j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
}

// TestHostileStartLetsOthersStart: the interfaces of all jails were locked while the
// programs of one jail ran in its start, so one jail whose root has replaced dhclient(8)
// kept every other from starting.
func TestHostileStartLetsOthersStart(t *testing.T) {
	runs := make(chan struct{}, 1)
	h := netHost(t, func(o *simkernel.Options) {
		o.Programs["dhclient"] = func(_ context.Context, p *simkernel.Process) int {
			p.Trap(15)
			runs <- struct{}{}
			p.Sleep(time.Hour)
			return 0
		}
	})
	vnet := func(name, address string) *jail.Jail {
		j := newJail(t, h, name, false, map[string]string{
			"vnet": "yes", "interfaces": "vnet0:bridge0", "ip4_addr": address, "exec_start": "none", "exec_stop": "none",
		})
		addPrograms(t, j)
		return j
	}
	slow, other := vnet("slow", "vnet0|dhcp"), vnet("other", "vnet0|198.51.100.9/24")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := slow.Start(ctx, jail.StartOptions{})
		ended <- err
	}()
	select {
	case <-runs:
	case err := <-ended:
		t.Fatalf("dhclient has not run: %v", err)
	}
	start(t, other)
	select {
	case err := <-ended:
		t.Fatalf("the slow start has ended: %v", err)
	default:
	}
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	running, err := slow.Running(context.Background())
	require.NoError(t, err)
	require.False(t, running)
	_, err = other.Stop(context.Background(), jail.StopOptions{})
	require.NoError(t, err)
}

// heapInUse is the size of the heap without garbage, in bytes.
func heapInUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestHookOutputCostsLittleMemory: 16 MiB of each stream were kept, and twice that when
// the buffer grew. Nobody reads the events here.
func TestHookOutputCostsLittleMemory(t *testing.T) {
	ctx := context.Background()
	amount := int64(1 << 30)
	if testing.Short() {
		amount = 64 << 20
	}
	var most atomic.Uint64
	h, err := simhost.Open(simhost.Options{Dir: memoryDir(t), Programs: map[string]simkernel.Program{
		"sh": func(_ context.Context, p *simkernel.Process) int {
			chunk := bytes.Repeat([]byte("hostile\n"), 4<<10)
			for n := int64(0); n < amount; n += int64(2 * len(chunk)) {
				_, _ = p.Stdout.Write(chunk)
				_, _ = p.Stderr.Write(chunk)
				if n%(8<<20) == 0 {
					most.Store(max(most.Load(), heapInUse()))
				}
			}
			return 0
		},
	}})
	require.NoError(t, err)
	t.Cleanup(func() { h.Close() })
	fetch(t, h)
	j := newJail(t, h, "web", false, nil)
	runtime.GC()
	before := heapInUse()
	ended := j.Generator().Start(jail.StartOptions{}).Events(ctx)
	for range ended {
	}
	require.NotZero(t, most.Load())
	require.Less(t, most.Load()-min(before, most.Load()), uint64(32<<20))
	t.Logf("%d MiB of output: %d KiB of heap", amount>>20, (most.Load()-min(before, most.Load()))>>10)
}

// TestConsoleLogFollowsNoPlantedLink: a directory that a jail shares with the host by
// nullfs may be a link that the jail has planted above its log; the hooks' output was
// appended to whatever the link led to.
func TestConsoleLogFollowsNoPlantedLink(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	shared, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	victim := t.TempDir()
	j := programs(t, newJail(t, h, "web", false, map[string]string{"exec_start": "echo hostile"}), "echo")
	for _, planted := range []struct{ link, to, log string }{
		{"logs", victim, "logs/console.log"},         // a directory above
		{"log", filepath.Join(victim, "log"), "log"}, // in the log's place
	} {
		require.NoError(t, os.Symlink(planted.to, filepath.Join(shared, planted.link)))
		log := filepath.Join(shared, planted.log)
		require.NoError(t, j.Config().Set("user.exec_consolelog", log))
		_, err := j.Start(ctx, jail.StartOptions{})
		require.ErrorIs(t, err, saferoot.ErrEscape)
		require.ErrorContains(t, err, log)
		left, err := os.ReadDir(victim)
		require.NoError(t, err)
		require.Empty(t, left)
	}
	require.NoError(t, j.Config().Set("user.exec_consolelog", filepath.Join(shared, "own")))
	start(t, j)
	text, err := os.ReadFile(filepath.Join(shared, "own"))
	require.NoError(t, err)
	require.Equal(t, "hostile\n", string(text))
}

// TestInterruptedStopHookIsTold: what exec_stop had begun ran on in a jail that Recover
// called "as before", and nobody was told.
func TestInterruptedStopHookIsTold(t *testing.T) {
	ctx := context.Background()
	h, err := simhost.Open(simhost.Options{Dir: memoryDir(t), Programs: map[string]simkernel.Program{
		"quick": func(context.Context, *simkernel.Process) int { return 0 },
		"sleeper": func(_ context.Context, p *simkernel.Process) int {
			p.Sleep(time.Hour)
			return 0
		},
		"lasting": func(_ context.Context, p *simkernel.Process) int {
			_, err := p.Start(true, "/bin/sleeper")
			assert.NoError(t, err)
			return 0
		},
	}})
	require.NoError(t, err)
	t.Cleanup(func() { h.Close() })
	fetch(t, h)
	for _, hook := range []string{"quick", "lasting"} {
		j := programs(t, newJail(t, h, hook, false, map[string]string{"exec_start": "lasting", "exec_stop": hook}), "quick", "lasting", "sleeper")
		start(t, j)
		crash := plan.WithFault(ctx, func(p plan.Point) error {
			if p.Step.Kind == "run hook" && p.Phase == "done" {
				return plan.ErrCrash
			}
			return nil
		})
		_, err := j.Stop(crash, jail.StopOptions{})
		require.ErrorIs(t, err, plan.ErrCrash)
		all, err := jail.Recover(ctx, h.Host)
		require.NoError(t, err)
		var told []string
		for _, e := range eventsOf[events.Rollback](all) {
			if e.Message != "" && e.Head().State == events.Done {
				told = append(told, e.Message)
			}
		}
		if hook == "quick" {
			require.Empty(t, told, "exec_start's daemon is not the hook's")
			continue
		}
		require.Len(t, told, 1)
		require.Contains(t, told[0], "(sleeper)")
		require.Contains(t, told[0], "exec.stop")
	}
}
