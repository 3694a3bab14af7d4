package plan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/go-multierror"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/catch"
)

// Runner executes plans over an environment E.
type Runner[E any] struct {
	Kinds Kinds[E]
	// Settle bounds the time that rolling back, or going forward after the
	// commit point, may take altogether, beyond the limits that its steps have
	// of their own.
	Settle time.Duration
}

// Run executes the plan of the journal and removes the journal when nothing is
// left to do. The error's first cause is the failed step's or the context's;
// failed undos are appended to it with go-multierror.
func (r Runner[E]) Run(ctx context.Context, env E, j *Journal, parent *events.Span) error {
	steps := j.Header.Plan.Steps
	commit := j.Header.Plan.Commit
	for i := 0; i < commit && i < len(steps); i++ {
		err := ctx.Err()
		if err == nil {
			err = r.step(ctx, env, j, i, parent)
		}
		if errors.Is(err, ErrCrash) {
			return errors.Join(err, j.Close())
		}
		if _, onward := errors.AsType[*onwardError](err); onward && commit < len(steps) {
			return r.forward(ctx, env, j, parent, err)
		}
		if err != nil {
			return r.back(ctx, env, j, parent, err)
		}
	}
	if commit < len(steps) {
		if err := ctx.Err(); err != nil {
			return r.back(ctx, env, j, parent, err)
		}
		return r.forward(ctx, env, j, parent, nil)
	}
	// From here on a crash must not undo what the caller is told is done.
	if err := j.finish(r.durable(steps)); err != nil {
		return r.back(ctx, env, j, parent, err)
	}
	return j.Remove()
}

// durable reports whether an effect of the steps outlives a power loss.
func (r Runner[E]) durable(steps []Step) bool {
	return slices.ContainsFunc(steps, func(s Step) bool {
		a, err := r.Kinds.action(&s)
		return err == nil && is[Durable](a)
	})
}

// inside reports whether all that a journal's operation did is in its resource.
func (r Runner[E]) inside(j *Journal) bool {
	steps := j.Header.Plan.Steps
	return !slices.ContainsFunc(steps, func(s Step) bool {
		a, err := r.Kinds.action(&s)
		return err != nil || !is[Inside](a)
	})
}

func (j *Journal) finish(sync bool) error {
	return j.line(record{Step: -1, Phase: complete}, sync)
}

// Resume finishes or undoes what a journal found on disk records, and reports
// whether the operation is done now: false means that it was undone. Boot is
// the present BootID: after a reboot nothing is left of jails and mounts.
func (r Runner[E]) Resume(ctx context.Context, env E, j *Journal, boot string, parent *events.Span) (finished bool, err error) {
	j.rebooted, j.resumed, j.lenient = boot != j.Header.Boot, true, true
	switch {
	case j.over:
		return true, j.Remove()
	case j.committed():
		return true, r.forward(ctx, env, j, parent, nil)
	}
	return false, r.back(ctx, env, j, parent, nil)
}

// committed reports whether a step at or after the commit point had begun.
func (j *Journal) committed() bool {
	for i := j.Header.Plan.Commit; i < len(j.state); i++ {
		if j.state[i].phase != "" {
			return true
		}
	}
	return false
}

// forward does every step after the commit point that is not done yet. One
// failure does not keep the others from running, unless it is a barrier's; what
// is not done stays in the journal, and a later Resume tries it again.
func (r Runner[E]) forward(ctx context.Context, env E, j *Journal, parent *events.Span, cause error) error {
	ctx, cancel := r.detach(ctx, j.Header.Plan.Steps[min(j.Header.Plan.Commit, len(j.state)):])
	defer cancel()
	all, left := cause, false
	for i := j.Header.Plan.Commit; i < len(j.state); i++ {
		if j.state[i].phase == done {
			continue
		}
		err := r.step(ctx, env, j, i, parent)
		if errors.Is(err, ErrCrash) {
			return errors.Join(err, j.Close())
		}
		j.lenient = j.lenient || err == nil
		all = appendError(all, err)
		if j.ended {
			break
		}
		if j.state[i].phase == done {
			continue
		}
		left = true
		if a, err := r.Kinds.action(&j.Header.Plan.Steps[i]); err != nil || is[Barrier](a) {
			break
		}
	}
	return j.end(all, left && !j.Header.Plan.Abandon)
}

// back undoes every step that has begun, newest first. One that can never be undone
// turns it round, or stays as it is: see Onward and Final.
func (r Runner[E]) back(ctx context.Context, env E, j *Journal, parent *events.Span, cause error) error {
	ctx, cancel := r.detach(ctx, nil) // undoing waits for no one
	defer cancel()
	j.lenient = true
	all, left := cause, false
	for i := len(j.state) - 1; i >= 0; i-- {
		if p := j.state[i].phase; p != intent && p != done {
			continue
		}
		err := r.undo(ctx, env, j, i, parent)
		if errors.Is(err, ErrCrash) {
			return errors.Join(err, j.Close())
		}
		if err == nil {
			continue
		}
		all = appendError(all, fmt.Errorf("undo %s: %w", j.Header.Plan.Steps[i].Kind, err))
		if _, onward := errors.AsType[*onwardError](err); onward {
			return r.again(ctx, env, j, i+1, parent, all)
		}
		_, final := errors.AsType[*finalError](err)
		j.aside, left = j.aside || final, left || !final
	}
	return j.end(all, left)
}

