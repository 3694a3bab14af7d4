package jail

import (
	"context"
	"errors"
	"time"

	"github.com/libioc/go-libioc/host"
)

// The standard budgets. rc.shutdown(8) is ended by its watchdog after 90 s
// (rcshutdown_timeout in rc.conf(5)).
const (
	DefaultBootBudget     = 5 * time.Minute
	DefaultShutdownBudget = 80 * time.Second
)

// BootOptions say how jails are started with the host.
type BootOptions struct {
	ManyOptions
	// Budget is how long Boot may take; default DefaultBootBudget. After three
	// quarters of it no jail is started any more and those that are not up yet
	// are given up and put back.
	Budget time.Duration
	// Filters narrow down which of the jails marked with boot are started.
	Filters []string
	// Start is how each of them is started. Busy is Wait.
	Start StartOptions
}

// Boot starts every jail with boot=yes and what these depend on, within the
// budget. Jails that run and templates are passed over. Jails of a lower
// priority begin before those of a higher one: these wait until the lower are
// ready or have failed, but no longer than their share of the budget, so that
// one that hangs does not keep all behind it down. One failure keeps nobody from
// starting but those that depend on it.
//
// The results are the report: Failed of them names what is not up and why. A
// jail whose configuration cannot be read is among them, since nobody can tell
// whether it is marked. The error is that the jails could not be listed.
func Boot(ctx context.Context, h *host.Host, o BootOptions) (Results, error) {
	began := time.Now()
	if o.Budget <= 0 {
		o.Budget = DefaultBootBudget
	}
	o.Start.Busy = Wait
	wanted, broken, err := marked(ctx, h, append([]string{"boot=yes"}, o.Filters...))
	if err != nil {
		return nil, err
	}
	p, err := populate(ctx, h, nil)
	if err != nil {
		return nil, err
	}
	nodes := useful(p.startGraph(wanted, false))
	for _, b := range broken {
		if b.jail.status.Running {
			continue
		}
		nodes = append(nodes, &node{jail: b.jail, wanted: true, refused: b.err})
	}
	all := StartAllOptions{ManyOptions: o.ManyOptions, Start: o.Start}
	e := newExecution(o.ManyOptions)
	e.now = h.Now
	e.starting(nodes, all)
	e.within(began, o.Budget)
	hard, cancel := context.WithDeadline(context.WithoutCancel(ctx), began.Add(o.Budget))
	defer cancel()
	e.cut = hard.Done()
	soft, cancelSoft := context.WithDeadline(ctx, began.Add(o.Budget*3/4))
	defer cancelSoft()
	results := e.run(soft, nodes)
	results = e.rollBack(hard, nodes, results, all)
	e.end()
	return results, nil
}

// within sets the limits that a budget means for a run in levels.
func (e *execution) within(began time.Time, budget time.Duration) {
	e.levels = true
	e.deadline = began.Add(budget * 3 / 4)
	e.patience = budget / 10
}

// brokenJail is one that could not be read.
type brokenJail struct {
	jail *Jail
	err  error
}

// marked lists the jails that the filters select, templates apart, and those
// that could not be read.
func marked(ctx context.Context, h *host.Host, filters []string) (wanted []*Jail, broken []brokenJail, err error) {
	for j, err := range List(ctx, h, append(filters, "foreign=no", "template=no,-")...) {
		switch {
		case j == nil:
			return nil, nil, err
		case err != nil:
			broken = append(broken, brokenJail{j, err})
		default:
			wanted = append(wanted, j)
		}
	}
	return wanted, broken, nil
}

// ShutdownOptions say how jails are stopped with the host.
type ShutdownOptions struct {
	ManyOptions
	// Budget is how long Shutdown may take; default DefaultShutdownBudget. After
	// three quarters of it the jails that are still up are removed from the
	// kernel, which kills their processes.
	Budget time.Duration
	// Filters narrow down which jails are stopped.
	Filters []string
	// Stop is how each of them is stopped. Force is set and Busy is Wait.
	Stop StopOptions
}

// Shutdown stops every running jail of this host's sources, marked with boot or
// not, within the budget: those that depend on a jail before it, the higher
// priority first. One failure keeps no other from being stopped. Foreign jails
// are left to who made them.
//
// The results are the report; the error is that the jails could not be listed.
func Shutdown(ctx context.Context, h *host.Host, o ShutdownOptions) (Results, error) {
	began := time.Now()
	if o.Budget <= 0 {
		o.Budget = DefaultShutdownBudget
	}
	o.Stop.Force, o.Stop.Busy = true, Wait
	wanted, broken, err := marked(ctx, h, append([]string{"running=yes"}, o.Filters...))
	if err != nil {
		return nil, err
	}
	for _, b := range broken {
		// It runs: a configuration that nobody can read does not keep it up.
		wanted = append(wanted, b.jail)
	}
	p, err := populate(ctx, h, nil)
	if err != nil {
		return nil, err
	}
	nodes := p.stopGraph(wanted)
	e := newExecution(o.ManyOptions)
	e.now, e.independent = h.Now, true
	e.within(began, o.Budget)
	hard, cancel := context.WithDeadline(ctx, began.Add(o.Budget))
	defer cancel()
	e.cut = hard.Done()
	soft := began.Add(o.Budget * 3 / 4)
	e.begin = func(ctx context.Context, n *node) (Outcome, error) {
		// Removing the jail ends the hook in it that its stop is waiting for.
		kill := time.AfterFunc(time.Until(soft), func() { n.jail.kill(ctx) })
		defer kill.Stop()
		outcome, err := e.stop(ctx, n, o.Stop)
		if err != nil && n.jail.kill(ctx) {
			err = &Error{"stop", n.jail.fullName, errors.Join(errKilled, err)}
		}
		return outcome, err
	}
	late, cancelLate := context.WithDeadline(hard, began.Add(o.Budget*9/10))
	defer cancelLate()
	results := e.run(late, nodes)
	e.end()
	return results, nil
}

var errKilled = errors.New("it did not stop by itself and was removed")

// kill removes the jail from the kernel, processes and all, whatever its
// configuration says. What it leaves mounted the next start clears.
func (j *Jail) kill(ctx context.Context) bool {
	ctx = context.WithoutCancel(ctx)
	id, err := j.Identity(ctx)
	return err == nil && j.host.Kernel.JailRemove(ctx, id) == nil
}
