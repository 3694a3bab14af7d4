package fleet

import (
	"context"
	"errors"
	"slices"

	"github.com/libioc/go-libioc/jail"
)

// rollBack stops what this call started and no jail needs that was asked for and
// is up. What could not be finished in time is left alone.
func (e *execution) rollBack(ctx context.Context, nodes []*node, results Results, o StartAllOptions) Results {
	failed := results.Failed()
	if len(failed) == 0 {
		return results
	}
	all := o.AllOrNothing && slices.ContainsFunc(failed, func(r Result) bool { return !r.Dependency })
	keep := slices.DeleteFunc(slices.Clone(nodes), func(n *node) bool { return !n.wanted || all || !n.stays() })
	back := undoGraph(nodes, withNeeds(keep))
	return results.undone(e.stopAgain(ctx, back, o))
}

// stays reports whether a jail that was asked for is left as it is: it is up,
// ready or not, or is still being worked on.
func (n *node) stays() bool {
	return n.result.Err == nil || n.notReady() || errors.Is(n.result.Err, errCut)
}

// startedHere reports whether this call started the jail.
func (n *node) startedHere() bool {
	return n.result.Outcome == Done || n.notReady() && n.result.Note == ""
}

// notReady reports whether the jail runs and is not ready. The error of one that
// was not begun is that of a jail it depends on.
func (n *node) notReady() bool {
	return !n.result.Began.IsZero() && errors.Is(n.result.Err, jail.ErrNotReady)
}

// undoGraph returns a node for each jail that was started and is not needed, in
// the reverse of the order of the start.
func undoGraph(nodes []*node, needed map[*node]bool) []*node {
	var back []*node
	undo := map[*node]*node{}
	for _, n := range nodes {
		if n.startedHere() && !needed[n] {
			undo[n] = newNode(n.jail, n.wanted, -n.order)
			back = append(back, undo[n])
		}
	}
	for n, u := range undo {
		for _, other := range n.needs {
			if v := undo[other]; v != nil {
				v.needs = append(v.needs, u)
			}
		}
	}
	return back
}

// stopAgain stops jails that were started in vain. A stop does not end with the
// context once it has passed its commit point: what is not over in time is left behind.
func (e *execution) stopAgain(ctx context.Context, nodes []*node, o StartAllOptions) Results {
	b := newExecution(Options{Parallel: e.o.Parallel, OnEvent: e.o.OnEvent}, e.now)
	b.callbacks, b.cut, b.independent = e.callbacks, e.cut, true
	b.begin = func(ctx context.Context, n *node) report {
		return b.follow(ctx, n.jail.Generator().Stop(jail.StopOptions{Force: true, Env: o.Start.Env, Busy: jail.BusyWait}))
	}
	return b.run(ctx, nodes)
}

var errNotNeeded = errors.New("stopped again, because what it was started for failed")

// undone adds the results of the stops to those of the starts.
func (r Results) undone(stops Results) Results {
	for _, stop := range stops {
		one := &r[slices.IndexFunc(r, func(other Result) bool { return other.Jail == stop.Jail })]
		one.Events = append(one.Events, stop.Events...)
		if one.Err == nil {
			one.Outcome, one.Err = RolledBack, &jail.Error{Op: "start", Jail: stop.Jail.FullName(), Err: errNotNeeded}
		}
		if stop.Err != nil {
			one.Outcome, one.Err = Failed, errors.Join(one.Err, stop.Err)
		}
	}
	return r
}
