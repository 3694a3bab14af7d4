package jail_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// supervised runs a supervisor and collects what it reports.
type supervised struct {
	*jail.Supervisor
	mu   sync.Mutex
	told []jail.Supervision
}

func supervise(t *testing.T, h *simhost.Host) *supervised {
	s := &supervised{}
	s.Supervisor = jail.NewSupervisor(h.Host, jail.SupervisorOptions{
		Watch: jail.WatchOptions{Interval: 5 * time.Millisecond},
		Report: func(e jail.Supervision) {
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

func (s *supervised) kinds(name string) (out []jail.SupervisionKind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.told {
		if e.Jail == name {
			out = append(out, e.Kind)
		}
	}
	return out
}

func (s *supervised) count(name string, kind jail.SupervisionKind) (n int) {
	for _, k := range s.kinds(name) {
		if k == kind {
			n++
		}
	}
	return n
}

func (s *supervised) await(t *testing.T, name string, kind jail.SupervisionKind, times int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); s.count(name, kind) < times; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			require.Failf(t, "not told", "%s %s: %v", name, kind, s.kinds(name))
		}
	}
}

// TestSupervise: a jail that gets ill is restarted and well again.
func TestSupervise(t *testing.T) {
	h := openHost(t, simhost.Options{})
	ctx := context.Background()
	putPlain(t, h, "web", map[string]string{
		"user.health": "file=/well interval=5ms failures=2", "user.restart": "failure backoff=5ms max=1h",
	})
	putPlain(t, h, "idle", map[string]string{"user.health": "file=/well interval=5ms failures=2"})
	for _, name := range []string{"web", "idle"} {
		writeRoot(t, h, name, "well")
		_, err := load(t, h, name)[0].Start(ctx, jail.StartOptions{})
		require.NoError(t, err)
	}
	before, err := load(t, h, "web")[0].Identity(ctx)
	require.NoError(t, err)
	s := supervise(t, h)
	s.await(t, "web", jail.SupervisionHealthy, 1)
	s.await(t, "idle", jail.SupervisionHealthy, 1)
	require.Equal(t, []string{"idle", "web"}, s.Wards())
	for _, name := range []string{"web", "idle"} {
		require.NoError(t, os.Remove(filepath.Join(mountpoint(t, h, simhost.Dataset+"/jails/"+name+"/root"), "well")))
	}
	s.await(t, "web", jail.SupervisionRestarted, 2)
	writeRoot(t, h, "web", "well")
	s.await(t, "web", jail.SupervisionHealthy, 2)
	after, err := load(t, h, "web")[0].Identity(ctx)
	require.NoError(t, err)
	require.NotEqual(t, before, after)
	// Without a policy it is told, once, and left alone.
	s.await(t, "idle", jail.SupervisionUnhealthy, 1)
	require.Equal(t, []jail.SupervisionKind{jail.SupervisionHealthy, jail.SupervisionUnhealthy}, s.kinds("idle"))
}

// TestSuperviseDied: a jail whose last process has ended is restarted; its own
// exec.start brings the process back.
func TestSuperviseDied(t *testing.T) {
	var crash atomic.Pointer[chan struct{}]
	first := make(chan struct{})
	crash.Store(&first)
	h := openHost(t, simhost.Options{Programs: map[string]simkernel.Program{
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
	putPlain(t, h, "web", map[string]string{"exec_start": "/bin/daemonize", "user.restart": "failure backoff=5ms"})
	for _, program := range []string{"service", "daemonize", "sh"} {
		writeRoot(t, h, "web", "bin/"+program)
	}
	_, err := load(t, h, "web")[0].Start(context.Background(), jail.StartOptions{})
	require.NoError(t, err)
	s := supervise(t, h)
	time.Sleep(500 * time.Millisecond) // seen with its process
	second := make(chan struct{})
	crash.Store(&second)
	close(first)
	s.await(t, "web", jail.SupervisionRestarted, 1)
	require.Equal(t, []jail.SupervisionKind{jail.SupervisionEnded, jail.SupervisionRestart, jail.SupervisionRestarted}, s.kinds("web")[:3])
}

// TestSuperviseAlways: a jail that ended is started again, until it is held, and
// given up after as many tries as the policy has.
func TestSuperviseAlways(t *testing.T) {
	h := openHost(t, simhost.Options{})
	ctx := context.Background()
	putPlain(t, h, "web", map[string]string{"user.restart": "always backoff=1ms max=2ms tries=1000"})
	putPlain(t, h, "bad", map[string]string{"user.restart": "always backoff=1ms max=1h tries=3"})
	for _, name := range []string{"web", "bad"} {
		_, err := load(t, h, name)[0].Start(ctx, jail.StartOptions{})
		require.NoError(t, err)
	}
	s := supervise(t, h)
	for len(s.Wards()) < 2 {
		time.Sleep(time.Millisecond)
	}
	end := func(name string) {
		id, err := load(t, h, name)[0].Identity(ctx)
		require.NoError(t, err)
		require.NoError(t, h.Sim.JailRemove(ctx, id))
	}
	end("web")
	s.await(t, "web", jail.SupervisionRestarted, 1)

	web := load(t, h, "web")[0]
	s.Hold(web)
	end("web")
	s.await(t, "web", jail.SupervisionEnded, 2)
	require.Equal(t, []string{"bad"}, running(t, h))
	s.Release(web)
	s.await(t, "web", jail.SupervisionRestarted, 2)

	cancel := h.Sim.Fail("jail_set", "ioc-bad", 0, errInjected, false)
	end("bad")
	s.await(t, "bad", jail.SupervisionGivenUp, 1)
	require.Equal(t, 3, s.count("bad", jail.SupervisionFailed))
	cancel()
	// A new configuration is a new chance.
	writeConf(t, h, simhost.Dataset+"/jails/bad", plain(map[string]string{"user.restart": "always backoff=2ms"}))
	s.await(t, "bad", jail.SupervisionRestarted, 1)
	require.Equal(t, []string{"bad", "web"}, running(t, h))

	writeConf(t, h, simhost.Dataset+"/jails/bad", plain(map[string]string{"user.restart": "sometimes"}))
	s.await(t, "bad", jail.SupervisionFailed, 4)
}

func TestParseRestartPolicy(t *testing.T) {
	for text, want := range map[string]jail.RestartPolicy{
		"":                                  {When: jail.RestartNever, Backoff: time.Second, Max: 5 * time.Minute, Tries: 10},
		"none":                              {When: jail.RestartNever, Backoff: time.Second, Max: 5 * time.Minute, Tries: 10},
		"always":                            {When: jail.RestartAlways, Backoff: time.Second, Max: 5 * time.Minute, Tries: 10},
		"failure backoff=10 max=5s tries=2": {When: jail.RestartFailure, Backoff: 10 * time.Second, Max: 10 * time.Second, Tries: 2},
	} {
		p, err := jail.ParseRestartPolicy(text)
		require.NoError(t, err, text)
		require.Equal(t, want, p, text)
	}
	for _, text := range []string{"yes", "always tries=0", "always tries=x", "always backoff=0", "always max=", "always max=2d", "always often"} {
		_, err := jail.ParseRestartPolicy(text)
		require.ErrorIs(t, err, config.ErrInvalidValue, text)
	}
}
