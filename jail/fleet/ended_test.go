package fleet_test

import (
	"context"
	"os"
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

// crashingHost has the jail web, whose exec_start begins a service. It lives until
// the end of life, from a start to the next call of renew.
type crashingHost struct {
	*simhost.Host
	life   atomic.Pointer[chan struct{}]
	living atomic.Int32 // services that know their life
}

func newCrashingHost(t *testing.T, properties map[string]string) *crashingHost {
	h := &crashingHost{}
	h.renew()
	h.Host = jailtest.OpenHost(t, simhost.Options{Programs: map[string]simkernel.Program{
		"service": func(ctx context.Context, _ *simkernel.Process) int {
			life := *h.life.Load()
			h.living.Add(1)
			select {
			case <-ctx.Done():
			case <-life:
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
	conf := map[string]string{"exec_start": "/bin/daemonize", "mount_devfs": "yes"}
	for key, value := range properties {
		conf[key] = value
	}
	jailtest.PutPlain(t, h.Host, "web", conf)
	for _, program := range []string{"service", "daemonize", "sh"} {
		jailtest.WriteRoot(t, h.Host, "web", "bin/"+program)
	}
	jailtest.WriteRoot(t, h.Host, "web", "dev/.keep")
	return h
}

// renew lets the services that are begun from now on live.
func (h *crashingHost) renew() (was chan struct{}) {
	now := make(chan struct{})
	if old := h.life.Swap(&now); old != nil {
		was = *old
	}
	return was
}

func (h *crashingHost) awaitService(t *testing.T) {
	require.Eventually(t, func() bool { return h.living.Load() > 0 }, 10*time.Second, time.Millisecond)
}

// crash ends the service, and waits until it is gone.
func (h *crashingHost) crash(t *testing.T, id kernel.Identity) {
	h.awaitService(t)
	close(h.renew())
	require.Eventually(t, func() bool {
		list, err := h.Kernel.ProcessList(t.Context(), id.JID)
		return err != nil || len(list) == 0
	}, 10*time.Second, time.Millisecond)
}

// TestSupervisorSeesWhatHadEnded: a run that ended before the supervisor began, or
// between its start and the next look at its processes, is restarted as one that
// ends later. Before, only a process that the watch had seen counted, and only a jail
// that it had seen running: none of the first eight was restarted. One that Recover had
// swept counted as stopped.
func TestSupervisorSeesWhatHadEnded(t *testing.T) {
	start := func(t *testing.T, h *crashingHost) kernel.Identity {
		web := jailtest.Load(t, h.Host, "web")[0]
		_, err := web.Start(t.Context(), jail.StartOptions{})
		require.NoError(t, err)
		id, err := web.Identity(t.Context())
		require.NoError(t, err)
		return id
	}
	notPersistent := func(t *testing.T, h *crashingHost) kernel.Identity {
		id := start(t, h)
		_, err := h.Kernel.JailSet(t.Context(), kernel.JailUpdate, kernel.String("name", id.Name), kernel.Bool("persist", false))
		require.NoError(t, err)
		return id
	}
	died := func(t *testing.T, h *crashingHost) { h.crash(t, start(t, h)) }
	gone := func(t *testing.T, h *crashingHost) {
		h.crash(t, notPersistent(t, h))
		require.Empty(t, jailtest.Running(t, h.Host))
	}
	removed := func(t *testing.T, h *crashingHost) {
		require.NoError(t, h.Kernel.JailRemove(t.Context(), start(t, h)))
	}
	stopped := func(t *testing.T, h *crashingHost) {
		start(t, h)
		_, err := jailtest.Load(t, h.Host, "web")[0].Stop(t.Context(), jail.StopOptions{})
		require.NoError(t, err)
	}
	started := func(t *testing.T, h *crashingHost) { start(t, h) }
	recovered := func(end func(t *testing.T, h *crashingHost)) func(t *testing.T, h *crashingHost) {
		return func(t *testing.T, h *crashingHost) {
			end(t, h)
			for range 2 {
				_, err := jail.Recover(t.Context(), h.Host.Host)
				require.NoError(t, err)
			}
		}
	}
	stoppedAfterwards := func(t *testing.T, h *crashingHost) {
		recovered(gone)(t, h)
		_, err := jailtest.Load(t, h.Host, "web")[0].Stop(t.Context(), jail.StopOptions{Force: true})
		require.NoError(t, err)
	}
	another := func(t *testing.T, h *crashingHost) {
		recovered(gone)(t, h)
		_, err := jailtest.Load(t, h.Host, "web")[0].Rename(t.Context(), jail.RenameOptions{Name: "www"})
		require.NoError(t, err)
		jailtest.PutPlain(t, h.Host, "web", map[string]string{key.UserRestart.String(): "failure backoff=5ms"})
	}
	const failure, always = "failure backoff=5ms", "always backoff=5ms"
	for _, test := range []struct {
		name          string
		restart       string
		before, after func(t *testing.T, h *crashingHost) // the supervisor's begin
		exec          string
		want          bool
	}{
		{name: "its last process, failure", restart: failure, before: died, want: true},
		{name: "its last process, always", restart: always, before: died, want: true},
		{name: "not persistent, failure", restart: failure, before: gone, want: true},
		{name: "not persistent, always", restart: always, before: gone, want: true},
		{name: "removed by jail(8), failure", restart: failure, before: removed, want: true},
		{name: "removed by jail(8), always", restart: always, before: removed, want: true},
		{name: "started and ended between two looks", restart: failure, after: func(t *testing.T, h *crashingHost) {
			close(*h.life.Load())
			start(t, h)
			h.awaitService(t)
			h.renew()
		}, want: true},
		{name: "not persistent, ended later", restart: failure, before: started, after: func(t *testing.T, h *crashingHost) {
			id, err := jailtest.Load(t, h.Host, "web")[0].Identity(t.Context())
			require.NoError(t, err)
			_, err = h.Kernel.JailSet(t.Context(), kernel.JailUpdate, kernel.String("name", id.Name), kernel.Bool("persist", false))
			require.NoError(t, err)
			h.crash(t, id)
		}, want: true},
		{name: "not persistent, swept by Recover", restart: failure, before: recovered(gone), want: true},
		{name: "removed by jail(8), swept by Recover", restart: failure, before: recovered(removed), want: true},
		{name: "swept by Recover, then stopped", restart: failure, before: stoppedAfterwards},
		{name: "swept by Recover, another has its name", restart: failure, before: another},
		{name: "stopped before, then Recover", restart: failure, before: recovered(stopped)},
		{name: "stopped before, failure", restart: failure, before: stopped},
		{name: "stopped before, always", restart: always, before: stopped},
		{name: "stopped later, failure", restart: failure, before: started, after: func(t *testing.T, h *crashingHost) {
			_, err := jailtest.Load(t, h.Host, "web")[0].Stop(t.Context(), jail.StopOptions{})
			require.NoError(t, err)
		}},
		{name: "never started", restart: always},
		{name: "without processes by its properties", restart: failure, exec: "none", before: started},
		{name: "never", restart: "never", before: died},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			properties := map[string]string{key.UserRestart.String(): test.restart}
			if test.exec != "" {
				properties["exec_start"] = test.exec
			}
			h := newCrashingHost(t, properties)
			if test.before != nil {
				test.before(t, h)
			}
			s := supervise(t, h.Host)
			for len(s.Jails()) == 0 {
				time.Sleep(time.Millisecond)
			}
			if test.after != nil {
				test.after(t, h)
			}
			if test.want {
				s.await(t, "web", fleet.SupervisionRestarted, 1)
				require.Equal(t, []fleet.SupervisionKind{fleet.SupervisionEnded, fleet.SupervisionRestart, fleet.SupervisionRestarted}, s.kinds("web")[:3])
				require.Equal(t, []string{"web"}, jailtest.Running(t, h.Host))
			}
			// It is judged twenty times more: nothing follows.
			time.Sleep(100 * time.Millisecond)
			restarts := 0
			if test.want {
				restarts = 1
			}
			require.Equal(t, restarts, s.count("web", fleet.SupervisionRestart), s.kinds("web"))
		})
	}
}

// TestEndedIsNotAtWork: a jail that an operation is at work on looks ended, and is
// not.
func TestEndedIsNotAtWork(t *testing.T) {
	h := newCrashingHost(t, nil)
	web := jailtest.Load(t, h.Host, "web")[0]
	_, err := web.Start(t.Context(), jail.StartOptions{})
	require.NoError(t, err)
	ended, err := web.Ended(t.Context())
	require.NoError(t, err)
	require.False(t, ended)
	id, err := web.Identity(t.Context())
	require.NoError(t, err)
	h.crash(t, id)
	journal := h.JournalPath(web.Source().Name, "jail", "web")
	require.NoError(t, os.WriteFile(journal, nil, 0o600))
	_, err = web.Ended(t.Context())
	require.ErrorIs(t, err, jail.ErrBusy)
	require.NoError(t, os.Remove(journal))
	ended, err = web.Ended(t.Context())
	require.NoError(t, err)
	require.True(t, ended)
}
