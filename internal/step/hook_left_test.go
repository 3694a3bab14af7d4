package step_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// killedIn is a kernel under which the program is killed while a hook runs: the hook goes
// on, and its process is noted down as noted says, if at all.
type killedIn struct {
	kernel.Kernel
	noted func(p kernel.Process) (kernel.Process, bool)
	leads chan kernel.Process
}

func (k killedIn) Run(ctx context.Context, cmd kernel.Command) (kernel.Exit, error) {
	note := cmd.Started
	started := make(chan kernel.Process, 1)
	cmd.Started = func(p kernel.Process) error { started <- p; return nil }
	go func() { _, _ = k.Kernel.Run(context.WithoutCancel(ctx), cmd) }() // ended by the recovery, or with the host
	p := <-started
	k.leads <- p
	for { // until its child runs
		list, err := k.ProcessList(ctx, p.JID)
		if err != nil {
			return kernel.Exit{}, err
		}
		for _, child := range list {
			if child.Command == "sleeper" {
				if p, ok := k.noted(p); ok {
					return kernel.Exit{}, errors.Join(plan.ErrCrash, note(p))
				}
				return kernel.Exit{}, plan.ErrCrash
			}
		}
		time.Sleep(time.Millisecond)
	}
}

// TestHookThatIsLeft: what still runs of an interrupted hook is ended before it is run
// again, or when it is undone, if it is proved to be the hook's; else it is told.
func TestHookThatIsLeft(t *testing.T) {
	exact := func(p kernel.Process) (kernel.Process, bool) { return p, true }
	another := func(p kernel.Process) (kernel.Process, bool) { p.Start = p.Start.Add(-time.Hour); return p, true }
	never := func(p kernel.Process) (kernel.Process, bool) { return p, false }
	for _, c := range []struct {
		name, hook, program string
		noted               func(kernel.Process) (kernel.Process, bool)
		ends                bool
		says, not           string
	}{
		{"on the host", "prestop", "lingers", exact, true, "exec.prestop was interrupted; its process group", "still runs"},
		{"deaf", "prestop", "deaf", exact, true, "(deaf)", "still runs"},
		{"in the jail", "stop", "lingers", exact, true, "was ended", "still runs"},
		{"another's pid", "prestop", "lingers", another, false, "still runs, and nothing proves that it is the hook's", "was ended"},
		{"not noted, in the jail", "stop", "lingers", never, false, "exec.stop was interrupted; it may still run in the jail; begun since: ", "was ended"},
		{"not noted, on the host", "prestop", "lingers", never, false, "exec.prestop was interrupted; it may run on the host, and its process is not known", "begun"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := lingeringHost(t)
			k := killedIn{h.Kernel, c.noted, make(chan kernel.Process, 1)}
			s := newStage(t, h)
			real := h.Kernel
			h.Kernel = k
			err := s.run(t, step.RunHook{
				Hook: c.hook, Command: c.program, Inside: c.hook == "stop", Name: "ioc-web", RootDataset: rootOfWeb, Timeout: time.Hour,
			}, func(plan.Point) error { return nil })
			require.ErrorIs(t, err, plan.ErrCrash)
			h.Kernel = real
			require.NoError(t, s.resume(t))
			require.False(t, s.left())
			var said string
			for _, e := range s.told(t) {
				if e, ok := e.(events.Rollback); ok && e.Head().State == events.Done {
					said += e.Head().Message
				}
			}
			require.Contains(t, said, c.says)
			require.NotContains(t, said, c.not)
			leader := <-k.leads
			if !c.ends {
				require.NoError(t, real.ProcessSignal(t.Context(), leader, 0), "it was ended")
				return
			}
			require.Contains(t, said, "(sleeper)")
			wait, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			require.NoError(t, real.ProcessWait(wait, []kernel.Process{leader}))
		})
	}
}

// lingeringHost has a running jail, and programs that run for an hour with a child; one
// of them does not heed SIGTERM.
func lingeringHost(t testing.TB) *simhost.Host {
	parent := func(deaf bool) simkernel.Program {
		return func(_ context.Context, p *simkernel.Process) int {
			if deaf {
				p.Trap(15)
			}
			if _, err := p.Start(false, "/bin/sleeper"); err != nil {
				return 1
			}
			p.Sleep(time.Hour)
			return 0
		}
	}
	h := hostOf(simhost.Options{Programs: map[string]simkernel.Program{
		"sleeper": func(_ context.Context, p *simkernel.Process) int { p.Sleep(time.Hour); return 0 },
		"lingers": parent(false), "deaf": parent(true),
	}})(t)
	_, err := scratch("web", plain()).run(t.Context(), t, h)
	require.NoError(t, err)
	for _, name := range []string{"sh", "sleeper", "lingers", "deaf"} {
		jailtest.WriteRoot(t, h, "web", "bin/"+name)
	}
	_, err = start("web").run(t.Context(), t, h)
	require.NoError(t, err)
	return h
}
