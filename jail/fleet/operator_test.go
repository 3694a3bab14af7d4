package fleet_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/jail/fleet"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// illHost has the jail web, which is ill as long as its file /well does not exist. Its
// exec_prestart and exec_poststop wait for a gate, if there is one.
type illHost struct {
	*simhost.Host
	gate   atomic.Pointer[chan struct{}]
	waited atomic.Bool // a hook has come to the gate
}

func newIllHost(t *testing.T, restart string) *illHost {
	h := &illHost{}
	h.Host = jailtest.OpenHost(t, simhost.Options{Programs: map[string]simkernel.Program{
		"gate": func(ctx context.Context, _ *simkernel.Process) int {
			if gate := h.gate.Load(); gate != nil {
				h.waited.Store(true)
				select {
				case <-*gate:
				case <-ctx.Done():
					return 1
				}
			}
			return 0
		},
	}})
	jailtest.PutPlain(t, h.Host, "web", map[string]string{
		"user.health": "file=/well interval=5ms failures=2", key.UserRestart.String(): restart,
		"exec_prestart": "gate", "exec_poststop": "gate",
	})
	h.heal(t)
	_, err := h.web(t).Start(t.Context(), jail.StartOptions{})
	require.NoError(t, err)
	return h
}

func (h *illHost) web(t *testing.T) *jail.Jail { return jailtest.Load(t, h.Host, "web")[0] }

func (h *illHost) identity(t *testing.T) kernel.Identity {
	id, err := h.web(t).Identity(t.Context())
	require.NoError(t, err)
	return id
}

func (h *illHost) heal(t *testing.T) { jailtest.WriteRoot(t, h.Host, "web", "well") }

func (h *illHost) harm(t *testing.T) {
	require.NoError(t, os.Remove(filepath.Join(jailtest.Mountpoint(t, h.Host, simhost.Dataset+"/jails/web/root"), "well")))
}

// shut makes hooks wait until open is called.
func (h *illHost) shut() (open func()) {
	gate := make(chan struct{})
	h.waited.Store(false)
	h.gate.Store(&gate)
	return func() {
		if h.gate.CompareAndSwap(&gate, nil) {
			close(gate)
		}
	}
}

func (h *illHost) awaitHook(t *testing.T) {
	t.Helper()
	require.Eventually(t, h.waited.Load, 20*time.Second, time.Millisecond)
}

