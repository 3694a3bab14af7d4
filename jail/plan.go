package jail

import (
	"context"
	"fmt"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
)

// Plan is what an operation will do, made without touching anything. Running it
// executes exactly these steps; if what it was made from has changed since,
// Run is refused with ErrPlanStale.
type Plan struct {
	op   *Operation
	plan *plan.Plan
}

// PlanStep is one step of a plan.
type PlanStep struct {
	Kind   string // such as "mount devfs"
	Detail string // what it changes
	// Undo reports whether a later failure undoes the step, where there is something
	// to undo: hooks, kernel modules, devfs rulesets and unmounted leftovers stay.
	// Once a step without it has begun the operation only goes forward.
	Undo bool
}

// Operation names what the plan is for: "create", "start", ...
func (p *Plan) Operation() string { return p.op.name }

// Steps lists the steps in order.
func (p *Plan) Steps() []PlanStep {
	var out []PlanStep
	for part := p.plan; part != nil; part = part.Next {
		for i, s := range part.Steps {
			out = append(out, PlanStep{Kind: s.Kind, Detail: s.Detail, Undo: part == p.plan && i < part.Commit})
		}
	}
	return out
}

// String prints the plan, one step a line.
func (p *Plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", p.op.name, p.op.jail.FullName())
	for i, s := range p.Steps() {
		fmt.Fprintf(&b, "%3d. %s: %s\n", i+1, s.Kind, s.Detail)
	}
	return b.String()
}

// Events executes the plan and returns the channel of the operation's events.
func (p *Plan) Events(ctx context.Context) <-chan events.IocEvent {
	return p.op.start(ctx, p.plan)
}

// Run executes the plan and returns the operation's events and its error.
func (p *Plan) Run(ctx context.Context) ([]events.IocEvent, error) {
	return collect(ctx, p.Events(ctx))
}
