package jail

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/fstab"
	"github.com/libioc/go-libioc/internal/plan"
)

// RenameOptions say how a jail is called from now on.
type RenameOptions struct {
	// Name is the new name, by the rule of Spec.Name.
	Name string
	Busy Busy
}

// Rename gives a stopped jail another name: its dataset with all below it, the
// id in its configuration, its own datasets in jail_zfs_dataset, and the paths
// in its fstab, compared by whole components. The snapshot that the jail's root
// was cloned from keeps its name; it is the release's, or another jail's.
//
// The UUID that the jail sees as its host's stays. What other jails call it, in
// depends or in their fstab, is not changed.
//
// Errors: ErrInvalidName, ErrExists, ErrNotFound, ErrRunning, *HeldError when a
// file system of the jail stays in use for a while, ErrBusy. All or nothing.
func (g *JailGenerator) Rename(ctx context.Context, o RenameOptions) <-chan events.IocEvent {
	return g.start(ctx, g.renameOperation(o), nil)
}

// Rename is the synchronous form of [JailGenerator.Rename]. The Jail has the
// new name afterwards.
func (j *Jail) Rename(ctx context.Context, o RenameOptions) ([]events.IocEvent, error) {
	return collect(ctx, j.JailGenerator.Rename(ctx, o))
}

// PlanRename plans what Rename would do.
func (g *JailGenerator) PlanRename(ctx context.Context, o RenameOptions) (*Plan, error) {
	return g.planned(ctx, g.renameOperation(o))
}

func (g *JailGenerator) renameOperation(o RenameOptions) operation {
	return operation{
		name:  "rename",
		event: events.JailRename{CurrentName: g.name, NewName: o.Name},
		busy:  o.Busy,
		also: func(ctx context.Context) ([]*JailGenerator, error) {
			now, err := g.renamed(ctx, o.Name)
			if err != nil || now.name == g.name {
				return nil, err
			}
			return []*JailGenerator{now}, nil
		},
		make: func(ctx context.Context) (*plan.Plan, error) { return g.planRename(ctx, o) },
		after: func() {
			if now, err := g.renamed(context.Background(), o.Name); err == nil {
				g.name, g.fullName = now.name, now.fullName
				g.created()
			}
		},
	}
}

// renamed is the jail under another name, which nothing has to have yet.
func (g *JailGenerator) renamed(ctx context.Context, name string) (*JailGenerator, error) {
	if err := newName(name); err != nil {
		return nil, err
	}
	now, err := generator(ctx, g.host, g.source, name)
	if err != nil {
		return nil, err
	}
	now.own, now.defaults = config.New(), g.defaults
	return now, nil
}

func (g *JailGenerator) planRename(ctx context.Context, o RenameOptions) (*plan.Plan, error) {
	now, err := g.renamed(ctx, o.Name)
	if err != nil {
		return nil, err
	}
	g, err = g.fresh(ctx)
	if err != nil {
		return nil, err
	}
	if err := g.RequireStopped(ctx); err != nil {
		return nil, err
	}
	if err := now.mustBeNew(ctx); err != nil {
		return nil, fmt.Errorf("%w: %s", err, now.name)
	}
	tree, err := g.tree(ctx, g.Dataset())
	if err != nil {
		return nil, err
	}
	// Below the root of a stopped jail nothing is mounted either, or somebody
	// means it to be there.
	if err := g.usedElsewhere(ctx, tree, ""); err != nil {
		return nil, err
	}
	own := g.own.Clone()
	if err := rename(own, g, now); err != nil {
		return nil, err
	}
	steps := []plan.Step{stepRenameDataset.Step(moveArgs{g.Dataset(), now.Dataset(), tree[0].GUID})}
	saved, err := now.saveSteps(own, g.Dataset())
	if err != nil {
		return nil, err
	}
	steps = append(steps, saved...)
	lines, err := g.readFstab()
	if err != nil {
		return nil, err
	}
	if fstab.Parse(lines).ReplacePath(g.path, filepath.Join(filepath.Dir(g.path), now.name)) > 0 {
		steps = append(steps, stepMoveFstab.Step(moveFstabArgs{now.Dataset(), g.path, g.Dataset()}))
	}
	print, err := g.fingerprint(ctx)
	return &plan.Plan{
		Operation: "rename", Subject: g.fullName, Steps: steps, Commit: len(steps), Fingerprint: print,
	}, err
}

// rename writes the new name where the configuration has the old one.
func rename(own *config.Config, from, to *JailGenerator) error {
	for _, key := range []string{"id", "name", "uuid"} {
		if _, ok := own.Raw(key); ok {
			if err := own.SetRaw(key, to.name); err != nil {
				return err
			}
		}
	}
	// iocage finds a jail by this.
	if uuid, ok := own.Raw("host_hostuuid"); ok && uuid == from.name {
		if err := own.SetRaw("host_hostuuid", to.name); err != nil {
			return err
		}
	}
	if name, ok := own.GetString("host_hostname"); ok && from.isOwnHostname(name) {
		// A name may have signs that a hostname has not; then the jail's name
		// counts, which is the default.
		if own.Set("host_hostname", to.name) != nil {
			own.Unset("host_hostname")
		}
	}
	return moveDatasets(own, from.Dataset(), to.Dataset())
}

// formerly is the jail under the name that one of its configurations, such as
// that of a snapshot, was written for. Renames do not reach into snapshots.
func (g *JailGenerator) formerly(own *config.Config) *JailGenerator {
	name := ""
	for _, key := range []string{"id", "name", "uuid"} {
		if text, ok := own.Raw(key); ok && name == "" {
			name = text
		}
	}
	if name == "" && own.Dialect() == config.Iocage {
		name, _ = own.Raw("host_hostuuid") // iocage's id
	}
	if name == g.name || config.ValidName(name) != nil {
		return g
	}
	then := *g
	then.name, then.path = name, filepath.Join(filepath.Dir(g.path), name)
	return &then
}