// TestOperatorDuringBackoff: what the operator does during the pause before a restart
// counts, whether the watch has reported it or not. Before, the jail was restarted all the
// same: one that was stopped was started, one that was started by hand was restarted, one
// whose policy was never as well; of one that was destroyed a failure was told, and one
// that was released was never restarted any more.
func TestOperatorDuringBackoff(t *testing.T) {
	const backoff = 400 * time.Millisecond
	for _, test := range []struct {
		name string
		do   func(t *testing.T, h *illHost, s *supervised)
		runs bool // in the end
	}{
		{name: "stop", do: func(t *testing.T, h *illHost, _ *supervised) {
			_, err := h.web(t).Stop(t.Context(), jail.StopOptions{})
			require.NoError(t, err)
		}},
		{name: "stop that goes on at the end of the pause", do: func(t *testing.T, h *illHost, _ *supervised) {
			open := h.shut()
			defer open()
			result := make(chan error, 1)
			web := h.web(t)
			go func() {
				_, err := web.Stop(context.Background(), jail.StopOptions{})
				result <- err
			}()
			h.awaitHook(t)
			time.Sleep(2 * backoff)
			open()
			require.NoError(t, <-result)
		}},
		{name: "second life", runs: true, do: func(t *testing.T, h *illHost, _ *supervised) {
			h.heal(t)
			_, err := h.web(t).Restart(t.Context(), jail.RestartOptions{Shutdown: true})
			require.NoError(t, err)
		}},
		{name: "hold", runs: true, do: func(t *testing.T, h *illHost, s *supervised) {
			require.NoError(t, s.Hold(t.Context(), h.web(t)))
		}},
		{name: "hold and stop", do: func(t *testing.T, h *illHost, s *supervised) {
			require.NoError(t, s.Hold(t.Context(), h.web(t)))
			_, err := h.web(t).Stop(t.Context(), jail.StopOptions{})
			require.NoError(t, err)
			s.Release(h.web(t))
		}},
		{name: "destroy", do: func(t *testing.T, h *illHost, _ *supervised) {
			_, err := h.web(t).Destroy(t.Context(), jail.DestroyOptions{Force: true})
			require.NoError(t, err)
		}},
		{name: "another policy", runs: true, do: func(t *testing.T, h *illHost, _ *supervised) {
			_, err := h.web(t).Set(t.Context(), map[string]string{key.UserRestart.String(): "never"}, jail.SetOptions{})
			require.NoError(t, err)
		}},
	} {
		for _, interval := range []time.Duration{5 * time.Millisecond, time.Hour} {
			t.Run(fmt.Sprintf("%s, a watch each %v", test.name, interval), func(t *testing.T) {
				t.Parallel()
				h := newIllHost(t, fmt.Sprintf("failure backoff=%v max=1h", backoff))
				s := superviseEach(t, h.Host, interval)
				s.await(t, "web", fleet.SupervisionHealthy, 1)
				h.harm(t)
				s.await(t, "web", fleet.SupervisionRestart, 1)
				test.do(t, h, s)
				var before kernel.Identity
				if test.runs {
					before = h.identity(t)
				}
				time.Sleep(2 * backoff)
				require.Zero(t, s.count("web", fleet.SupervisionRestarted), s.kinds("web"))
				require.Zero(t, s.count("web", fleet.SupervisionFailed), s.kinds("web"))
				if !test.runs {
					require.Empty(t, jailtest.Running(t, h.Host))
					return
				}
				require.Equal(t, before, h.identity(t))
				if test.name == "hold" {
					s.Release(h.web(t)) // it is still ill
					s.await(t, "web", fleet.SupervisionRestarted, 1)
					require.NotEqual(t, before, h.identity(t))
				}
			})
		}
	}
}

// TestHoldWaitsForARestart: Hold returned while a restart was under way, so that the jail
// was started after it.
func TestHoldWaitsForARestart(t *testing.T) {
	h := newIllHost(t, "failure backoff=5ms max=1h tries=1000")
	before := h.identity(t)
	s := supervise(t, h.Host)
	s.await(t, "web", fleet.SupervisionHealthy, 1)
	open := h.shut()
	defer open()
	h.harm(t)
	h.awaitHook(t)
	web := h.web(t)
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, s.Hold(short, web), context.DeadlineExceeded)
	result := make(chan error, 1)
	go func() { result <- s.Hold(context.Background(), web) }()
	select {
	case err := <-result:
		require.Failf(t, "it did not wait", "%v", err)
	case <-time.After(100 * time.Millisecond):
	}
	open()
	require.NoError(t, <-result)
	after := h.identity(t) // the restart is over
	require.NotEqual(t, before, after)
	time.Sleep(100 * time.Millisecond)
	require.Equal(t, after, h.identity(t)) // and no other has begun, although it is ill
	require.Equal(t, 1, s.count("web", fleet.SupervisionRestart), s.kinds("web"))
}

// TestGivenUpAndWellAgain: a jail that was given up was not checked any more, and once it
// was well and then ill again, never restarted.
func TestGivenUpAndWellAgain(t *testing.T) {
	h := newIllHost(t, "failure backoff=5ms max=300ms tries=1")
	s := supervise(t, h.Host)
	s.await(t, "web", fleet.SupervisionHealthy, 1)
	h.harm(t)
	s.await(t, "web", fleet.SupervisionRestarted, 1)
	s.await(t, "web", fleet.SupervisionGivenUp, 1)
	time.Sleep(500 * time.Millisecond) // longer than Max, but it is ill
	require.Equal(t, 1, s.count("web", fleet.SupervisionRestart), s.kinds("web"))
	h.heal(t)
	s.await(t, "web", fleet.SupervisionHealthy, 2)
	time.Sleep(500 * time.Millisecond)
	h.harm(t)
	s.await(t, "web", fleet.SupervisionRestarted, 2)
}

