package fleet

import (
	"context"
	"errors"

	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/jail"
)

// StartAllOptions say how many jails are started.
type StartAllOptions struct {
	Options
	// Start is how each of them is started.
	Start jail.StartOptions
	// NoDependencies starts the given jails only, without regard to depends.
	NoDependencies bool
	// NoReady does not wait for ready probes: a jail is ready when it is started.
	NoReady bool
	// AllOrNothing stops everything that this call started if one of the jails
	// that were asked for fails.
	AllOrNothing bool
}

// StartAll starts jails and those that they depend on. A jail begins as soon as
// all that it depends on are ready: started and, if they have a ready probe
// (user.ready), answering. Jails that do not wait for each other start in
// parallel, those of lower priority first. A jail that runs is passed over; if
// others wait for it, it is waited for until it is ready.
//
// A failure affects only dependent jails, which fail with *jail.DependencyError.
// Jails that depend on each other in a circle fail with *jail.CycleError, and
// nothing is started for them. What this call started only for jails that failed
// is stopped again, the last first, also if the context has ended. A jail that was
// asked for and does not get ready fails with jail.ErrNotReady and keeps running.
//
// The error says that the jails of the host could not be listed; then nothing was
// begun. Results.Err has the errors of the jails.
func StartAll(ctx context.Context, h *host.Host, jails []*jail.Jail, o StartAllOptions) (Results, error) {
	deps, err := jail.ListDependencies(ctx, h, jails...)
	if err != nil {
		return nil, err
	}
	e := newExecution(o.Options, h.Now)
	nodes := e.starting(deps, jails, o)
	results := e.run(ctx, nodes)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.Settle())
	defer cancel()
	return e.rollBack(ctx, nodes, results, o), nil
}

// starting sets up the execution for starts and returns its nodes.
func (e *execution) starting(deps *jail.Dependencies, jails []*jail.Jail, o StartAllOptions) []*node {
	nodes := useful(startGraph(deps, jails, o.NoDependencies))
	e.begin = func(ctx context.Context, n *node) report {
		// Reject an invalid probe before starting anything.
		if _, err := n.jail.ReadyProbe(); err != nil && !o.NoReady {
			return report{err: &jail.Error{Op: "start", Jail: n.name, Err: err}}
		}
		how := o.Start
		how.NoDependencies = true // they have nodes of their own
		if !n.wanted {
			how.Busy = jail.BusyWait // another call may be starting it as well
		}
		r := e.follow(ctx, n.jail.Generator().Start(how))
		if errors.Is(r.err, jail.ErrRunning) {
			return report{outcome: Passed, note: "it is running"}
		}
		return r
	}
	e.settle = func(n *node, r report) func(context.Context) error {
		ranBefore := r.outcome == Passed
		if o.NoReady || key.UserReady.Of(n.jail.Effective()) == "" || ranBefore && len(n.neededBy) == 0 {
			return nil
		}
		return n.jail.WaitReady
	}
	return nodes
}
