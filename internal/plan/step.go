package plan

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/libioc/go-libioc/events"
)

// Step is one step of a plan, as data.
type Step struct {
	Kind string          `json:"kind"`
	Args json.RawMessage `json:"args,omitempty"`
	// Detail says for a person what the step changes.
	Detail string `json:"detail"`
}

// Call is what a running step sees besides its arguments.
type Call struct {
	// Span is the step's event; a step may begin children and report progress.
	Span *events.Span
	// Undoing tells a shared function that it runs as undo.
	Undoing bool
	// Rebooted tells that the machine was started again since the journal was
	// begun: jails, mounts and their identities are gone by themselves.
	Rebooted bool
	// Resumed tells that another run began the operation: what that run knew
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

// Effect reads the newest effect into v and tells whether there is one.
func (c *Call) Effect(v any) bool {
	return c.effect != nil && json.Unmarshal(c.effect, v) == nil
}

// EffectOf reads into v the effect of the plan's last step of a kind, and tells
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

// Skip marks the step as skipped: there was nothing to do, and nothing to undo.
func (c *Call) Skip(reason string) { c.skipped = reason }

// End skips the step and, behind the commit point, every one after it: what the
// operation was about has gone to somebody else.
func (c *Call) End(reason string) { c.skipped, c.ended = reason, true }

// Final replaces the payload of the step's closing event.
func (c *Call) Final(e events.IocEvent) { c.final = e }

// Kind is what stands behind the steps of one name, for operations on E.
type Kind[E any] interface {
	name() string
	do(ctx context.Context, env E, args json.RawMessage, c *Call) error
	undo(ctx context.Context, env E, args json.RawMessage, c *Call) error
	event(env E, args json.RawMessage) (events.IocEvent, error)
	durable() bool
	barrier() bool
	limit(args json.RawMessage) time.Duration
}

// Spec defines a kind of step with arguments of type A.
type Spec[E, A any] struct {
	// Name is the kind's name in plans and journals; it must never change its
	// meaning.
	Name string
	// Detail says what the step would change.
	Detail func(a A) string
	// Event is sent when the step begins.
	Event func(env E, a A) events.IocEvent
	// Do makes the effect. Running it again once the effect is there is no
	// error.
	Do func(ctx context.Context, env E, a A, c *Call) error
	// Undo takes the effect away; it is no error when the effect is not there.
	// Nil for steps without an undo, which belong behind the commit point or
	// have no effect of their own.
	Undo func(ctx context.Context, env E, a A, c *Call) error
	// Durable effects outlive a power loss, so their intent is synced to disk
	// before the step.
	Durable bool
	// Barrier, behind the commit point: the steps after it make no sense until
	// this one is done.
	Barrier bool
	// Limit is how long a step may take by its own bounds, such as a hook's
	// timeout; nil for one that does not wait.
	Limit func(a A) time.Duration
}

// Typed is a defined kind. Its Step method is the only way to make a step of
// it, so that arguments always fit.
type Typed[E, A any] struct{ spec Spec[E, A] }

// Define makes a kind of step.
func Define[E, A any](spec Spec[E, A]) *Typed[E, A] { return &Typed[E, A]{spec} }

// Step makes a step of this kind. Arguments are plain data; a type that JSON
// cannot express is a programming error and panics.
func (t *Typed[E, A]) Step(a A) Step {
	args, err := json.Marshal(a)
	if err != nil {
		panic(fmt.Sprintf("plan: arguments of step %q: %v", t.spec.Name, err))
	}
	s := Step{Kind: t.spec.Name, Args: args}
	if t.spec.Detail != nil {
		s.Detail = t.spec.Detail(a)
	}
	return s
}

func (t *Typed[E, A]) name() string  { return t.spec.Name }
func (t *Typed[E, A]) durable() bool { return t.spec.Durable }
func (t *Typed[E, A]) barrier() bool { return t.spec.Barrier }

func (t *Typed[E, A]) limit(raw json.RawMessage) time.Duration {
	a, err := t.args(raw)
	if err != nil || t.spec.Limit == nil {
		return 0
	}
	return t.spec.Limit(a)
}

func (t *Typed[E, A]) args(raw json.RawMessage) (a A, err error) {
	if len(raw) > 0 {
		err = json.Unmarshal(raw, &a)
	}
	return a, err
}

func (t *Typed[E, A]) do(ctx context.Context, env E, raw json.RawMessage, c *Call) error {
	a, err := t.args(raw)
	if err != nil {
		return err
	}
	return t.spec.Do(ctx, env, a, c)
}

func (t *Typed[E, A]) undo(ctx context.Context, env E, raw json.RawMessage, c *Call) error {
	if t.spec.Undo == nil {
		return nil
	}
	a, err := t.args(raw)
	if err != nil {
		return err
	}
	return t.spec.Undo(ctx, env, a, c)
}

func (t *Typed[E, A]) event(env E, raw json.RawMessage) (events.IocEvent, error) {
	a, err := t.args(raw)
	if err != nil {
		return nil, err
	}
	return t.spec.Event(env, a), nil
}

// Final marks an error of a step behind the commit point as one that trying
// again later would not mend: it is reported, and the step counts as done.
func Final(err error) error {
	if err == nil {
		return nil
	}
	return &finalError{err}
}

type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }

// Onward marks an error of a step before the commit point that is answered by
// going forward: what comes behind the commit point takes everything down. In a
// plan without that it is rolled back as any other.
func Onward(err error) error {
	if err == nil {
		return nil
	}
	return &onwardError{err}
}

type onwardError struct{ error }

func (e *onwardError) Unwrap() error { return e.error }

// Kinds is the table of all kinds an operation's journal may name.
type Kinds[E any] map[string]Kind[E]

// NewKinds makes the table; two kinds of one name are a programming error.
func NewKinds[E any](kinds ...Kind[E]) Kinds[E] {
	table := make(Kinds[E], len(kinds))
	for _, k := range kinds {
		if _, dup := table[k.name()]; dup {
			panic("plan: two kinds named " + k.name())
		}
		table[k.name()] = k
	}
	return table
}
