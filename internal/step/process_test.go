package step

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/tail"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// TestCommandOutcome: whoever asked for a command gets to know how it ended and how much
// of its output was lost, or that it never ran.
func TestCommandOutcome(t *testing.T) {
	h := newHost(t, func(o *simhost.Options) {
		o.Programs["loud"] = func(_ context.Context, p *simkernel.Process) int {
			_, _ = p.Stdout.Write(make([]byte, tail.DefaultMax+1))
			_, _ = p.Stderr.Write(make([]byte, tail.DefaultMax+2))
			return 3
		}
	})
	makes(t, h, "zroot/web")
	e := envOf(h)
	var outcome Outcome
	e.Run.Ended = func(o Outcome) { outcome = o }
	command := RunCommand{Argv: []string{"loud"}, Name: "ioc-web", RootDataset: "zroot/web"}
	require.ErrorIs(t, performPlan(t, h, e, 0, command).err, jailerr.ErrNotRunning)
	require.Equal(t, -1, outcome.ExitCode)
	runs(t, h, "ioc-web", "zroot/web")
	require.NoError(t, performPlan(t, h, e, 0, command).err)
	require.Equal(t, 3, outcome.ExitCode)
	require.EqualValues(t, 3, outcome.Dropped)
}

// TestHookBegunAgain: what still runs of an interrupted hook is ended and told before the
// hook is run again. Without anything left nothing is told.
func TestHookBegunAgain(t *testing.T) {
	for _, c := range []struct {
		name   string
		inside bool
		left   func(t testing.TB, h *simhost.Host, id kernel.Identity) hookEffect
		says   string
	}{
		{"ended before", false, func(testing.TB, *simhost.Host, kernel.Identity) hookEffect { return hookEffect{} }, ""},
		{"on the host", false, func(t testing.TB, h *simhost.Host, id kernel.Identity) hookEffect {
			p := process(t, h, kernel.Identity{}, "sleeper")
			return hookEffect{ID: id, Leader: &p}
		}, "was ended"},
		{"only daemons in the jail", true, func(t testing.TB, h *simhost.Host, id kernel.Identity) hookEffect {
			return hookEffect{ID: id, Before: []kernel.Process{process(t, h, id, "sleeper")}}
		}, ""},
		{"in the jail", true, func(t testing.TB, h *simhost.Host, id kernel.Identity) hookEffect {
			process(t, h, id, "sleeper")
			return hookEffect{ID: id}
		}, "it may still run in the jail; begun since: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHost(t)
			makes(t, h, "zroot/web")
			was := c.left(t, h, runs(t, h, "ioc-web", "zroot/web"))
			hook := RunHook{Hook: "stop", Inside: c.inside, Name: "ioc-web"}
			out := perform(t, h, probe{func(ctx context.Context, e Env, call *plan.Call) error {
				call.Resumed = true
				if err := call.SetEffect(was); err != nil {
					return err
				}
				return hook.endFormer(ctx, e, call)
			}})
			require.NoError(t, out.err)
			var told []events.IocEvent
			for _, e := range out.ended {
				if _, ok := e.(events.Rollback); ok {
					told = append(told, e)
				}
			}
			if c.says == "" {
				require.Empty(t, told)
				return
			}
			require.Len(t, told, 1)
			require.Contains(t, told[0].Head().Message, c.says)
		})
	}
}

// TestCpuset: a jail gets the wanted CPUs that the machine has, and it is told which do
// not exist.
func TestCpuset(t *testing.T) {
	const cpus = 4
	for _, c := range []struct {
		name    string
		step    SetCpuset
		want    []int
		message string
		err     error
	}{
		{"some", SetCpuset{CPUs: []int{0, 3}}, []int{0, 3}, "", nil},
		{"all", SetCpuset{All: true}, []int{0, 1, 2, 3}, "", nil},
		{"one too many", SetCpuset{CPUs: []int{1, cpus}}, []int{1}, "this machine has no CPU [4]", nil},
		{"none of the machine", SetCpuset{Text: "4-5", CPUs: []int{4, 5}}, []int{0, 1, 2, 3}, "", jailerr.ErrConfig},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHost(t, func(o *simhost.Options) {
				o.Kernel = func(k *simkernel.Options) { k.Sysctls = map[string]string{"hw.ncpu": "4"} }
			})
			makes(t, h, "zroot/web")
			id := runs(t, h, "ioc-web", "zroot/web")
			a := c.step
			a.Jail = id.Name
			out := perform(t, h, a)
			require.ErrorIs(t, out.err, c.err)
			if c.err != nil {
				require.ErrorContains(t, out.err, "CPUs 0 to 3")
			}
			require.Len(t, out.ended, 1)
			require.Equal(t, c.message, out.ended[0].Head().Message)
			have, err := h.Sim.CpusetGet(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, c.want, have)
		})
	}
}
