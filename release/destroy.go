package release

import (
	"context"
	"errors"
	"fmt"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/zfsstore"
)

// DestroyOptions say how a release is destroyed.
type DestroyOptions struct {
	Busy host.Busy
}

// Destroy destroys the release's dataset with its snapshots. Jails that were
// cloned from it keep it from being destroyed.
//
// Errors: ErrNotFetched, ErrInUse, host.ErrBusy, *zfsstore.Error.
func (r *Release) Destroy(ctx context.Context, o DestroyOptions) <-chan events.IocEvent {
	return r.start(ctx, "destroy", events.ReleaseDestroy{Release: r.name.Base()}, o.Busy, r.planDestroy)
}

func (r *Release) planDestroy(ctx context.Context) (*plan.Plan, error) {
	sets, err := r.host.Store.List(ctx, r.Dataset(), zfsstore.ListOptions{
		Types: []zfsstore.Type{zfsstore.Filesystem, zfsstore.Volume, zfsstore.Snapshot},
	})
	if errors.Is(err, zfsstore.ErrNotFound) {
		return nil, ErrNotFetched
	}
	if err != nil {
		return nil, err
	}
	own := map[string]bool{}
	for _, d := range sets {
		own[d.Name] = true
	}
	for _, d := range sets {
		for _, clone := range d.Clones {
			if !own[clone] {
				return nil, fmt.Errorf("%w: %s was cloned from %s", ErrInUse, clone, d.Name)
			}
		}
	}
	return &plan.Plan{
		Operation: "destroy", Subject: r.name.Base(),
		Steps: []plan.Step{stepDestroy.Step(datasetArgs{Dataset: r.Dataset()})},
	}, nil
}
