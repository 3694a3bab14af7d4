package jail

import (
	"context"
	"errors"
	"slices"

	"github.com/libioc/go-libioc/host"
)

// StartAllOptions say how many jails are started.
type StartAllOptions struct {
	ManyOptions
	// Start is how each of them is started.
	Start StartOptions
	// NoDependencies starts the given jails only, without regard to depends.
	NoDependencies bool
	// NoReady does not wait for ready probes: a jail is ready when it is started.
	NoReady bool
	// AllOrNothing stops everything that this call started if one of the jails
	// that were asked for fails.
	AllOrNothing bool
}

// StartAll starts jails and those that they depend on. A jail begins as soon as
// all that it depends on are ready, that is started and, if they have a ready
// probe ([ReadyKey]), answering; jails that do not wait for each other start in
// parallel, those of lower priority first. A jail that runs is passed over, one
// that others wait for is waited for until it is ready.
//
// One failure keeps nobody from starting but those that depend on it; they fail
// with *DependencyError. Jails that depend on each other in a circle fail with
// *CycleError, and nothing is started for them. What this call started only for
// jails that failed is stopped again, the last first, also when the context has
// ended. A jail that was asked for and does not get ready fails with ErrNotReady
// and keeps running.
//
// The error is that the jails of the host could not be listed; then nothing was
// begun. Results.Err has those of the jails.
func StartAll(ctx context.Context, h *host.Host, jails []*Jail, o StartAllOptions) (Results, error) {
	p, err := populate(ctx, h, jails)
	if err != nil {
		return nil, err
	}
	nodes := useful(p.startGraph(jails, o.NoDependencies))
	e := newExecution(o.ManyOptions)
	e.now = h.Now
	e.starting(nodes, o)
	results := e.run(ctx, nodes)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.Settle())
	defer cancel()
	return e.rollBack(ctx, nodes, results, o), nil
}

// starting sets up the execution for starts.
func (e *execution) starting(nodes []*node, o StartAllOptions) {
	waited := map[*node]bool{}
	for _, n := range nodes {
		for _, other := range n.needs {
			waited[other] = true
		}
	}
	e.begin = func(ctx context.Context, n *node) (Outcome, error) {
		// A probe that is none is a mistake to be told before anything happens.
		if _, err := n.jail.probe(ReadyKey, readyStandard); err != nil && !o.NoReady {
			return Failed, n.jail.refused("start", err)
		}
		how := o.Start
		if !n.wanted {
			how.Busy = Wait // another call may be starting it as well
		}
		err := e.follow(n, n.jail.Generator().Start(how).Events(ctx))
		if errors.Is(err, ErrRunning) {
			n.result.Note, n.result.Events = "it is running", nil
			return Passed, nil
		}
		return Done, err
	}
	if o.NoReady {
		return
	}
	e.settle = func(n *node) func(context.Context) error {
		ranBefore := n.result.Note != ""
		if n.jail.effective().String(ReadyKey) == "" || ranBefore && !waited[n] {
			return nil
		}
		return n.jail.WaitReady
	}
}

// rollBack stops what this call started and no jail needs that was asked for
// and is up. What could not be finished in time is left alone.
func (e *execution) rollBack(ctx context.Context, nodes []*node, results Results, o StartAllOptions) Results {
	failed := slices.ContainsFunc(results, func(r Result) bool { return r.Err != nil })
	if !failed {
		return results
	}
	all := o.AllOrNothing && slices.ContainsFunc(results, func(r Result) bool { return r.Err != nil && !r.Dependency })
	needed := map[*node]bool{}
	var mark func(n *node)
	mark = func(n *node) {
		if !needed[n] {
			needed[n] = true
			for _, other := range n.needs {
				mark(other)
			}
		}
	}
	for _, n := range nodes {
		// One that was asked for and is up but not ready stays, and so does what
		// it needs.
		if n.wanted && !all && (n.result.Err == nil || errors.Is(n.result.Err, ErrNotReady)) {
			mark(n)
		}
	}
	var back []*node
	undo := map[*node]*node{}
	for _, n := range nodes {
		started := n.result.Outcome == Done || errors.Is(n.result.Err, ErrNotReady) && n.result.Note == ""
		if started && !needed[n] {
			u := &node{jail: n.jail, wanted: n.wanted, order: -n.order}
			undo[n] = u
			back = append(back, u)
		}
	}
	for n, u := range undo {
		for _, other := range n.needs {
			if v := undo[other]; v != nil {
				v.needs = append(v.needs, u)
			}
		}
	}
	b := newExecution(ManyOptions{Parallel: e.o.Parallel, OnEvent: e.o.OnEvent})
	b.now, b.independent = e.now, true
	b.begin = func(ctx context.Context, n *node) (Outcome, error) {
		err := b.follow(n, n.jail.Generator().Stop(StopOptions{Force: true, Env: o.Start.Env, Busy: Wait}).Events(ctx))
		return Done, err
	}
	undone := b.run(ctx, back)
	for n, u := range undo {
		i := slices.IndexFunc(results, func(r Result) bool { return r.Jail == n.jail })
		r := &results[i]
		r.Events = append(r.Events, u.result.Events...)
		if r.Err == nil {
			r.Outcome, r.Err = RolledBack, &Error{"start", n.jail.fullName, errNotNeeded}
		}
	}
	for _, r := range undone.Failed() {
		i := slices.IndexFunc(results, func(other Result) bool { return other.Jail == r.Jail })
		results[i].Outcome, results[i].Err = Failed, appendErrors(results[i].Err, r.Err)
	}
	return results
}

var errNotNeeded = errors.New("stopped again, because what it was started for failed")

// StopAllOptions say how many jails are stopped.
type StopAllOptions struct {
	ManyOptions
	// Stop is how each of them is stopped.
	Stop StopOptions
}

// StopAll stops jails: each one after those of the given jails that depend on
// it, the higher priority first, else in parallel. Jails that were not given are
// left alone, whatever they depend on. A jail that does not run is passed over,
// and one that does not stop keeps no other from stopping.
//
// The error is that the jails of the host could not be listed; then nothing was
// begun.
func StopAll(ctx context.Context, h *host.Host, jails []*Jail, o StopAllOptions) (Results, error) {
	p, err := populate(ctx, h, jails)
	if err != nil {
		return nil, err
	}
	e := newExecution(o.ManyOptions)
	e.now, e.independent = h.Now, true
	e.begin = func(ctx context.Context, n *node) (Outcome, error) { return e.stop(ctx, n, o.Stop) }
	return e.run(ctx, p.stopGraph(jails)), nil
}

func (e *execution) stop(ctx context.Context, n *node, o StopOptions) (Outcome, error) {
	running, err := n.jail.Running(ctx)
	if err == nil && !running {
		n.result.Note = "it does not run"
		return Passed, nil
	}
	err = e.follow(n, n.jail.Generator().Stop(o).Events(ctx))
	if errors.Is(err, ErrNotRunning) {
		n.result.Note, n.result.Events = "it does not run", nil
		return Passed, nil
	}
	return Done, err
}

// appendErrors keeps the first error first.
func appendErrors(first, more error) error {
	if first == nil {
		return more
	}
	return errors.Join(first, more)
}
