package jail

import (
	"context"
	"errors"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/kernel"
)

// StopOptions say how a jail is stopped.
type StopOptions struct {
	// Force goes on when the prestop or stop hook fails, and is no error when
	// the jail does not run.
	Force bool
	// Env is added to the environment of every hook, over what it has.
	Env  map[string]string
	Busy Busy
}

// Stop runs the jail's hooks, removes it from the kernel, waits for its
// processes and unmounts what is below its root.
//
// Errors: ErrNotRunning, *HookError, ErrStuck, ErrBusy. A prestop or stop hook that
// fails leaves the jail running, unless Force is set; behind them the rest is done
// whatever happens, and what failed is tried again by the next Start or Stop, or by
// Recover.
func (j *Jail) Stop(ctx context.Context, o StopOptions) ([]events.IocEvent, error) {
	return j.Generator().Stop(o).Run(ctx)
}

// Stop returns the operation that [Jail.Stop] runs.
func (g *JailGenerator) Stop(o StopOptions) *Operation {
	j := g.jail
	return &Operation{
		jail:    j,
		name:    "stop",
		event:   events.JailStop{Jail: j.fullName},
		busy:    o.Busy,
		make:    func(ctx context.Context) (*plan.Plan, error) { return j.planStop(ctx, o) },
		env:     o.Env,
		cleared: func(recovered string) bool { return recovered != "stop" },
	}
}

func (j *Jail) planStop(ctx context.Context, o StopOptions) (*plan.Plan, error) {
	j, err := j.fresh(ctx)
	if err != nil {
		return nil, err
	}
	id, err := j.Identity(ctx)
	if err != nil && !(o.Force && errors.Is(err, ErrNotRunning)) {
		return nil, err
	}
	steps, commit, err := j.stopSteps(ctx, o, id)
	if err != nil {
		return nil, err
	}
	print, err := j.fingerprint(ctx)
	return &plan.Plan{
		Operation: "stop", Subject: j.fullName, Steps: steps, Commit: commit, Fingerprint: print,
	}, err
}

// stopSteps are the steps of a stop and the number of those that come before
// there is no way back.
func (j *Jail) stopSteps(ctx context.Context, o StopOptions, id kernel.Identity) (steps []plan.Step, commit int, err error) {
	for _, name := range []string{"prestop", "stop"} {
		hook, err := j.hook(name, func(a *stepHook) { a.Tolerate = o.Force })
		if err != nil {
			return nil, 0, err
		}
		steps = append(steps, hook...)
	}
	commit = len(steps)
	down, err := j.downSteps(ctx, o, id)
	return append(steps, down...), commit, err
}

// downSteps take the jail down once its hooks have run; there is no way back
// from them. The zero identity is the jail that the same plan has made.
func (j *Jail) downSteps(ctx context.Context, o StopOptions, id kernel.Identity) ([]plan.Step, error) {
	listed, err := j.fstabPlaces(ctx)
	if err != nil && !o.Force {
		return nil, err
	}
	poststop, err := j.hook("poststop", func(a *stepHook) { a.Last = true })
	if err != nil {
		return nil, err
	}
	netBefore, netAfter, err := j.networkEnd(ctx, id)
	if err != nil {
		return nil, err
	}
	limits, err := j.limitEnd(ctx)
	if err != nil {
		return nil, err
	}
	steps := j.unshareSteps()
	steps = append(steps, netBefore...)
	steps = append(steps, plan.StepOf(j.stepRemove(id)))
	steps = append(steps, netAfter...)
	steps = append(steps, poststop...)
	steps = append(steps, plan.StepOf(stepUnmount{j.RootDataset(), listed, j.sharedDatasets()}))
	return append(steps, limits...), nil
}

func (j *Jail) stepRemove(id kernel.Identity) stepRemove {
	return stepRemove{j.Identifier(), id, j.effective().Duration("stop_timeout")}
}
