package jail

import (
	"context"
	"errors"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
)

// DestroyOptions say how a jail is destroyed.
type DestroyOptions struct {
	// Force stops a running jail first, with its hooks' failures passed over.
	Force bool
	Busy  Busy
}

// Destroy destroys the jail's dataset with its root, its configuration and its
// snapshots. The release it was made from is not touched.
//
// Errors: ErrNotFound, ErrRunning without Force, *DependantsError when something
// else was cloned from the jail, *zfsstore.Error, ErrBusy.
func (g *JailGenerator) Destroy(ctx context.Context, o DestroyOptions) <-chan events.IocEvent {
	return g.start(ctx, g.destroyOperation(o), nil)
}

// Destroy is the synchronous form of [JailGenerator.Destroy].
func (j *Jail) Destroy(ctx context.Context, o DestroyOptions) ([]events.IocEvent, error) {
	return collect(ctx, j.JailGenerator.Destroy(ctx, o))
}

// PlanDestroy plans what Destroy would do.
func (g *JailGenerator) PlanDestroy(ctx context.Context, o DestroyOptions) (*Plan, error) {
	return g.planned(ctx, g.destroyOperation(o))
}

func (g *JailGenerator) destroyOperation(o DestroyOptions) operation {
	return operation{
		name:    "destroy",
		event:   events.JailDestroy{Jail: g.fullName},
		busy:    o.Busy,
		make:    func(ctx context.Context) (*plan.Plan, error) { return g.planDestroy(ctx, o) },
		cleared: func(recovered string) bool { return recovered != "destroy" },
		after:   func() { g.path = "" },
	}
}

func (g *JailGenerator) planDestroy(ctx context.Context, o DestroyOptions) (*plan.Plan, error) {
	id, err := g.Identity(ctx)
	running := err == nil
	if err != nil && !errors.Is(err, ErrNotRunning) {
		return nil, err
	}
	if running && !o.Force {
		return nil, ErrRunning
	}
	tree, err := g.tree(ctx, g.Dataset())
	if err != nil {
		return nil, err
	}
	if clones := tree.dependants(); len(clones) > 0 {
		return nil, &DependantsError{Of: g.fullName, Dependants: clones}
	}
	var steps []plan.Step
	commit := 0
	if running {
		now, err := g.fresh(ctx)
		if err != nil {
			now = g // a configuration that cannot be read must not protect the jail
		}
		if steps, commit, err = now.stopSteps(ctx, StopOptions{Force: true}, id); err != nil {
			return nil, err
		}
	} else {
		steps = append(steps, stepUnmount.Step(unmountArgs{RootDataset: g.RootDataset()}))
	}
	steps = append(steps, stepDestroyDataset.Step(destroyArgs{g.Dataset()}))
	return &plan.Plan{
		Operation: "destroy", Subject: g.fullName, Steps: steps, Commit: commit, Abandon: true,
		Fingerprint: map[string]string{"jail": id.String(), "dataset": tree.guid(g.Dataset())},
	}, nil
}
