package release

import (
	"context"
	"errors"
	"fmt"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/zfsstore"
)

// DestroyOptions say how a release is destroyed.
type DestroyOptions struct {
	// Dependants, if set, is asked which jails need the release though they were
	// not cloned from it.
	Dependants Dependants
	Busy       host.Busy
}

// Destroy destroys the release's dataset with its snapshots. It fails while
// jails are clones of the release.
//
// Errors: ErrNotFetched, ErrInUse (*host.ClonedError, *InUseError), host.ErrBusy, *zfsstore.Error.
func (r *Release) Destroy(ctx context.Context, o DestroyOptions) <-chan events.IocEvent {
	return r.start(ctx, "destroy", events.ReleaseDestroy{Release: r.name.Base()}, o.Busy, local{},
		func(ctx context.Context) (*plan.Plan, error) { return r.planDestroy(ctx, o) })
}

func (r *Release) planDestroy(ctx context.Context, o DestroyOptions) (*plan.Plan, error) {
	guid, err := r.host.NoClones(ctx, r.Dataset())
	switch {
	case errors.Is(err, zfsstore.ErrNotFound):
		return nil, ErrNotFetched
	case errors.Is(err, zfsstore.ErrHasDependents):
		return nil, fmt.Errorf("%w: %w", ErrInUse, err)
	case err != nil:
		return nil, err
	}
	if o.Dependants != nil {
		jails, err := o.Dependants(ctx, r)
		if err != nil {
			return nil, err
		}
		if len(jails) > 0 {
			return nil, &InUseError{Release: r.name.Base(), Jails: jails}
		}
	}
	var steps step.List
	steps.Add(step.DestroyDataset{Dataset: r.Dataset(), GUID: guid})
	steps.Abandon()
	steps.Repeatable()
	return steps.Plan("destroy", r.name.Base(), nil)
}
