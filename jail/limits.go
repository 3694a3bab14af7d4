package jail

import (
	"context"
	"errors"
	"fmt"

	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/kernel"
)

// limitRules are the jail's rules in the form of rctl(8), with the words that a
// person should know of them.
func (j *Jail) limitRules() (rules, notes []string) {
	for _, l := range j.effective().Limits() {
		rules = append(rules, "jail:"+j.Identifier()+":"+l.Rule())
		if l.Resource == "memoryuse" && l.Action == "deny" {
			notes = append(notes, "memoryuse:deny has no effect that one can see: FreeBSD counts resident memory and only asks the pager; vmemoryuse:deny and memoryuse:sigkill do bite")
		}
	}
	return rules, notes
}

// limitSteps apply the jail's limits before its first process. With rlimits=no
// there are none. On a kernel without racct they are left out with a word, or,
// with rlimits=yes, refused.
func (j *Jail) limitSteps(ctx context.Context) ([]plan.Step, error) {
	rules, notes := j.limitRules()
	wanted, set := j.effective().AutoBool("rlimits")
	if len(rules) == 0 || set && !wanted {
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

// racct tells whether the kernel counts resources.
func (j *Jail) racct(ctx context.Context) (bool, error) {
	n, err := j.host.Kernel.SysctlInt(ctx, "kern.racct.enable")
	if errors.Is(err, kernel.ErrNotFound) {
		return false, nil
	}
	return n == 1, err
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
	set := j.effective().CPUSet()
	if !set.All && len(set.CPUs) == 0 {
		return nil, nil
	}
	return []plan.Step{plan.StepOf(step.SetCpuset{Jail: j.Identifier(), Text: set.String(), CPUs: set.CPUs, All: set.All})}, nil
}
