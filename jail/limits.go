package jail

import (
	"context"
	"fmt"

	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/kernel"
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
	j := g.of()
	return &Operation{
		jail: j, name: "apply limits", event: events.JailConfigApply{Jail: j.FullName()}, busy: o.Busy,
		steps: limitChanges,
	}
}

func limitChanges(ctx context.Context, j *Jail, l *step.List) error {
	if _, err := j.Identity(ctx); err != nil {
		return err
	}
	rules, notes := j.limitRules()
	on, err := j.racct(ctx)
	switch {
	case err != nil:
		return err
	case on:
		l.Append(j.changeLimits(ctx, rules, notes))
	case len(rules) > 0:
		return fmt.Errorf("%w: limits need kern.racct.enable=1 in loader.conf(5) and a reboot", ErrConfig)
	}
	l.Append(j.cpusetSteps(ctx))
	l.Commit()
	return nil
}

// limitRules returns the jail's rules in the form of rctl(8), with the words that a
// person should know of them. With rlimits=no both are empty.
func (j *Jail) limitRules() (rules, notes []string) {
	if wanted, set := key.Rlimits.Lookup(j.Effective()); set && !wanted {
		return nil, nil
	}
	for _, l := range j.Effective().Limits() {
		rules = append(rules, "jail:"+j.Identifier()+":"+l.Rule())
		if l.Resource == "memoryuse" && l.Action == "deny" {
			notes = append(notes, "memoryuse:deny has no effect that one can see: FreeBSD counts resident memory and only asks the pager; vmemoryuse:deny and memoryuse:sigkill do bite")
		}
	}
	return rules, notes
}

// limitSteps apply the jail's limits before its first process. On a kernel without racct
// they are left out with a word, or, with rlimits=yes, refused.
func (j *Jail) limitSteps(ctx context.Context) ([]plan.Step, error) {
	rules, notes := j.limitRules()
	_, set := key.Rlimits.Lookup(j.Effective())
	if len(rules) == 0 {
		return nil, nil
	}
	on, err := j.racct(ctx)
	if err != nil {
		return nil, err
	}
	if !on && set {
		return nil, fmt.Errorf("%w: rlimits=yes needs kern.racct.enable=1 in loader.conf(5) and a reboot", ErrConfig)
	}
	return []plan.Step{plan.StepOf(step.SetLimits{Jail: j.Identifier(), Rules: rules, Notes: notes, Off: !on})}, nil
}

// racct reports whether the kernel counts resources.
func (j *Jail) racct(ctx context.Context) (bool, error) {
	n, err := j.host.Kernel.SysctlInt(ctx, "kern.racct.enable")
	return n == 1, ignore.Err(err, kernel.ErrNotFound)
}

// limitEnd clears the rules of the jail's exact name, whoever set them: they
// would outlive it and count for the next jail of that name.
func (j *Jail) limitEnd(ctx context.Context) ([]plan.Step, error) {
	on, err := j.racct(ctx)
	if err != nil || !on {
		return nil, err
	}
	rules, err := j.host.Kernel.RctlGetRules(ctx, "jail:"+j.Identifier())
	if err != nil || len(rules) == 0 {
		return nil, err
	}
	return []plan.Step{plan.StepOf(step.ClearLimits{Jail: j.Identifier()})}, nil
}

// cpusetSteps bind the jail to its CPUs, right after it was made and before its
// first process.
func (j *Jail) cpusetSteps(ctx context.Context) ([]plan.Step, error) {
	set := key.CPUSet.Of(j.Effective())
	if !set.All && len(set.CPUs) == 0 {
		return nil, nil
	}
	return []plan.Step{plan.StepOf(step.SetCpuset{Jail: j.Identifier(), Text: set.String(), CPUs: set.CPUs, All: set.All})}, nil
}

// changeLimits returns the step that replaces the rules of the jail by these.
func (j *Jail) changeLimits(ctx context.Context, rules, notes []string) ([]plan.Step, error) {
	on, err := j.racct(ctx)
	if err != nil {
		return nil, err
	}
	a := step.ChangeLimits{SetLimits: step.SetLimits{Jail: j.Identifier(), Rules: rules, Notes: notes, Off: !on}}
	if on {
		a.Old, err = j.host.Kernel.RctlGetRules(ctx, "jail:"+j.Identifier())
	}
	return []plan.Step{plan.StepOf(a)}, err
}
