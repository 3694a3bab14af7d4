package jail

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/hashicorp/go-multierror"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/catch"
	"github.com/libioc/go-libioc/kernel"
)

// startDependencies makes the operation, unless the jail is to be alone, start what its jail
// depends on before it takes the jail's lock, so that no operation ever waits for one jail
// while it has the lock of another. What it has started is stopped if the operation fails,
// and after a success too if once is set.
func (op *Operation) startDependencies(alone, once bool) *Operation {
	if alone {
		return op
	}
	op.mayPlan = func(ctx context.Context) error {
		_, err := op.dependencies(ctx)
		return err
	}
	op.before = func(ctx context.Context, recovered string, begin func(transitions int) *events.Span) (func(error) error, error) {
		on, err := op.dependencies(ctx)
		if err != nil || len(on) == 0 || recovered != "" && op.cleared != nil && !op.cleared(recovered) {
			return nil, err
		}
		// Nothing is begun for a jail that cannot be started, as far as can be seen yet.
		if _, err := op.planned(ctx); err != nil {
			return nil, err
		}
		s := starter{of: op.jail, span: begin(2 + 2*len(on)).Begin(events.JailDependantsStart{Jail: op.jail.FullName()})}
		after := func(err error) error {
			if err == nil && !once {
				return nil
			}
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), op.jail.host.Settle())
			defer cancel()
			return s.stop(ctx)
		}
		return after, catch.Panic(func() error { return s.start(ctx, on) })
	}
	return op
}

// dependencies returns what is to be started before the operation's jail, in that order,
// with those that run and may not be ready yet. There is none for a jail that cannot be
// read: its plan says why.
func (op *Operation) dependencies(ctx context.Context) ([]*Jail, error) {
	now, err := op.jail.fresh(ctx)
	if err == nil {
		now, err = now.with(op.properties)
	}
	if err != nil || len(dependsOf(now)) == 0 {
		return nil, nil //nolint:nilerr // see above
	}
	d, err := ListDependencies(ctx, now.host, now)
	if err != nil {
		return nil, err
	}
	return d.order(now)
}

// starter starts what a jail depends on.
type starter struct {
	of   *Jail
	span *events.Span
	runs []startedRun
}

// startedRun is a jail that was started for another.
type startedRun struct {
	jail *Jail
	id   kernel.Identity
}

func (s *starter) start(ctx context.Context, on []*Jail) error {
	var names []string
	for _, other := range on {
		span := s.span.Begin(events.JailDependantStart{Jail: other.FullName()})
		started, err := s.one(ctx, other)
		if err != nil {
			_ = span.Fail(err, "")
			err = &DependencyError{s.of.FullName(), other.FullName(), err}
			_ = s.span.Fail(err, "")
			return err
		}
		if !started {
			_ = span.Skip("it is running")
			continue
		}
		names = append(names, other.FullName())
		_ = span.Done("")
	}
	_ = s.span.DoneWith(events.JailDependantsStart{Jail: s.of.FullName(), Started: names})
	return nil
}

// one starts a jail and waits until it is ready.
func (s *starter) one(ctx context.Context, other *Jail) (started bool, err error) {
	if _, err := other.ReadyProbe(); err != nil {
		return false, err // before anything is started
	}
	// What runs is not waited for, whatever is done with it, unless that is its start.
	if running, err := other.Running(ctx); err == nil && running {
		if _, err := os.Lstat(other.journal()); errors.Is(err, fs.ErrNotExist) {
			return false, other.WaitReady(ctx)
		}
	}
	_, err = other.Start(ctx, StartOptions{NoDependencies: true, Busy: BusyWait})
	switch {
	case err == nil:
		id := other.Status().Identity
		if id.IsZero() {
			return false, ErrNotRunning // it has ended already
		}
		s.runs = append(s.runs, startedRun{other, id})
		started = true
	case !errors.Is(err, ErrRunning):
		return false, err
	}
	return started, other.WaitReady(ctx)
}

// stop stops what was started, still runs as it was and is of no use to another jail that
// has come up since, the last first.
func (s *starter) stop(ctx context.Context) error {
	var all *multierror.Error
	for _, run := range slices.Backward(s.runs) {
		if id, err := run.jail.Identity(ctx); err != nil || id != run.id {
			continue
		}
		d, err := ListDependencies(ctx, s.of.host)
		if err == nil && d.needed(run.jail) {
			continue
		}
		_, err = run.jail.Stop(ctx, StopOptions{Force: true, Busy: BusyWait})
		if err != nil && !errors.Is(err, ErrNotRunning) {
			all = multierror.Append(all, fmt.Errorf("stop what was started for %s: %w", s.of.FullName(), err))
		}
	}
	return all.ErrorOrNil()
}