// TestDeathBeforeAStop: a death that is followed by a Stop before the restart is no
// failure. Before, it counted as a try, so that the pause after the next death was longer.
func TestDeathBeforeAStop(t *testing.T) {
	h := newCrashingHost(t, map[string]string{key.UserRestart.String(): "failure backoff=300ms max=1h"})
	web := func() *jail.Jail { return jailtest.Load(t, h.Host, "web")[0] }
	_, err := web().Start(t.Context(), jail.StartOptions{})
	require.NoError(t, err)
	id, err := web().Identity(t.Context())
	require.NoError(t, err)
	s := supervise(t, h.Host)
	h.crash(t, id)
	s.await(t, "web", fleet.SupervisionRestart, 1)
	_, err = web().Stop(t.Context(), jail.StopOptions{})
	require.NoError(t, err)
	time.Sleep(600 * time.Millisecond)
	require.Empty(t, jailtest.Running(t, h.Host))
	require.Zero(t, s.count("web", fleet.SupervisionRestarted))
	h.living.Store(0)
	_, err = web().Start(t.Context(), jail.StartOptions{})
	require.NoError(t, err)
	id, err = web().Identity(t.Context())
	require.NoError(t, err)
	h.crash(t, id)
	s.await(t, "web", fleet.SupervisionRestarted, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.told, func(e fleet.Supervision) bool { return e.Kind == fleet.SupervisionRestarted })
	require.Equal(t, 1, s.told[i].Try)
}

// TestOneProcessReadForAllJails: the process table was read once for each jail at each
// interval, by the supervisor and by a watch of processes.
func TestOneProcessReadForAllJails(t *testing.T) {
	const jails, interval = 50, 20 * time.Millisecond
	h := jailtest.OpenHost(t, simhost.Options{Programs: map[string]simkernel.Program{
		"service": func(ctx context.Context, _ *simkernel.Process) int { <-ctx.Done(); return 0 },
		"daemonize": func(_ context.Context, p *simkernel.Process) int {
			if _, err := p.Start(true, "/bin/service"); err != nil {
				return 1
			}
			return 0
		},
	}})
	for i := range jails {
		name := fmt.Sprintf("j%02d", i)
		jailtest.PutPlain(t, h, name, map[string]string{"exec_start": "/bin/daemonize", key.UserRestart.String(): "failure"})
		for _, program := range []string{"service", "daemonize", "sh"} {
			jailtest.WriteRoot(t, h, name, "bin/"+program)
		}
		_, err := jailtest.Load(t, h, name)[0].Start(t.Context(), jail.StartOptions{})
		require.NoError(t, err)
	}
	requireOnePerLook := func(t *testing.T) {
		t.Helper()
		h.Sim.ResetCalls()
		began := time.Now()
		reads := func() (n int) {
			for _, c := range h.Sim.Calls() {
				if c.Op == simkernel.OpProcessList {
					n++
				}
			}
			return n
		}
		require.Eventually(t, func() bool { return reads() >= 10 }, 20*time.Second, interval)
		n := reads()
		require.LessOrEqual(t, n, int(time.Since(began)/interval)+2)
	}
	t.Run("supervisor", func(t *testing.T) {
		s := superviseEach(t, h, interval)
		require.Eventually(t, func() bool { return len(s.Jails()) == jails }, 20*time.Second, time.Millisecond)
		requireOnePerLook(t)
		for i := range jails {
			require.Empty(t, s.kinds(fmt.Sprintf("j%02d", i)))
		}
	})
	t.Run("watch", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		begun, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			for c := range (fleet.WatchOptions{Interval: interval, Processes: true}).Watch(ctx, h.Host) {
				if c.Kind == fleet.ChangeSnapshot {
					close(begun)
				}
			}
		}()
		defer func() { cancel(); <-done }()
		<-begun
		requireOnePerLook(t)
	})
}
