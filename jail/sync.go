package jail

import (
	"context"
	"fmt"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
)

// SyncOptions say how a jail's network is repaired.
type SyncOptions struct {
	Busy Busy
}

// Sync compares the network of a running jail with its configuration and
// mends what differs: addresses, interfaces, bridges, routes, rules and forwards
// that somebody has changed. What others have added is left alone.
//
// Errors: ErrNotRunning and those of Start that concern the network.
func (g *JailGenerator) Sync(ctx context.Context, o SyncOptions) <-chan events.IocEvent {
	return g.start(ctx, g.syncOperation(o), nil)
}

// Sync is the synchronous form of [JailGenerator.Sync].
func (j *Jail) Sync(ctx context.Context, o SyncOptions) ([]events.IocEvent, error) {
	return collect(ctx, j.JailGenerator.Sync(ctx, o))
}

// PlanSync plans what Sync would do.
func (g *JailGenerator) PlanSync(ctx context.Context, o SyncOptions) (*Plan, error) {
	return g.planned(ctx, g.syncOperation(o))
}

func (g *JailGenerator) syncOperation(o SyncOptions) operation {
	return operation{
		name:  "sync",
		event: events.JailNetworkSetup{Jail: g.fullName},
		busy:  o.Busy,
		make: func(ctx context.Context) (*plan.Plan, error) {
			now, err := g.fresh(ctx)
			if err != nil {
				return nil, err
			}
			id, err := now.Identity(ctx)
			if err != nil {
				return nil, err
			}
			steps, err := now.networkChange(ctx, now, id)
			if err != nil {
				return nil, err
			}
			print, err := now.fingerprint(ctx)
			if err != nil {
				return nil, fmt.Errorf("fingerprint: %w", err)
			}
			return &plan.Plan{Operation: "sync", Subject: g.fullName, Steps: steps, Commit: len(steps), Fingerprint: print}, nil
		},
	}
}
