package jail

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/zfsstore"
)

// PromoteOptions say how a jail is promoted.
type PromoteOptions struct {
	Busy Busy
}

// Promote makes a cloned jail independent of the jail or dataset it was cloned
// from: that one becomes a clone of this jail, and can be destroyed. Snapshots
// up to the common one move to this jail, and whatever else was cloned from
// them depends on it from then on. Running jails are not disturbed.
//
// A dataset that was cloned from a release stays as it is: to promote it would
// take the release's own snapshots away from it.
//
// Errors: ErrNotFound, zfsstore.ErrNotClone when there is nothing to promote,
// zfsstore.ErrExists when both have a snapshot of one name, ErrBusy. All or
// nothing.
func (j *Jail) Promote(ctx context.Context, o PromoteOptions) ([]events.IocEvent, error) {
	return j.Generator().Promote(o).Run(ctx)
}

// Promote returns the operation that [Jail.Promote] runs.
func (g *JailGenerator) Promote(o PromoteOptions) *Operation {
	j := g.of()
	return &Operation{
		jail: j, name: "promote", event: events.JailPromote{Jail: j.FullName()}, busy: o.Busy,
		also: j.origins,
		make: func(ctx context.Context) (*plan.Plan, error) { return j.planPromote(ctx) },
	}
}

// origins returns the jails that this one was cloned from.
func (j *Jail) origins(ctx context.Context) ([]*Jail, error) {
	tree, err := j.tree(ctx, j.Dataset())
	if err != nil {
		return nil, err
	}
	var out []*Jail
	for _, d := range tree {
		owner, ok, err := ownerOf(ctx, j.host, d.Origin)
		if err != nil {
			return nil, err
		}
		if ok && owner.lockKey() != j.lockKey() {
			out = append(out, owner)
		}
	}
	return out, nil
}

func (j *Jail) planPromote(ctx context.Context) (*plan.Plan, error) {
	tree, err := j.tree(ctx, j.Dataset())
	if err != nil {
		return nil, err
	}
	sources, err := j.host.Sources(ctx)
	if err != nil {
		return nil, err
	}
	var steps step.List
	print := map[string]string{}
	for _, d := range slices.Backward(tree) { // the deepest first
		of, snapshot, _ := strings.Cut(d.Origin, "@")
		if d.Origin == "" || ofRelease(sources, of) {
			continue
		}
		if err := j.mayPromote(ctx, tree, d, of, snapshot); err != nil {
			return nil, err
		}
		steps.Add(step.Promote{Dataset: d.Name, GUID: d.GUID, Origin: of})
		print[d.Name] = d.Origin
	}
	if len(print) == 0 {
		return nil, &zfsstore.Error{Op: "promote", Dataset: j.Dataset(), Err: zfsstore.ErrNotClone}
	}
	steps.Commit()
	return steps.Plan("promote", j.FullName(), print)
}

// mayPromote refuses when a snapshot that would move has the name of one that
// exists.
func (j *Jail) mayPromote(ctx context.Context, tree tree, d zfsstore.Dataset, of, snapshot string) error {
	origin, err := j.tree(ctx, of)
	if err != nil {
		return err
	}
	for _, s := range origin.snapshots(of) {
		_, name, _ := strings.Cut(s.Name, "@")
		if _, taken := tree.find(d.Name + "@" + name); taken {
			return &zfsstore.Error{
				Op: "promote", Dataset: d.Name, Err: fmt.Errorf("%w: %s@%s", zfsstore.ErrExists, d.Name, name),
			}
		}
		if name == snapshot {
			return nil // newer ones stay
		}
	}
	return nil
}

// ofRelease reports whether a dataset is a release's, or one of the base
// directories that iocage_legacy keeps for ZFS basejails.
func ofRelease(sources []host.Source, dataset string) bool {
	return slices.ContainsFunc(sources, func(s host.Source) bool {
		return strings.HasPrefix(dataset, s.Releases()+"/") || strings.HasPrefix(dataset, s.Dataset+"/base/")
	})
}
