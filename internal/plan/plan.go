package plan

import (
	"context"
	"slices"
)

// Plan is an operation before it runs.
type Plan struct {
	Operation string `json:"operation"` // "create", "start", "stop", ...
	Subject   string `json:"subject"`   // what it is about, for people
	Steps     []Step `json:"steps"`
	// Also are the keys of other resources that the plan changes or reads as it
	// goes: an operation on one of them waits for the end of this one, and
	// resumes it first if it was interrupted.
	Also []string `json:"also,omitempty"`
	// Commit is the number of steps that can be undone: once step Commit has
	// begun the plan only goes forward. len(Steps) means that every failure is
	// rolled back.
	Commit int `json:"commit"`
	// Abandon drops what failed after the commit point: the caller is told
	// and decides, no later operation goes on with it. A crash is still
	// recovered from.
	Abandon bool `json:"abandon,omitempty"`
	// Repeatable marks a plan whose steps may run twice. On a full disk it runs
	// without a journal: what it takes away is what makes space.
	Repeatable bool `json:"repeatable,omitempty"`
	// Fingerprint is what the plan was made from. If it differs when the plan
	// runs, the plan is stale.
	Fingerprint map[string]string `json:"fingerprint,omitempty"`
	// Seen is what had the names of datasets and jails when the plan was made, see
	// [Call.Same].
	Seen map[string]string `json:"seen,omitempty"`
	// Next runs after this plan was done, with a journal of its own, as the
	// start of a restart does after its stop, whether or not the context has
	// ended by then. A crash between the two leaves the first done and the
	// second not begun.
	Next *Plan `json:"-"`
	// Replan makes this plan anew, for a Next whose first step has failed with Again.
	Replan func(ctx context.Context) (*Plan, error) `json:"-"`
}

// Room is how many state changes of events a run of the plan sends at most:
// begin and end of each step, of each undo, and of the operation.
func (p *Plan) Room() int { return 4*len(p.All()) + 4 }

// All are the steps of the plan and of those that follow it.
func (p *Plan) All() []Step {
	all := slices.Clone(p.Steps)
	if p.Next != nil {
		all = append(all, p.Next.All()...)
	}
	return all
}
