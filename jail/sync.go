package jail

import (
	"context"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
)

// SyncOptions say how a jail's network is repaired.
type SyncOptions struct {
	Busy Busy
}

// Sync compares the network of a running jail with its configuration and
// repairs any differences: addresses, interfaces, bridges, routes, rules and forwards
// that somebody has changed. What others have added is left alone.
//
// Errors: ErrNotRunning and those of Start that concern the network.
func (j *Jail) Sync(ctx context.Context, o SyncOptions) ([]events.IocEvent, error) {
	return j.Generator().Sync(o).Run(ctx)
}

// Sync returns the operation that [Jail.Sync] runs.
func (g *JailGenerator) Sync(o SyncOptions) *Operation {
	j := g.jail
	return &Operation{
		jail: j, name: "sync", event: events.JailNetworkSetup{Jail: j.fullName}, busy: o.Busy,
		make: func(ctx context.Context) (*plan.Plan, error) {
			now, err := j.fresh(ctx)
			if err != nil {
				return nil, err
			}
			id, err := now.Identity(ctx)
			if err != nil {
				return nil, err
			}
			var steps step.List
			steps.Append(now.networkChange(ctx, now, id))
			steps.Commit()
			return now.plan(ctx, "sync", &steps)
		},
	}
}
