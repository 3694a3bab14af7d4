package release

import (
	"context"
	"errors"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
)

// room is how many transitions one operation on one release has at most.
const room = 160

// local is what the steps of this package work on besides a step.Env.
type local struct {
	http   HTTPOptions
	runner Runner // nil unless an updater may have to run
}

func localOf(e step.Env) local { return e.Local.(local) }

var kinds = plan.NewKinds(append(step.Kinds(),
	stepDownload{}, stepExtract{}, stepConfigure{}, stepForget{}, stepRunUpdater{}, stepLevel{},
	stepDropBase{}, stepCopyBase{}, stepPackages{},
)...)

func runner(h *host.Host) plan.Runner[step.Env] {
	return plan.Runner[step.Env]{Kinds: kinds, Settle: h.Settle()}
}

func (r *Release) env(l local) step.Env {
	return step.Env{Host: r.host, Name: r.name.Base(), Release: true, Local: l}
}

// madeBy names one planned operation, for what it makes.
func (r *Release) madeBy() string { return r.lockKey() + " " + r.host.NewUUID() }

func (r *Release) lockKey() string { return r.source.Name + "/release/" + r.name.Base() }

func (r *Release) mark(ctx context.Context) (string, error) {
	return r.host.MarkPath(ctx, r.source, "release", r.name.Base())
}

func (r *Release) journal() string {
	return r.host.JournalPath(r.source.Name, "release", r.name.Base())
}

// start runs an operation on the release, as package jail does for jails.
func (r *Release) start(ctx context.Context, name string, event events.IocEvent, busy host.Busy, l local,
	make func(context.Context) (*plan.Plan, error)) <-chan events.IocEvent {
	return runner(r.host).Start(ctx, plan.Job[step.Env]{
		Event: event,
		Room:  room,
		Lock: func(ctx context.Context) (func(), error) {
			return r.host.Lock(ctx, r.lockKey(), name, busy)
		},
		Plan: func(ctx context.Context, _ string) (*plan.Plan, error) { return make(ctx) },
		Wrap: func(err error) error { return &Error{name, r.FullName(), err} },
		Env:  r.env(l), Journal: r.journal(), Mark: r.mark, Key: r.lockKey(),
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
		mark, err := h.MarkPath(ctx, s, "release", "any")
		names, nerr := plan.Unended(h.JournalDir(s.Name, "release"), mark)
		result = errors.Join(result, err, nerr)
		for _, name := range names {
			n, err := ParseName(name)
			if err != nil {
				continue
			}
			r := &Release{h, s, n}
			done, err := events.Collect(context.WithoutCancel(ctx), runner(h).StartRecover(ctx, plan.Job[step.Env]{
				Event: events.ReleaseRecover{Release: name}, Room: room,
				Lock: func(ctx context.Context) (func(), error) {
					return h.Lock(ctx, r.lockKey(), "recover", host.BusyRecover)
				},
				Env: r.env(local{runner: temporary}), Journal: r.journal(), Mark: r.mark, Key: r.lockKey(), Boot: h.Kernel.BootID, Clock: h.Now, Scope: "recover " + name,
			}))
			if errors.Is(err, host.ErrBusy) {
				continue // it is running
			}
			all, result = append(all, done...), errors.Join(result, err)
		}
	}
	return all, result
}
