package jail

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/kernel"
)

// Busy says what an operation does when another one is running on the jail.
type Busy = host.Busy

// The two answers to a busy jail: give up at once, or wait as long as the
// context allows.
const (
	BusyFail = host.BusyFail
	BusyWait = host.BusyWait
)

// room is how many transitions of one operation fit into its channel at least.
// The channel is there before the plan is, so that nothing is missed; 99 steps
// fit, a place costs 16 bytes. A plan made before gets all the room it needs.
const room = 400

// kinds are all steps that a jail's journal may name.
var kinds = plan.NewKinds(append(step.Kinds(), stepRunUpdater{}, stepSetRelease{}, stepDropBase{}, stepDestroyDataset{})...)

func runner(h *host.Host) plan.Runner[step.Env] {
	return plan.Runner[step.Env]{Kinds: kinds, Settle: h.Settle()}
}

// Operation is one operation on one jail, ready to run, as an exec.Cmd is one
// command. A method of [JailGenerator] returns it. It may be planned and run any
// number of times; each run plans anew.
type Operation struct {
	jail  *Jail
	name  string
	event events.IocEvent
	busy  Busy
	// also finds other jails that the operation changes or reads as it goes.
	also func(ctx context.Context) ([]*Jail, error)
	// before runs before the lock is taken, see [plan.Job]; mayPlan reports whether it
	// would fail.
	before  func(ctx context.Context, recovered string, begin func(transitions int) *events.Span) (after func(error) error, err error)
	mayPlan func(ctx context.Context) error
	// make makes the plan from what is there now.
	make func(ctx context.Context) (*plan.Plan, error)
	// steps, in place of make, adds the steps for the jail as it is on disk now.
	steps func(ctx context.Context, now *Jail, l *step.List) error
	// cleared reports whether the operation is still to be done after leftovers
	// of an interrupted one were cleared.
	cleared func(recovered string) bool
	// after runs after a success.
	after func()
	// env is added to the environment of hooks, and properties take the place of
	// the jail's own, for this run alone.
	env, properties map[string]string
	// command and ended are for the operation's own command, see [ForkExecOptions];
	// hooks is given to hooks in the jail as their terminal.
	command step.Streams
	ended   func(step.Outcome)
	hooks   *os.File
	// stream, if not nil, takes the place of running the plan: the operation is no
	// transaction.
	stream func(ctx context.Context) <-chan events.IocEvent
}

// Events starts the operation and returns the channel of its events. The work
// goes on to its end whether or not anyone reads; see package events for what a
// reader can rely on.
func (op *Operation) Events(ctx context.Context) <-chan events.IocEvent {
	return op.start(ctx, nil)
}

// Run runs the operation and returns its events and its error. If the context
// ends first, Run still waits until what was done is put back.
func (op *Operation) Run(ctx context.Context) ([]events.IocEvent, error) {
	return collect(ctx, op.Events(ctx))
}

// Plan plans the operation without touching anything. Its errors are those with
// which the operation would be refused.
func (op *Operation) Plan(ctx context.Context) (*Plan, error) {
	err := op.runnable(ctx)
	if err == nil && op.mayPlan != nil {
		err = op.mayPlan(ctx)
	}
	if err != nil {
		return nil, op.jail.refused(op.name, err)
	}
	p, err := op.planned(ctx)
	if err != nil {
		return nil, op.jail.refused(op.name, err)
	}
	return &Plan{op, p}, nil
}

// runnable reports why the operation cannot even be planned: a mistake of the
// program, or another program's jail.
func (op *Operation) runnable(ctx context.Context) error {
	err := op.jail.usable(ctx)
	if err == nil && op.jail.foreign {
		return ErrForeign
	}
	return err
}

func (op *Operation) planned(ctx context.Context) (*plan.Plan, error) {
	if op.make != nil {
		p, err := op.make(ctx)
		if err != nil || p == nil {
			return nil, err
		}
		return p, op.jail.see(ctx, p)
	}
	now, err := op.jail.fresh(ctx)
	if err != nil {
		return nil, err
	}
	var l step.List
	l.Fail(op.steps(ctx, now, &l))
	p, err := now.plan(ctx, op.name, &l)
	if err != nil {
		return nil, err
	}
	return p, now.see(ctx, p)
}

// see notes in a plan what it is about: the jail's datasets and the jail that runs. The
// second plan of a restart makes another jail.
func (j *Jail) see(ctx context.Context, p *plan.Plan) error {
	mounts, err := j.mountTable(ctx)
	if err != nil {
		return err
	}
	id, err := j.identity(ctx)
	err = ignore.Err(err, ErrForeign) // who needs the jail to run has asked
	for part := p; part != nil; part = part.Next {
		part.Seen = step.Seen(mounts, j.Dataset(), j.RootDataset())
	}
	step.SeenJail(p.Seen, id)
	return err
}

