package jail

import (
	"context"
	"fmt"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/pathname"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
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
// What refuses to go is found before anything of the jail is lost: clones, held
// snapshots, and mounts and jails elsewhere that use its files, before a running
// jail is stopped even; whatever else keeps a file system busy, before the first
// dataset is destroyed. The jail is whole then, and the error names what holds it.
//
// Errors: ErrNotFound, ErrRunning without Force, *DependantsError when something
// else was cloned from the jail, *HeldError, *zfsstore.Error, ErrBusy.
func (j *Jail) Destroy(ctx context.Context, o DestroyOptions) ([]events.IocEvent, error) {
	return j.Generator().Destroy(o).Run(ctx)
}

// Destroy returns the operation that [Jail.Destroy] runs.
func (g *JailGenerator) Destroy(o DestroyOptions) *Operation {
	j := g.of()
	return &Operation{
		jail: j, name: "destroy", event: events.JailDestroy{Jail: j.FullName()}, busy: o.Busy,
		make:    func(ctx context.Context) (*plan.Plan, error) { return j.planDestroy(ctx, o) },
		cleared: func(recovered string) bool { return recovered != "destroy" },
		after: func() {
			j.forgetEnd()
			j.publish(func(is *state) { is.path = "" })
		},
	}
}

func (j *Jail) planDestroy(ctx context.Context, o DestroyOptions) (*plan.Plan, error) {
	id, err := j.identity(ctx)
	if err != nil {
		return nil, err
	}
	if !id.IsZero() && !o.Force {
		return nil, ErrRunning
	}
	tree, err := j.tree(ctx, j.Dataset(), "userrefs", step.BaseProperty)
	if err != nil {
		return nil, err
	}
	if err := j.mayBeDestroyed(ctx, j.FullName(), tree, j.RootDataset()); err != nil {
		return nil, err
	}
	var steps step.List
	if !id.IsZero() {
		now, err := j.fresh(ctx)
		if err != nil {
			now = j // a configuration that cannot be read must not protect the jail
		}
		now.stopSteps(ctx, &steps, StopOptions{Force: true}, id)
	} else {
		steps.Add(step.Unmount{RootDataset: j.RootDataset()})
	}
	destroy := step.DestroyDataset{Dataset: j.Dataset(), GUID: tree[0].GUID}
	switch former, err := j.formerBases(ctx, tree, key.Release.Of(j.Effective())); {
	case err != nil:
		return nil, err
	case len(former.Former) > 0:
		steps.Add(stepDestroyDataset{destroy, former})
	default:
		steps.Add(destroy)
	}
	steps.Abandon()
	steps.Repeatable()
	return steps.Plan("destroy", j.FullName(), map[string]string{"jail": id.String(), "dataset": tree.guid(j.Dataset())})
}

// mayBeDestroyed refuses to destroy what something else depends on, as far as that
// can be known without touching anything. All that is mounted below the dataset
// root, if any, is unmounted first.
func (j *Jail) mayBeDestroyed(ctx context.Context, of string, tree tree, root string) error {
	if clones := tree.dependants(); len(clones) > 0 {
		return &DependantsError{Of: of, Dependants: clones}
	}
	for _, d := range tree {
		if refs := d.Properties["userrefs"].Value; d.Type == zfsstore.Snapshot && refs != "" && refs != "0" {
			return &zfsstore.Error{
				Op: "destroy", Dataset: d.Name, Err: fmt.Errorf("%w: held, see zfs-holds(8)", zfsstore.ErrBusy),
			}
		}
	}
	return j.usedElsewhere(ctx, tree, root)
}

// usedElsewhere returns a *HeldError for a file system of the tree that is mounted
// from or mounted on elsewhere than below a root, if one is given, or that
// another jail lives in. What is on or below the root is the jail's own and
// is unmounted.
func (j *Jail) usedElsewhere(ctx context.Context, tree tree, rootDataset string) error {
	mounts, err := j.host.Mounts(ctx)
	if err != nil {
		return err
	}
	root := ""
	if rootDataset != "" {
		root, _ = mounts.Dataset(rootDataset)
	}
	ours := func(m kernel.Mounted) bool {
		return root != "" && pathname.Within(m.Path, root) && (m.Path != root || m.Type != "zfs")
	}
	for _, dataset := range tree.datasets() {
		path, ok := mounts.Dataset(dataset)
		if !ok {
			continue
		}
		h := &HeldError{Path: path, Err: syscall.EBUSY}
		for _, m := range mounts {
			_, known := tree.find(m.From)
			if known && m.Type == "zfs" || ours(m) {
				continue
			}
			if pathname.Within(m.From, path) || pathname.Within(m.Path, path) {
				h.Mounts = append(h.Mounts, m.Path)
			}
		}
		for p, err := range j.host.Kernel.JailList(ctx, 0, "path") {
			if err != nil {
				return err
			}
			name := p.String("name")
			if name != j.Identifier() && !strings.HasPrefix(name, j.Identifier()+".") && pathname.Within(p.String("path"), path) {
				h.Jails = append(h.Jails, name)
			}
		}
		if len(h.Mounts)+len(h.Jails) > 0 {
			return h
		}
	}
	return nil
}
