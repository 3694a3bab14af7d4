package jail

import (
	"context"
	"os"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/kernel"
)

// RestartOptions say how a jail is restarted.
type RestartOptions struct {
	// Shutdown stops the jail and starts it again. Without it the restart is
	// soft: the stop hook and the start hook run in the jail, which keeps its
	// jid, its network, its mounts and what no hook ends.
	Shutdown bool
	// Force goes on when the prestop or stop hook fails; with Shutdown, a jail
	// that does not run is started. If its run has ended without Stop, see
	// [Jail.Ended], it is stopped first: its hooks run and what it has left goes.
	Force bool
	// Env is added to the environment of every hook, over what it has.
	Env map[string]string
	// Terminal, if set, is given to the start and stop hooks, see StartOptions.
	Terminal *os.File
	Busy     Busy
	// Confirm, if set, is called under the jail's lock before anything is changed,
	// with the jail as it is on disk now and the run that there is, zero if it does not
	// run. Its error refuses the restart. So a caller that has judged a run restarts no
	// other one. It may be called more than once, and must not run an operation on the
	// jail, which would wait for the lock.
	Confirm func(ctx context.Context, now *Jail, id kernel.Identity) error
}

// Restart restarts the services of a running jail, or the jail.
//
// A soft restart does not go back: once the stop hook has begun, the start hook
// runs too, even if the first failed or the context ended, because a jail with
// half its services is what nobody wants. libioc passes such failures over;
// here they are the error.
//
// With Shutdown a failed stop leaves the jail as Stop does, and a failed start
// leaves it stopped. Once the jail is removed, it is started again even if the
// context has ended; exec_timeout bounds that. A crash between leaves it stopped.
//
// Errors: ErrNotRunning, *HookError, those of Stop and Start, and of Confirm.
func (j *Jail) Restart(ctx context.Context, o RestartOptions) ([]events.IocEvent, error) {
	return j.Generator().Restart(o).Run(ctx)
}

// Restart returns the operation that [Jail.Restart] runs.
func (g *JailGenerator) Restart(o RestartOptions) *Operation {
	j := g.of()
	return &Operation{
		jail: j, name: "restart", event: events.JailRestart{Jail: j.FullName()}, busy: o.Busy,
		make:  func(ctx context.Context) (*plan.Plan, error) { return j.planRestart(ctx, o) },
		env:   o.Env,
		hooks: o.Terminal,
	}
}

func (j *Jail) planRestart(ctx context.Context, o RestartOptions) (*plan.Plan, error) {
	j, err := j.fresh(ctx)
	if err != nil {
		return nil, err
	}
	id, err := j.mayNotRun(ctx, o.Shutdown && o.Force)
	if err != nil {
		return nil, err
	}
	if o.Confirm != nil {
		if err := o.Confirm(ctx, j, id); err != nil {
			return nil, err
		}
	}
	var steps step.List
	if !o.Shutdown {
		// Nothing of it is tried again later: a hook that failed is told.
		steps.Append(j.hook("stop", func(a *step.RunHook) { a.Tolerate, a.Last = o.Force, true; j.limitForced(a, o.Force) }))
		steps.Append(j.hook("start", func(a *step.RunHook) { a.Last = true }))
		return j.plan(ctx, "restart", &steps)
	}
	if err := j.mayBeStarted(ctx); err != nil {
		return nil, err // before the jail is stopped
	}
	var start step.List
	j.startSteps(ctx, &start, StartOptions{})
	up, err := j.plan(ctx, "start", &start)
	if err != nil {
		return nil, err
	}
	if id.IsZero() {
		if ended, err := j.ended(ctx); err != nil || !ended {
			return up, err
		}
	}
	j.stopSteps(ctx, &steps, StopOptions{Force: o.Force}, id)
	down, err := steps.Plan("stop", j.FullName(), up.Fingerprint)
	if err == nil {
		down.Next = up
		up.Replan = func(ctx context.Context) (*plan.Plan, error) {
			now, err := j.fresh(ctx)
			if err != nil {
				return nil, err
			}
			var start step.List
			now.startSteps(ctx, &start, StartOptions{})
			p, err := now.plan(ctx, "start", &start)
			if err != nil {
				return nil, err
			}
			p.Replan = up.Replan
			return p, now.see(ctx, p)
		}
	}
	return down, err
}
