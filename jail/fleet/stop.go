package fleet

import (
	"context"
	"errors"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/jail"
)

// StopAllOptions say how many jails are stopped.
type StopAllOptions struct {
	Options
	// Stop is how each of them is stopped.
	Stop jail.StopOptions
}

// StopAll stops jails: each one after those of the given jails that depend on it,
// the higher priority first, otherwise in parallel. Jails that were not given are
// left alone, whatever they depend on. A jail that does not run is passed over,
// and one that does not stop keeps no other from stopping.
//
// The error says that the jails of the host could not be listed; then nothing was
// begun.
func StopAll(ctx context.Context, h *host.Host, jails []*jail.Jail, o StopAllOptions) (Results, error) {
	deps, err := jail.ListDependencies(ctx, h, jails...)
	if err != nil {
		return nil, err
	}
	e := newExecution(o.Options, h.Now)
	e.independent = true
	e.begin = func(ctx context.Context, n *node) report { return e.stop(ctx, n.jail, o.Stop) }
	return e.run(ctx, stopGraph(deps, jails)), nil
}

func (e *execution) stop(ctx context.Context, j *jail.Jail, o jail.StopOptions) report {
	passed := report{outcome: Passed, note: "it does not run"}
	if running, err := j.Running(ctx); err == nil && !running {
		return passed
	}
	r := e.follow(ctx, j.Generator().Stop(o))
	if errors.Is(r.err, jail.ErrNotRunning) {
		return passed
	}
	return r
}
