package plan

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/libioc/go-libioc/events"
)

// Step is one step of a plan, as data.
type Step struct {
	Kind string          `json:"kind"`
	Args json.RawMessage `json:"args,omitempty"`
	// Detail says for a person what the step changes.
	Detail string `json:"detail"`

	action any // an Action, once the arguments have been decoded
}

// Action is what a step does. It is a struct whose fields are its arguments; the
// journal keeps them as JSON, so that another process can finish or undo it.
type Action[E any] interface {
	// Kind names the type in plans and journals; it must never change its meaning.
	Kind() string
	// Detail says for a person what the step would change.
	Detail() string
	// Event is sent when the step begins.
	Event(env E) events.IocEvent
	// Do makes the effect. Running it again once the effect is there is no error.
	Do(ctx context.Context, env E, c *Call) error
}

// What an Action may have besides.
type (
	// Undoer takes the effect away; it is not an error if the effect does not exist.
	// Actions without it belong after the commit point or have no effect of their
	// own.
	Undoer[E any] interface {
		Undo(ctx context.Context, env E, c *Call) error
	}
	// Durable marks effects that outlive a power loss: the intent is synced to disk
	// before the step.
	Durable interface{ Durable() }
	// Barrier marks a step after the commit point whose successors make no sense
	// until it is done.
	Barrier interface{ Barrier() }
	// Inside marks effects that are in the resource that the plan is about: who destroys
	// that takes them away as well.
	Inside interface{ Inside() }
	// Limiter says how long a step may take by its own bounds, such as a hook's
	// timeout.
	Limiter interface{ Limit() time.Duration }
)

// StepOf makes the step of an action. Arguments are plain data; a type that JSON
// cannot express is a programming error and panics.
func StepOf[E any](a Action[E]) Step {
	args, err := json.Marshal(a)
	if err != nil {
		panic(fmt.Sprintf("plan: arguments of step %q: %v", a.Kind(), err))
	}
	return Step{Kind: a.Kind(), Args: args, Detail: a.Detail(), action: a}
}

// Action returns the action that the step was made of with StepOf, or nil for a step
// that was read from a journal and has not run yet.
func (s Step) Action() any { return s.action }

// Kinds is the table of all kinds that an operation's journal may name.
type Kinds[E any] map[string]reflect.Type

// NewKinds makes the table from one value of each type; two kinds of one name are
// a programming error.
func NewKinds[E any](kinds ...Action[E]) Kinds[E] {
	table := make(Kinds[E], len(kinds))
	for _, k := range kinds {
		if _, dup := table[k.Kind()]; dup {
			panic("plan: two kinds named " + k.Kind())
		}
		table[k.Kind()] = reflect.TypeOf(k)
	}
	return table
}

// action returns the step's action, decoding its arguments the first time.
func (k Kinds[E]) action(s *Step) (Action[E], error) {
	if a, ok := s.action.(Action[E]); ok {
		return a, nil
	}
	t, ok := k[s.Kind]
	if !ok {
		return nil, fmt.Errorf("unknown kind of step %q", s.Kind)
	}
	v := reflect.New(t)
	if len(s.Args) > 0 {
		if err := json.Unmarshal(s.Args, v.Interface()); err != nil {
			return nil, fmt.Errorf("arguments of step %q: %w", s.Kind, err)
		}
	}
	s.action = v.Elem().Interface()
	return s.action.(Action[E]), nil
}

// Call is what a running step sees besides its arguments.
type Call struct {
	// Span is the step's event; a step may begin children and report progress.
	Span *events.Span
	// Undoing reports to a shared function that it runs as undo.
	Undoing bool
	// Rebooted reports that the machine was started again since the journal was
	// begun: jails, mounts and their identities are gone by themselves.
	Rebooted bool
	// Resumed reports that another run began the operation: what that run knew
	// besides the journal is gone.
	Resumed bool

	journal *Journal
	effect  json.RawMessage
	save    func(json.RawMessage) error
	skipped string
	ended   bool
	final   events.IocEvent
}

// SetEffect writes to the journal what the step has made so far, such as a jid
// or a file's former content. It is called before the step goes on, so that an
// undo after a crash finds it.
func (c *Call) SetEffect(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if bytes.Equal(data, c.effect) {
		return nil
	}
	c.effect = data
	return c.save(data)
}

// Effect reads the newest effect into v and reports whether there is one.
func (c *Call) Effect(v any) bool {
	return c.effect != nil && json.Unmarshal(c.effect, v) == nil
}

// EffectOf reads into v the effect of the plan's last step of a kind, and reports
// whether there is one: so a step finds the jail that an earlier one has made.
func (c *Call) EffectOf(kind string, v any) bool {
	if c.journal == nil {
		return false
	}
	for i := len(c.journal.state) - 1; i >= 0; i-- {
		effect := c.journal.state[i].effect
		if c.journal.Header.Plan.Steps[i].Kind == kind && effect != nil {
			return json.Unmarshal(effect, v) == nil
		}
	}
	return false
}

// Begun reports whether a step of a kind has begun.
func (c *Call) Begun(kind string) bool {
	for i, s := range c.Steps() {
		if s.Kind == kind && c.journal.state[i].phase != "" {
			return true
		}
	}
	return false
}

// Steps are those of the plan.
func (c *Call) Steps() []Step {
	if c.journal == nil {
		return nil
	}
	return c.journal.Header.Plan.Steps
}

// Skip marks the step as skipped: there was nothing to do, and nothing to undo.
func (c *Call) Skip(reason string) { c.skipped = reason }

// End skips the step and, after the commit point, every one after it: what the
// operation was about has gone to somebody else. If the step returns an error as well
// the journal is set aside with it.
func (c *Call) End(reason string) { c.skipped, c.ended = reason, true }

// Final replaces the payload of the step's closing event.
func (c *Call) Final(e events.IocEvent) { c.final = e }

// Final marks an error of a step after the commit point as one that trying
// again later would not fix: it is reported, and the step counts as done. Of an undo
// likewise: the step counts as undone, and the journal is set aside in the end.
func Final(err error) error {
	if err == nil {
		return nil
	}
	return &finalError{err}
}

type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }

// Again marks an error of a step that has changed nothing: somebody has taken what the
// plan chose since it was made. The steps before it are undone and the operation is
// planned anew, some times.
func Again(err error) error {
	if err == nil {
		return nil
	}
	return &againError{err}
}

type againError struct{ error }

func (e *againError) Unwrap() error { return e.error }

// isAgain reports whether an error is marked with Again.
func isAgain(err error) bool {
	_, again := errors.AsType[*againError](err)
	return again
}

// Onward marks an error of a step before the commit point that is answered by
// going forward: what comes after the commit point takes everything down. In a
// plan without that it is rolled back as any other. Of an undo it says that there is no
// way back any more: the steps after it are done again, and the journal is set aside.
func Onward(err error) error {
	if err == nil {
		return nil
	}
	return &onwardError{err}
}

type onwardError struct{ error }

func (e *onwardError) Unwrap() error { return e.error }
