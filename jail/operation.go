package jail

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/plan"
)

// Busy says what an operation does when another one is running on the jail.
type Busy = host.Busy

// The two answers to a busy jail: give up at once, or wait as long as the
// context allows.
const (
	Fail = host.Fail
	Wait = host.Wait
)

// room is how many transitions of one operation fit into its channel at least.
// The channel is there before the plan is, so that nothing is missed; 99 steps
// fit, a place costs 16 bytes. A plan made before gets all the room it needs.
const room = 400

// roomFor is the room of an operation with the plan made before, or without.
func roomFor(made *plan.Plan) int {
	if made == nil {
		return room
	}
	return max(room, made.Room())
}

// env is what a jail's steps work on. Everything else is in their arguments,
// so that another process can finish or undo them.
type env struct {
	host *host.Host
	jail string // full name, for events
	run  *run
}

// kinds are all steps that a jail's journal may name.
var kinds = plan.NewKinds[env](
	stepCreateDataset, stepSnapshot, stepClone, stepWriteConfig, stepForgetSnapshot,
	stepRenameDataset, stepMoveFstab, stepPromote, stepSetProperties, stepDestroySnapshots, stepRollback,
	stepResolver, stepMountBasejail, stepMountFstab, stepLoadRuleset, stepMountDevfs, stepMountFdescfs, stepMountProcfs, stepMountLinprocfs,
	stepLoadModule, stepAttach, stepHook, stepCommand, stepShare,
	stepUnshare, stepRemove, stepUnmount, stepUnmountLive, stepUnmountLeft,
	stepDestroyDataset, stepDropBase,
	stepSaveRoot, stepForgetRoot, stepRunUpdater, stepForkRoot, stepMoveRoot, stepSetRelease,
	stepLimits, stepClearLimits, stepCpuset,
	stepSaveConfig, stepConfigApply, stepParams, stepChangeLimits, stepChangeNetwork,
	stepNetRecord, stepAliases, stepDropAliases, stepForget, stepTeardown,
	stepVnetNodes, stepNIC, stepMoveInterface, stepLocalhost, stepRoutes, stepBPF, stepRequest, stepPf,
)

func runner(h *host.Host) plan.Runner[env] {
	return plan.Runner[env]{Kinds: kinds, Settle: h.Settle()}
}

// operation is one kind of operation: what it is called, the event around it,
// and how it is planned. Plan and run share it.
type operation struct {
	name  string
	event events.IocEvent
	busy  Busy
	// also finds other jails that the operation changes or reads as it goes.
	also func(ctx context.Context) ([]*JailGenerator, error)
	// make makes the plan from what is there now.
	make func(ctx context.Context) (*plan.Plan, error)
	// cleared tells what to do after leftovers of an interrupted operation were
	// cleared: false when that was all the caller wanted.
	cleared func(recovered string) bool
	// after runs after a success.
	after func()
	// begin fills in what this run knows besides its journal.
	begin func(*run)
}

// start runs the operation, with the plan that was made before or a new one.
func (g *JailGenerator) start(ctx context.Context, op operation, made *plan.Plan) <-chan events.IocEvent {
	e := g.env()
	if op.begin != nil {
		op.begin(e.run)
	}
	if g.foreign {
		return events.Refuse(events.Options{Clock: g.host.Now}, op.event, g.refused(op.name, ErrForeign))
	}
	var also []*JailGenerator
	return runner(g.host).Start(ctx, plan.Job[env]{
		Event: op.event,
		Room:  roomFor(made),
		Lock: func(ctx context.Context) (func(), error) {
			if op.also != nil {
				var err error
				if also, err = op.also(ctx); err != nil {
					return nil, err
				}
			}
			return g.lock(ctx, op.name, op.busy, also)
		},
		Plan: func(ctx context.Context, recovered string) (*plan.Plan, error) {
			if recovered != "" && op.cleared != nil && !op.cleared(recovered) {
				return nil, nil
			}
			p, err := op.make(ctx)
			if err != nil || p == nil {
				return nil, err
			}
			p.Also = lockKeys(also)
			if made == nil {
				return p, nil
			}
			made.Also = p.Also
			if stale := changed(made, p); stale != "" {
				return nil, fmt.Errorf("%w: %s changed", ErrPlanStale, stale)
			}
			return made, nil
		},
		Wrap:    func(err error) error { return g.refused(op.name, err) },
		Env:     e,
		Journal: g.journal(),
		Key:     g.lockKey(),
		Boot:    g.host.Kernel.BootID,
		Clock:   g.host.Now,
		Scope:   op.name + " " + g.fullName,
		After:   op.after,
	})
}

func (g *JailGenerator) env() env { return env{host: g.host, jail: g.fullName, run: &run{jail: g}} }

func (g *JailGenerator) lockKey() string { return g.source.Name + "/jail/" + g.name }

func (g *JailGenerator) journal() string {
	return g.host.JournalPath(g.source.Name, "jail", g.name)
}

// changed names what differs between two fingerprints, or is empty.
func changed(was, is *plan.Plan) string {
	var names []string
	for _, key := range sortedKeys(is.Fingerprint) {
		if was.Fingerprint[key] != is.Fingerprint[key] {
			names = append(names, key)
		}
	}
	return strings.Join(names, ", ")
}

// refused turns an error of planning into one that names the operation.
func (g *JailGenerator) refused(op string, err error) error {
	var already *Error
	if err == nil || errors.As(err, &already) {
		return err
	}
	return &Error{op, g.fullName, err}
}

// collect is the synchronous form of every operation. It waits for the end even
// if the context ends first, because the operation then still puts back what
// it has done.
func collect(ctx context.Context, ch <-chan events.IocEvent) ([]events.IocEvent, error) {
	return events.Collect(context.WithoutCancel(ctx), ch)
}
