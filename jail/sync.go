package jail

import (
	"context"

	"github.com/libioc/go-libioc/events"
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
	j := g.of()
	return &Operation{
		jail: j, name: "sync", event: events.JailNetworkSetup{Jail: j.FullName()}, busy: o.Busy,
		steps: func(ctx context.Context, now *Jail, l *step.List) error {
			id, err := now.Identity(ctx)
			if err != nil {
				return err
			}
			l.Append(now.networkChange(ctx, now, id))
			l.Commit()
			return nil
		},
	}
}
