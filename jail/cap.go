package jail

import (
	"context"
	"fmt"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
)

// LimitOptions say how the limits of a running jail are applied.
type LimitOptions struct {
	Busy Busy
}

// ApplyLimits brings the rctl(8) rules and the CPUs of a running jail to what its
// configuration says now, as "iocage cap" does: somebody may have changed
// either. With rlimits=no there are no rules.
//
// Errors: ErrNotRunning, ErrConfig where there are rules to apply and
// kern.racct.enable is 0, *kernel.CallError for a rule the kernel refuses,
// ErrBusy. A failure leaves the rules as they were.
func (j *Jail) ApplyLimits(ctx context.Context, o LimitOptions) ([]events.IocEvent, error) {
	return j.Generator().ApplyLimits(o).Run(ctx)
}

// ApplyLimits returns the operation that [Jail.ApplyLimits] runs.
func (g *JailGenerator) ApplyLimits(o LimitOptions) *Operation {
	j := g.jail
	return &Operation{
		jail:  j,
		name:  "apply limits",
		event: events.JailConfigApply{Jail: j.fullName},
		busy:  o.Busy,
		make:  j.planLimits,
	}
}

func (j *Jail) planLimits(ctx context.Context) (*plan.Plan, error) {
	now, err := j.fresh(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := now.Identity(ctx); err != nil {
		return nil, err
	}
	rules, notes := now.limitRules()
	if wanted, set := now.effective().AutoBool("rlimits"); set && !wanted {
		rules, notes = nil, nil
	}
	on, err := now.racct(ctx)
	if err != nil {
		return nil, err
	}
	var steps step.List
	switch {
	case on:
		args := step.ChangeLimits{SetLimits: step.SetLimits{Jail: j.Identifier(), Rules: rules, Notes: notes, Off: false}}
		if args.Old, err = j.host.Kernel.RctlGetRules(ctx, "jail:"+j.Identifier()); err != nil {
			return nil, err
		}
		steps.Add(args)
	case len(rules) > 0:
		return nil, fmt.Errorf("%w: limits need kern.racct.enable=1 in loader.conf(5) and a reboot", ErrConfig)
	}
	steps.Append(now.cpusetSteps(ctx))
	steps.Commit()
	return now.plan(ctx, "apply limits", &steps)
}
