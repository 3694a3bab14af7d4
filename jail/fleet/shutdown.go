package fleet

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/jail"
)

// ShutdownOptions say how jails are stopped with the host.
type ShutdownOptions struct {
	Options
	// Budget is how long Shutdown may take; default DefaultShutdownBudget. After
	// three quarters of it the jails that are still up are removed from the
	// kernel, which kills their processes.
	Budget time.Duration
	// Filters narrow down which jails are stopped.
	Filters []string
	// Stop is how each of them is stopped. Force is set and Busy is jail.BusyWait.
	Stop jail.StopOptions
}

// Shutdown stops every running jail of this host's sources, marked with boot or
// not, within the budget: those that depend on a jail before it, the higher
// priority first. A failure keeps no other jail from being stopped. Foreign jails
// are left to the program that made them.
//
// The results are the report; the error says that the jails could not be listed.
func Shutdown(ctx context.Context, h *host.Host, o ShutdownOptions) (Results, error) {
	b := newBudget(time.Now(), cmp.Or(max(o.Budget, 0), DefaultShutdownBudget))
	o.Stop.Force, o.Stop.Busy = true, jail.BusyWait
	wanted, broken, deps, err := marked(ctx, h, append([]string{"running=yes"}, o.Filters...))
	if err != nil {
		return nil, err
	}
	for _, x := range broken {
		// It runs: an unreadable configuration does not keep it up.
		wanted = append(wanted, x.jail)
	}
	hard, cancel := context.WithDeadline(ctx, b.hard)
	defer cancel()
	late, cancelLate := context.WithDeadline(hard, b.late)
	defer cancelLate()
	e := newExecution(o.Options, h.Now)
	e.independent, e.budget, e.cut = true, b, hard.Done()
	e.begin = func(ctx context.Context, n *node) report { return e.stopOrKill(ctx, n.jail, o.Stop, b.soft) }
	results := e.run(late, stopGraph(deps, wanted))
	e.end()
	return results, nil
}

var errKilled = errors.New("it did not stop by itself and was removed")

// stopOrKill stops the jail, and removes it if it does not stop, or does not until
// then.
func (e *execution) stopOrKill(ctx context.Context, j *jail.Jail, o jail.StopOptions, until time.Time) report {
	// Removing the jail ends the hook in it that its stop is waiting for.
	defer time.AfterFunc(time.Until(until), func() { kill(ctx, j) }).Stop()
	r := e.stop(ctx, j, o)
	if r.err != nil && kill(ctx, j) {
		r.err = &jail.Error{Op: "stop", Jail: j.FullName(), Err: errors.Join(errKilled, r.err)}
	}
	return r
}

// kill removes the jail from the kernel with its processes, whatever its
// configuration says. What it leaves mounted the next start clears.
func kill(ctx context.Context, j *jail.Jail) bool {
	ctx = context.WithoutCancel(ctx)
	id, err := j.Identity(ctx)
	return err == nil && j.Host().Kernel.JailRemove(ctx, id) == nil
}