// start runs the operation, with the plan that was made before or a new one.
func (op *Operation) start(ctx context.Context, made *plan.Plan) <-chan events.IocEvent {
	j := op.jail
	if err := op.runnable(ctx); err != nil {
		return events.Refuse(events.Options{}, op.event, j.refused(op.name, err))
	}
	if op.stream != nil {
		return op.stream(ctx)
	}
	e := j.stepEnv()
	e.Run.Environ = j.environ(op.env, op.properties)
	e.Run.Command, e.Run.Ended, e.Run.Hooks = op.command, op.ended, op.hooks
	size := room
	if made != nil {
		size = max(room, made.Room())
	}
	var also []*Jail
	var told []plan.Told
	key := j.lockKey()
	planned := false
	return runner(j.host).Start(ctx, plan.Job[step.Env]{
		Event:  op.event,
		Room:   size,
		Before: op.before,
		Lock: func(ctx context.Context) (func(), error) {
			if op.also != nil {
				var err error
				if also, err = op.also(ctx); err != nil {
					return nil, err
				}
			}
			unlock, err := j.lock(ctx, op.name, op.busy, also, &told)
			if err == nil && j.lockKey() != key {
				unlock()
				return nil, fmt.Errorf("%w: it was renamed in the meantime", ErrNotFound)
			}
			return unlock, err
		},
		Told: func() []plan.Told { return told },
		Plan: func(ctx context.Context, recovered string) (*plan.Plan, error) {
			if recovered != "" && op.cleared != nil && !op.cleared(recovered) {
				return nil, nil
			}
			p, err := op.planned(ctx)
			if err != nil || p == nil {
				return nil, err
			}
			p.Also = lockKeys(also)
			if made == nil {
				return p, nil
			}
			made.Also = p.Also
			stale := changed(made, p)
			if planned {
				stale = "what other jails have"
			}
			if planned = true; stale != "" {
				return nil, fmt.Errorf("%w: %s changed", ErrPlanStale, stale)
			}
			return made, nil
		},
		Wrap:     func(err error) error { return j.refused(op.name, err) },
		Env:      e,
		Journal:  j.journal(),
		Mark:     j.mark,
		Key:      key,
		Boot:     j.host.Kernel.BootID,
		Clock:    j.host.Now,
		Scope:    op.name + " " + j.FullName(),
		Destroys: op.name == "destroy",
		After:    op.done,
	})
}

// done runs after a success.
func (op *Operation) done() {
	if op.after != nil {
		op.after()
	}
	switch op.name {
	case "start", "stop", "restart":
		// It was just made or removed here, so its root need not be compared.
		id, err := op.jail.host.Kernel.JailIdentify(context.Background(), 0, kernel.ByName(op.jail.Identifier()))
		if ignore.Err(err, kernel.ErrNotFound) == nil {
			op.jail.setStatus(id)
		}
	}
}

// stepEnv returns what the jail's steps work on, without anything of one run.
func (j *Jail) stepEnv() step.Env {
	return step.Env{Host: j.host, Name: j.FullName(), Run: &step.Run{Environ: j.environ(nil, nil)}}
}

func (j *Jail) lockKey() string { return j.source.Name + "/jail/" + j.Name() }

func (j *Jail) mark(ctx context.Context) (string, error) {
	return j.host.MarkPath(ctx, j.source, "jail", j.Name())
}

func (j *Jail) journal() string {
	return j.host.JournalPath(j.source.Name, "jail", j.Name())
}

// changed names the differences of two fingerprints, or is empty.
func changed(was, is *plan.Plan) string {
	names := slices.Sorted(maps.Keys(is.Fingerprint))
	same := func(key string) bool { return was.Fingerprint[key] == is.Fingerprint[key] }
	return strings.Join(slices.DeleteFunc(names, same), ", ")
}

// refused turns an error of planning into one that names the operation.
func (j *Jail) refused(op string, err error) error {
	if _, already := errors.AsType[*Error](err); already || err == nil {
		return err
	}
	return &Error{op, j.FullName(), err}
}

// collect is the synchronous form of every operation. It waits for the end even
// if the context ends first, because the operation then still puts back what
// it has done.
func collect(ctx context.Context, ch <-chan events.IocEvent) ([]events.IocEvent, error) {
	if ctx == nil {
		ctx = context.Background() // what was started has refused it
	}
	return events.Collect(context.WithoutCancel(ctx), ch)
}

// madeBy names one planned operation, unlike any other.
func (j *Jail) madeBy() string { return j.lockKey() + " " + j.host.NewUUID() }
