package fleet_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/fault"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/jail/fleet"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// supervised runs a supervisor and collects what it reports.
type supervised struct {
	*fleet.Supervisor
	mu   sync.Mutex
	told []fleet.Supervision
}

func supervise(t *testing.T, h *simhost.Host) *supervised {
	return superviseEach(t, h, 5*time.Millisecond)
}

func superviseEach(t *testing.T, h *simhost.Host, interval time.Duration) *supervised {
	s := &supervised{}
	s.Supervisor = fleet.NewSupervisor(h.Host, fleet.SupervisorOptions{
		Watch: fleet.WatchOptions{Interval: interval},
		Report: func(e fleet.Supervision) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.told = append(s.told, e)
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
	})
	return s
}

func (s *supervised) kinds(name string) (out []fleet.SupervisionKind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.told {
		if e.Jail == name {
			out = append(out, e.Kind)
		}
	}
	return out
}

func (s *supervised) count(name string, kind fleet.SupervisionKind) (n int) {
	for _, k := range s.kinds(name) {
		if k == kind {
			n++
		}
	}
	return n
}

func (s *supervised) await(t *testing.T, name string, kind fleet.SupervisionKind, times int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); s.count(name, kind) < times; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			require.Failf(t, "not told", "%s %s: %v", name, kind, s.kinds(name))
		}
	}
}

// TestSupervise: a jail that gets ill is restarted and well again.
func TestSupervise(t *testing.T) {
	h := jailtest.OpenHost(t, simhost.Options{})
	ctx := context.Background()
	jailtest.PutPlain(t, h, "web", map[string]string{
		"user.health": "file=/well interval=5ms failures=2", "user.restart": "failure backoff=5ms max=1h",
	})
	jailtest.PutPlain(t, h, "idle", map[string]string{"user.health": "file=/well interval=5ms failures=2"})
	for _, name := range []string{"web", "idle"} {
		jailtest.WriteRoot(t, h, name, "well")
		_, err := jailtest.Load(t, h, name)[0].Start(ctx, jail.StartOptions{})
		require.NoError(t, err)
	}
	before, err := jailtest.Load(t, h, "web")[0].Identity(ctx)
	require.NoError(t, err)
	s := supervise(t, h)
	s.await(t, "web", fleet.SupervisionHealthy, 1)
	s.await(t, "idle", fleet.SupervisionHealthy, 1)
	require.Equal(t, []string{"idle", "web"}, s.Jails())
	for _, name := range []string{"web", "idle"} {
		require.NoError(t, os.Remove(filepath.Join(jailtest.Mountpoint(t, h, simhost.Dataset+"/jails/"+name+"/root"), "well")))
	}
	s.await(t, "web", fleet.SupervisionRestarted, 2)
	jailtest.WriteRoot(t, h, "web", "well")
	s.await(t, "web", fleet.SupervisionHealthy, 2)
	after, err := jailtest.Load(t, h, "web")[0].Identity(ctx)
	require.NoError(t, err)
	require.NotEqual(t, before, after)
	// Without a policy it is told, once, and left alone.
	s.await(t, "idle", fleet.SupervisionUnhealthy, 1)
	require.Equal(t, []fleet.SupervisionKind{fleet.SupervisionHealthy, fleet.SupervisionUnhealthy}, s.kinds("idle"))
}

// TestSuperviseDied: a jail whose last process has ended is restarted; its own
// exec.start brings the process back.
func TestSuperviseDied(t *testing.T) {
	var crash atomic.Pointer[chan struct{}]
	first := make(chan struct{})
	crash.Store(&first)
	h := jailtest.OpenHost(t, simhost.Options{Programs: map[string]simkernel.Program{
		"service": func(ctx context.Context, _ *simkernel.Process) int {
			select {
			case <-ctx.Done():
			case <-*crash.Load():
			}
			return 1
		},
		"daemonize": func(_ context.Context, p *simkernel.Process) int {
			if _, err := p.Start(true, "/bin/service"); err != nil {
				return 1
			}
			return 0
		},
	}})
	jailtest.PutPlain(t, h, "web", map[string]string{"exec_start": "/bin/daemonize", "user.restart": "failure backoff=5ms"})
	for _, program := range []string{"service", "daemonize", "sh"} {
		jailtest.WriteRoot(t, h, "web", "bin/"+program)
	}
	_, err := jailtest.Load(t, h, "web")[0].Start(context.Background(), jail.StartOptions{})
	require.NoError(t, err)
	s := supervise(t, h)
	time.Sleep(500 * time.Millisecond) // seen with its process
	second := make(chan struct{})
	crash.Store(&second)
	close(first)
	s.await(t, "web", fleet.SupervisionRestarted, 1)
	require.Equal(t, []fleet.SupervisionKind{fleet.SupervisionEnded, fleet.SupervisionRestart, fleet.SupervisionRestarted}, s.kinds("web")[:3])
}

// TestSuperviseAlways: a jail that ended is started again, until it is held, and
// given up after as many tries as the policy has.
func TestSuperviseAlways(t *testing.T) {
	h := jailtest.OpenHost(t, simhost.Options{})
	ctx := context.Background()
	jailtest.PutPlain(t, h, "web", map[string]string{"user.restart": "always backoff=1ms max=2ms tries=1000"})
	jailtest.PutPlain(t, h, "bad", map[string]string{"user.restart": "always backoff=1ms max=1h tries=3"})
	for _, name := range []string{"web", "bad"} {
		_, err := jailtest.Load(t, h, name)[0].Start(ctx, jail.StartOptions{})
		require.NoError(t, err)
	}
	s := supervise(t, h)
	for len(s.Jails()) < 2 {
		time.Sleep(time.Millisecond)
	}
	end := func(name string) {
		id, err := jailtest.Load(t, h, name)[0].Identity(ctx)
		require.NoError(t, err)
		require.NoError(t, h.Sim.JailRemove(ctx, id))
	}
	end("web")
	s.await(t, "web", fleet.SupervisionRestarted, 1)

	web := jailtest.Load(t, h, "web")[0]
	require.NoError(t, s.Hold(ctx, web))
	end("web")
	s.await(t, "web", fleet.SupervisionEnded, 2)
	require.Equal(t, []string{"bad"}, jailtest.Running(t, h))
	s.Release(web)
	s.await(t, "web", fleet.SupervisionRestarted, 2)

	cancel := h.Sim.Fail(t, fault.Fault{Op: simkernel.OpJailSet, Match: "*ioc-bad*", Err: errInjected})
	end("bad")
	s.await(t, "bad", fleet.SupervisionGivenUp, 1)
	require.Equal(t, 3, s.count("bad", fleet.SupervisionFailed))
	cancel()
	// A new configuration is a new chance.
	jailtest.WriteConf(t, h, simhost.Dataset+"/jails/bad", jailtest.Plain(map[string]string{"user.restart": "always backoff=2ms"}))
	s.await(t, "bad", fleet.SupervisionRestarted, 1)
	require.Equal(t, []string{"bad", "web"}, jailtest.Running(t, h))

	jailtest.WriteConf(t, h, simhost.Dataset+"/jails/bad", jailtest.Plain(map[string]string{"user.restart": "sometimes"}))
	s.await(t, "bad", fleet.SupervisionFailed, 4)
}
