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
func (g *JailGenerator) Stop(ctx context.Context, o StopOptions) <-chan events.IocEvent {
	return g.start(ctx, g.stopOperation(o), nil)
}

// Stop is the synchronous form of [JailGenerator.Stop].
func (j *Jail) Stop(ctx context.Context, o StopOptions) ([]events.IocEvent, error) {
	return collect(ctx, j.JailGenerator.Stop(ctx, o))
}

// PlanStop plans what Stop would do.
func (g *JailGenerator) PlanStop(ctx context.Context, o StopOptions) (*Plan, error) {
	return g.planned(ctx, g.stopOperation(o))
}

func (g *JailGenerator) stopOperation(o StopOptions) operation {
	return operation{
		name:    "stop",
		event:   events.JailStop{Jail: g.fullName},
		busy:    o.Busy,
		make:    func(ctx context.Context) (*plan.Plan, error) { return g.planStop(ctx, o) },
		begin:   func(r *run) { r.extra = o.Env },
		cleared: func(recovered string) bool { return recovered != "stop" },
	}
}

func (g *JailGenerator) planStop(ctx context.Context, o StopOptions) (*plan.Plan, error) {
	g, err := g.fresh(ctx)
	if err != nil {
		return nil, err
	}
	id, err := g.Identity(ctx)
	if err != nil && !(o.Force && errors.Is(err, ErrNotRunning)) {
		return nil, err
	}
	steps, commit, err := g.stopSteps(ctx, o, id)
	if err != nil {
		return nil, err
	}
	print, err := g.fingerprint(ctx)
	return &plan.Plan{
		Operation: "stop", Subject: g.fullName, Steps: steps, Commit: commit, Fingerprint: print,
	}, err
}

// stopSteps are the steps of a stop and the number of those that come before
// there is no way back.
func (g *JailGenerator) stopSteps(ctx context.Context, o StopOptions, id kernel.Identity) (steps []plan.Step, commit int, err error) {
	for _, name := range []string{"prestop", "stop"} {
		hook, err := g.hook(name, func(a *hookArgs) { a.Tolerate = o.Force })
		if err != nil {
			return nil, 0, err
		}
		steps = append(steps, hook...)
	}
	commit = len(steps)
	down, err := g.downSteps(ctx, o, id)
	return append(steps, down...), commit, err
}

// downSteps take the jail down once its hooks have run; there is no way back
// from them. The zero identity is the jail that the same plan has made.
func (g *JailGenerator) downSteps(ctx context.Context, o StopOptions, id kernel.Identity) ([]plan.Step, error) {
	listed, err := g.fstabPlaces(ctx)
	if err != nil && !o.Force {
		return nil, err
	}
	poststop, err := g.hook("poststop", func(a *hookArgs) { a.Last = true })
	if err != nil {
		return nil, err
	}
	netBefore, netAfter, err := g.networkEnd(ctx, id)
	if err != nil {
		return nil, err
	}
	limits, err := g.limitEnd(ctx)
	if err != nil {
		return nil, err
	}
	steps := g.unshareSteps()
	steps = append(steps, netBefore...)
	steps = append(steps, stepRemove.Step(g.removeArgs(id)))
	steps = append(steps, netAfter...)
	steps = append(steps, poststop...)
	steps = append(steps, stepUnmount.Step(unmountArgs{g.RootDataset(), listed, g.sharedDatasets()}))
	return append(steps, limits...), nil
}
