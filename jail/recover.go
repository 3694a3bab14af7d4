package jail

import (
	"context"
	"errors"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/release"
)

// Recover finds every operation that a kill or a power loss interrupted, on
// jails and releases of all sources, and finishes or undoes it. An operation
// that is running now, here or in another process, is left alone. What could
// not be cleared stays for the next Recover and is in the error.
//
// It also removes addresses, interfaces and rules of jails that have ended
// without a stop.
//
// The next operation on a jail does the same for that jail by itself.
func Recover(ctx context.Context, h *host.Host) ([]events.IocEvent, error) {
	all, result := release.Recover(ctx, h)
	sources, err := h.Sources(ctx)
	if err != nil {
		return all, err
	}
	for _, source := range sources {
		names, err := plan.Journals(h.JournalDir(source.Name, "jail"))
		result = errors.Join(result, err)
		for _, name := range names {
			g, err := generator(ctx, h, source, name)
			if err != nil {
				return all, err
			}
			done, err := collect(ctx, g.startRecover(ctx))
			if errors.Is(err, ErrBusy) {
				continue // it is running
			}
			all, result = append(all, done...), errors.Join(result, err)
		}
	}
	return all, errors.Join(result, sweepNetwork(ctx, h))
}

func (g *JailGenerator) startRecover(ctx context.Context) <-chan events.IocEvent {
	return runner(g.host).StartRecover(ctx, plan.Job[env]{
		Event: events.JailRecover{Jail: g.fullName}, Room: room,
		Lock: func(ctx context.Context) (func(), error) {
			return g.host.Lock(ctx, g.lockKey(), "recover", Fail)
		},
		Env: g.env(), Journal: g.journal(), Boot: g.host.Kernel.BootID, Clock: g.host.Now, Scope: "recover " + g.fullName,
	})
}