// again does all steps from one on: what is before them cannot be undone any more.
func (r Runner[E]) again(ctx context.Context, env E, j *Journal, from int, parent *events.Span, all error) error {
	for i := from; i < len(j.state); i++ {
		err := r.step(ctx, env, j, i, parent)
		if errors.Is(err, ErrCrash) {
			return errors.Join(err, j.Close())
		}
		all = appendError(all, err)
	}
	j.aside = true
	return j.end(all, false)
}

// end removes the journal unless something is left for a later Resume. One of which
// something has to be left to a person is set aside.
func (j *Journal) end(all error, left bool) error {
	switch {
	case left:
		return appendError(all, j.Close())
	case j.aside && j.file != nil:
		return errors.Join(setAside(j.path, all), removeMark(j.mark), j.Close())
	}
	return appendError(all, j.Remove())
}

// detach makes the context in which steps are done to their end.
func (r Runner[E]) detach(ctx context.Context, steps []Step) (context.Context, context.CancelFunc) {
	settle := r.Settle
	if settle <= 0 {
		settle = 2 * time.Minute
	}
	for i := range steps {
		a, err := r.Kinds.action(&steps[i])
		if l, ok := a.(Limiter); ok && err == nil {
			settle += l.Limit()
		}
	}
	return context.WithTimeout(context.WithoutCancel(ctx), settle)
}

// is reports whether an action has a property.
func is[P any](a any) bool {
	_, ok := a.(P)
	return ok
}

func (j *Journal) call(i int, span *events.Span, sync bool) *Call {
	return &Call{
		Span:     span,
		Rebooted: j.rebooted,
		Resumed:  j.resumed,
		journal:  j,
		effect:   j.state[i].effect,
		save: func(data json.RawMessage) error {
			return j.write(record{Step: i, Phase: effect, Effect: data}, sync)
		},
	}
}

// step does one step with its journal records and events.
func (r Runner[E]) step(ctx context.Context, env E, j *Journal, i int, parent *events.Span) error {
	s := &j.Header.Plan.Steps[i]
	a, err := r.Kinds.action(s)
	if err != nil {
		return err
	}
	span := parent.Begin(a.Event(env))
	c := j.call(i, span, is[Durable](a))
	err = j.write(record{Step: i, Phase: intent}, is[Durable](a))
	if err == nil {
		err = fault(ctx, "do", i, *s)
	}
	if err == nil {
		err = catch.Panic(func() error { return a.Do(ctx, env, c) })
		if !errors.Is(err, ErrCrash) {
			err = appendError(err, j.markLate(context.WithoutCancel(ctx)))
		}
	}
	if err == nil {
		err = fault(ctx, "done", i, *s)
	}
	_, final := errors.AsType[*finalError](err)
	switch {
	case c.ended:
		// No record: after a crash the step is asked again, and ends it again.
		j.ended, j.aside = true, j.aside || err != nil
	case isAgain(err):
		c.Skip(err.Error())
		c.close(nil)
		return errors.Join(err, j.write(record{Step: i, Phase: undone}, false))
	case err == nil || final:
		err = errors.Join(err, j.write(record{Step: i, Phase: done}, false))
	}
	c.close(err)
	return err
}

// close sends the step's final event.
func (c *Call) close(err error) {
	switch {
	case err != nil && c.final != nil:
		c.Span.FailWith(c.final, err)
	case err != nil:
		c.Span.Fail(err, "")
	case c.skipped != "":
		c.Span.Skip(c.skipped)
	case c.final != nil:
		c.Span.DoneWith(c.final)
	default:
		c.Span.Done("")
	}
}

// undo takes one step back.
func (r Runner[E]) undo(ctx context.Context, env E, j *Journal, i int, parent *events.Span) error {
	s := &j.Header.Plan.Steps[i]
	a, err := r.Kinds.action(s)
	if err != nil {
		return err
	}
	span := parent.Begin(events.Rollback{Step: s.Kind})
	c := j.call(i, span, is[Durable](a))
	c.Undoing = true
	err = fault(ctx, "undo", i, *s)
	if u, ok := a.(Undoer[E]); ok && err == nil {
		err = catch.Panic(func() error { return u.Undo(ctx, env, c) })
	}
	if err == nil {
		err = fault(ctx, "undone", i, *s)
	}
	if _, final := errors.AsType[*finalError](err); err == nil || final {
		err = errors.Join(err, j.write(record{Step: i, Phase: undone}, false))
	}
	c.close(err)
	return err
}

func appendError(all, err error) error {
	switch {
	case err == nil:
		return all
	case all == nil:
		return err
	}
	return multierror.Append(all, err)
}
