package release

import (
	"context"
	"errors"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/plan"
)

// room is how many transitions one operation on one release has at most.
const room = 160

// env is what a release's steps work on; everything else is in their arguments.
type env struct {
	host    *host.Host
	release string // for events
	http    HTTPOptions
	runner  Runner // nil unless an updater may have to run
}

var kinds = plan.NewKinds[env](
	stepDownload{}, stepCreateDataset{}, stepExtract{}, stepConfigure{}, stepSnapshot{}, stepForget{}, stepDestroy{},
	stepSave{}, stepUnsave{}, stepRunUpdater{}, stepLevel{},
	stepMoveBase{}, stepDropBase{}, stepCopyBase{}, stepPackages{},
)

func runner(h *host.Host) plan.Runner[env] {
	return plan.Runner[env]{Kinds: kinds, Settle: h.Settle()}
}

func (r *Release) env() env { return env{host: r.host, release: r.name.Base()} }

func (r *Release) lockKey() string { return r.source.Name + "/release/" + r.name.Base() }

func (r *Release) journal() string {
	return r.host.JournalPath(r.source.Name, "release", r.name.Base())
}

// start runs an operation on the release, as package jail does for jails.
func (r *Release) start(ctx context.Context, name string, event events.IocEvent, busy host.Busy,
	make func(context.Context) (*plan.Plan, error), change ...func(*env)) <-chan events.IocEvent {
	e := r.env()
	for _, c := range change {
		c(&e)
	}
	return runner(r.host).Start(ctx, plan.Job[env]{
		Event: event,
		Room:  room,
		Lock: func(ctx context.Context) (func(), error) {
			return r.host.Lock(ctx, r.lockKey(), name, busy)
		},
		Plan: func(ctx context.Context, _ string) (*plan.Plan, error) {
			return make(ctx)
		},
		Wrap: func(err error) error { return &Error{name, r.FullName(), err} },
		Env:  e, Journal: r.journal(), Key: r.lockKey(),
		Boot: r.host.Kernel.BootID, Clock: r.host.Now,
		Scope: name + " " + r.FullName(),
	})
}

// Recover finishes or undoes what interrupted operations left of releases; see
// jail.Recover, which calls it. Without a Runner an interrupted update whose jail
// still is there cannot be undone: ErrNoRunner.
func Recover(ctx context.Context, h *host.Host, temporary Runner) ([]events.IocEvent, error) {
	sources, err := h.Sources(ctx)
	if err != nil {
		return nil, err
	}
	var all []events.IocEvent
	var result error
	for _, s := range sources {
		names, err := plan.Journals(h.JournalDir(s.Name, "release"))
		result = errors.Join(result, err)
		for _, name := range names {
			n, err := ParseName(name)
			if err != nil {
				continue
			}
			r := &Release{h, s, n}
			e := r.env()
			e.runner = temporary
			done, err := events.Collect(context.WithoutCancel(ctx), runner(h).StartRecover(ctx, plan.Job[env]{
				Event: events.ReleaseRecover{Release: name}, Room: room,
				Lock: func(ctx context.Context) (func(), error) {
					return h.Lock(ctx, r.lockKey(), "recover", host.Fail)
				},
				Env: e, Journal: r.journal(), Boot: h.Kernel.BootID, Clock: h.Now, Scope: "recover " + name,
			}))
			if errors.Is(err, host.ErrBusy) {
				continue // it is running
			}
			all, result = append(all, done...), errors.Join(result, err)
		}
	}
	return all, result
}
