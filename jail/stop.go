package jail

import (
	"context"
	"time"

	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/kernel"
)

// StopOptions say how a jail is stopped.
type StopOptions struct {
	// Force goes on when the prestop or stop hook fails, and is no error when
	// the jail does not run. With exec_timeout=0 each hook has stop_timeout then.
	Force bool
	// Env is added to the environment of every hook, over what it has.
	Env  map[string]string
	Busy Busy
}

// Stop runs the jail's hooks, removes it from the kernel, waits for its
// processes and unmounts what is below its root.
//
// Errors: ErrNotRunning, *HookError, ErrStuck, ErrBusy. A prestop or stop hook that
// fails leaves the jail running, unless Force is set; after them the rest is done
// whatever happens, and what failed is tried again by the next Start or Stop, or by
// Recover.
func (j *Jail) Stop(ctx context.Context, o StopOptions) ([]events.IocEvent, error) {
	return j.Generator().Stop(o).Run(ctx)
}

// Stop returns the operation that [Jail.Stop] runs.
func (g *JailGenerator) Stop(o StopOptions) *Operation {
	j := g.of()
	return &Operation{
		jail: j, name: "stop", event: events.JailStop{Jail: j.FullName()}, busy: o.Busy,
		steps: func(ctx context.Context, now *Jail, l *step.List) error {
			id, err := now.mayNotRun(ctx, o.Force)
			if err != nil {
				return err
			}
			now.stopSteps(ctx, l, o, id)
			return nil
		},
		env:     o.Env,
		cleared: func(recovered string) bool { return recovered != "stop" },
	}
}

// mayNotRun is Identity, but zero for a jail that does not run if that is allowed.
func (j *Jail) mayNotRun(ctx context.Context, allowed bool) (kernel.Identity, error) {
	if allowed {
		return j.identity(ctx)
	}
	return j.Identity(ctx)
}

// stopSteps are the hooks before the commit point of a stop, and the steps after.
func (j *Jail) stopSteps(ctx context.Context, steps *step.List, o StopOptions, id kernel.Identity) {
	for _, name := range []string{"prestop", "stop"} {
		steps.Append(j.hook(name, func(a *step.RunHook) { a.Tolerate = o.Force; j.limitForced(a, o.Force) }))
	}
	steps.Commit()
	steps.Repeatable()
	j.downSteps(ctx, steps, o, id)
}

// leastForced is how long a hook has at least that is forced and has no limit of its own.
const leastForced = 2 * time.Second

// limitForced gives a hook without a limit, exec_timeout=0, the time that the jail's
// processes have to end: what is forced does not wait forever.
func (j *Jail) limitForced(a *step.RunHook, force bool) {
	if force && a.Timeout <= 0 {
		a.Timeout = max(key.StopTimeout.Of(j.Effective()), leastForced)
	}
}

// downSteps take the jail down once its hooks have run; there is no way back
// from them. The zero identity is the jail that the same plan has made.
func (j *Jail) downSteps(ctx context.Context, steps *step.List, o StopOptions, id kernel.Identity) {
	listed, err := j.fstabPlaces(ctx)
	if err != nil && !o.Force {
		steps.Fail(err)
	}
	steps.Append(j.unshareSteps(), nil)
	netAfter := j.networkEnd(ctx, steps, id)
	steps.Add(step.RemoveJail{Name: j.Identifier(), Identity: id, Grace: key.StopTimeout.Of(j.Effective())})
	steps.Append(netAfter, nil)
	steps.Append(j.hook("poststop", func(a *step.RunHook) { a.Last = true; j.limitForced(a, o.Force) }))
	steps.Add(step.Unmount{RootDataset: j.RootDataset(), Listed: listed, Shared: j.sharedDatasets()})
	steps.Append(j.limitEnd(ctx))
}
