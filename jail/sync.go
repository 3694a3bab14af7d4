package jail

import (
	"context"
	"slices"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/network"
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
// Errors: ErrNotRunning, ErrChanged if the network differs again at the end,
// *RestartRequiredError while a change of vnet waits for the next start, and those of Start
// that concern the network.
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
			l.Add(step.SettleNetwork{Key: now.netKey(), Jail: now.Identifier()})
			return nil
		},
	}
}

// NetworkDifferences reports how the network of a running jail differs from the one that
// it was started with or that was set since. Each difference is a sentence for a person;
// after a successful Sync the list is empty. Addresses and interfaces that others have
// added do not count. It changes nothing.
//
// Errors: ErrNotRunning, ErrForeign.
func (j *Jail) NetworkDifferences(ctx context.Context) ([]string, error) {
	j = j.still()
	id, err := j.Identity(ctx)
	if err != nil {
		return nil, &Error{"compare the network of", j.FullName(), err}
	}
	r, ok, err := j.netKey().Current(ctx, j.host)
	if err == nil && ok {
		outside, inside, derr := network.Differences(ctx, j.host.Kernel, id, r)
		if err = derr; err == nil {
			return slices.Concat(outside, inside), nil
		}
	}
	if err != nil {
		err = &Error{"compare the network of", j.FullName(), err}
	}
	return nil, err
}
