package fleet

import (
	"cmp"
	"context"
	"time"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/jail"
)

// BootOptions say how jails are started with the host.
type BootOptions struct {
	Options
	// Budget is how long Boot may take; default DefaultBootBudget. After three
	// quarters of it no more jails are started, and those that are not up yet are
	// given up and rolled back. What is still being rolled back at its end fails, and
	// goes on without Boot.
	Budget time.Duration
	// Filters narrow down which of the jails marked with boot are started.
	Filters []string
	// Start is how each of them is started. Busy is jail.BusyWait.
	Start jail.StartOptions
}

// Boot starts every jail with boot=yes and the jails that these depend on, within
// the budget. Jails that run and templates are passed over. Jails of a lower
// priority begin before those of a higher one, which wait until the lower ones are
// ready or have failed, but no longer than their share of the budget: one that
// hangs does not keep all later ones down. A failure affects only dependent jails.
//
// The results are the report: Failed of them names what is not up and why. A jail
// whose configuration cannot be read is among them, since it might be marked. The
// error says that the jails could not be listed.
func Boot(ctx context.Context, h *host.Host, o BootOptions) (Results, error) {
	b := newBudget(time.Now(), cmp.Or(max(o.Budget, 0), DefaultBootBudget))
	o.Start.Busy = jail.BusyWait
	wanted, broken, deps, err := marked(ctx, h, append([]string{"boot=yes"}, o.Filters...))
	if err != nil {
		return nil, err
	}
	all := StartAllOptions{Options: o.Options, Start: o.Start}
	e := newExecution(o.Options, h.Now)
	nodes := e.starting(deps, wanted, all)
	for _, x := range broken {
		if !x.jail.Status().Running {
			nodes = append(nodes, x)
		}
	}
	hard, cancel := context.WithDeadline(context.WithoutCancel(ctx), b.hard)
	defer cancel()
	soft, cancelSoft := context.WithDeadline(ctx, b.soft)
	defer cancelSoft()
	e.budget, e.cut = b, hard.Done()
	results := e.run(soft, nodes)
	results = e.rollBack(hard, nodes, results, all)
	e.end()
	return results, nil
}

// marked lists the jails that the filters select, except templates, and as refused
// nodes those that could not be read.
func marked(ctx context.Context, h *host.Host, filters []string) (wanted []*jail.Jail, broken []*node, deps *jail.Dependencies, err error) {
	for j, err := range jail.List(ctx, h, append(filters, "foreign=no", "template=no,-")...) {
		switch {
		case j == nil:
			return nil, nil, nil, err
		case err != nil:
			n := newNode(j, true, 0)
			n.refused = err
			broken = append(broken, n)
		default:
			wanted = append(wanted, j)
		}
	}
	deps, err = jail.ListDependencies(ctx, h)
	return wanted, broken, deps, err
}
