package jail

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/fstab"
	"github.com/libioc/go-libioc/internal/step"
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
// file system of the jail stays in use for a while, ErrReplaced, ErrBusy. All or
// nothing.
func (j *Jail) Rename(ctx context.Context, o RenameOptions) ([]events.IocEvent, error) {
	return j.Generator().Rename(o).Run(ctx)
}

// Rename returns the operation that [Jail.Rename] runs.
func (g *JailGenerator) Rename(o RenameOptions) *Operation {
	j := g.of()
	return &Operation{
		jail: j, name: "rename", event: events.JailRename{CurrentName: j.Name(), NewName: o.Name}, busy: o.Busy,
		also: func(ctx context.Context) ([]*Jail, error) {
			now, err := j.renamed(ctx, o.Name)
			if err != nil || now.Name() == j.Name() {
				return nil, err
			}
			return []*Jail{now}, nil
		},
		steps: func(ctx context.Context, now *Jail, l *step.List) error { return now.renameSteps(ctx, l, o) },
		after: func() {
			if now, err := j.renamed(context.Background(), o.Name); err == nil {
				j.forgetEnd()
				j.publish(func(is *state) { is.name, is.fullName = now.Name(), now.FullName() })
				j.created()
			}
		},
	}
}

// renamed returns the jail under another name, which nothing has to have yet.
func (j *Jail) renamed(ctx context.Context, name string) (*Jail, error) {
	if err := newName(name); err != nil {
		return nil, err
	}
	now, err := generator(ctx, j.host, j.source, name)
	if err != nil {
		return nil, err
	}
	now.defaults = j.defaults
	return now, nil
}

func (j *Jail) renameSteps(ctx context.Context, l *step.List, o RenameOptions) error {
	now, err := j.renamed(ctx, o.Name)
	if err != nil {
		return err
	}
	if err := j.RequireStopped(ctx); err != nil {
		return err
	}
	if err := now.mustBeNew(ctx); err != nil {
		return fmt.Errorf("%w: %s", err, now.Name())
	}
	tree, err := j.tree(ctx, j.Dataset())
	if err != nil {
		return err
	}
	// Below the root of a stopped jail nothing is mounted either, or somebody
	// means it to be there.
	if err := j.usedElsewhere(ctx, tree, ""); err != nil {
		return err
	}
	own := j.own().Clone()
	if err := rename(own, j, now); err != nil {
		return err
	}
	l.Add(step.RenameDataset{From: j.Dataset(), To: now.Dataset(), GUID: tree[0].GUID})
	l.Append(now.saveSteps(own, j.Dataset()))
	lines, err := j.readFstab()
	if fstab.Parse(lines).ReplacePath(j.Path(), filepath.Join(filepath.Dir(j.Path()), now.Name())) > 0 {
		l.Add(step.MoveFstab{Dataset: now.Dataset(), From: j.Path(), Was: j.Dataset()})
	}
	l.Commit()
	return err
}

// rename writes the new name where the configuration has the old one.
func rename(own *config.Config, from, to *Jail) error {
	for _, key := range []string{"id", "name", "uuid"} {
		if _, ok := own.Raw(key); ok {
			if err := own.SetRaw(key, to.Name()); err != nil {
				return err
			}
		}
	}
	// iocage finds a jail by this.
	if uuid, ok := own.Raw("host_hostuuid"); ok && uuid == from.Name() {
		if err := own.SetRaw("host_hostuuid", to.Name()); err != nil {
			return err
		}
	}
	if name, ok := own.GetString("host_hostname"); ok && from.isOwnHostname(name) {
		// A name may have signs that a hostname cannot have; then the jail's name
		// counts, which is the default.
		if own.Set("host_hostname", to.Name()) != nil {
			own.Unset("host_hostname")
		}
	}
	return moveDatasets(own, from.Dataset(), to.Dataset())
}

// formerly returns the jail under the name that one of its configurations, such as
// that of a snapshot, was written for. Renames do not reach into snapshots.
func (j *Jail) formerly(own *config.Config) *Jail {
	name := ""
	for _, key := range []string{"id", "name", "uuid"} {
		if text, ok := own.Raw(key); ok && name == "" {
			name = text
		}
	}
	if name == "" && own.Dialect() == config.Iocage {
		name, _ = own.Raw("host_hostuuid") // iocage's id
	}
	if name == j.Name() || config.ValidName(name) != nil {
		return j
	}
	return j.copy(func(is *state) { is.name, is.path = name, filepath.Join(filepath.Dir(is.path), name) })
}
