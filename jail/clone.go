package jail

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/fstab"
	"github.com/libioc/go-libioc/internal/pathname"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/zfsstore"
)

// CloneOptions say what a jail is cloned from.
type CloneOptions struct {
	// Jail is the jail to clone, by "name" or "source/name". It may be running:
	// all its datasets are taken at one moment.
	Jail string
	// Snapshot is the name of one of its snapshots to clone instead, "before".
	// Configuration and fstab are then those of the snapshot.
	Snapshot string
	Busy     Busy
}

// CloneFromJail makes the jail from another one: clones of its dataset and of
// all datasets below it, its configuration and its fstab with the new paths.
// As in libioc, everything the other jail is set to is taken over, its
// addresses too, unless the new jail's Spec says otherwise; but not its
// identity (id, hostid, host_hostuuid, MAC addresses), and a clone of a template
// is a jail. Properties of ZFS are not cloned, zfs-clone(8).
//
// The snapshot that is taken for it is named so that it collides with none, and
// goes when its last clone does.
//
// Errors: ErrExists, ErrNotFound, ErrSnapshotNotFound, zfsstore.ErrCrossPool,
// ErrBusy. A failure leaves nothing behind.
func (j *Jail) CloneFromJail(ctx context.Context, o CloneOptions) ([]events.IocEvent, error) {
	return j.Generator().CloneFromJail(o).Run(ctx)
}

// CloneFromJail returns the operation that [Jail.CloneFromJail] runs.
func (g *JailGenerator) CloneFromJail(o CloneOptions) *Operation {
	j := g.of()
	return &Operation{
		jail: j, name: "clone", event: events.JailClone{Jail: j.FullName(), Source: o.Jail}, busy: o.Busy,
		also: j.others(o.Jail),
		make: func(ctx context.Context) (*plan.Plan, error) {
			if err := j.mustBeNew(ctx); err != nil {
				return nil, err
			}
			return j.planClone(ctx, "clone", o, CreateOptions{})
		},
		after: j.created,
	}
}

func (j *Jail) planClone(ctx context.Context, operation string, o CloneOptions, create CreateOptions) (*plan.Plan, error) {
	from, err := Load(ctx, j.host, o.Jail)
	if err != nil {
		return nil, err
	}
	source, err := j.cloneSource(ctx, from.Dataset(), o.Snapshot)
	if err != nil {
		return nil, err
	}
	dir := from.Path()
	if o.Snapshot != "" {
		dir = filepath.Join(dir, ".zfs", "snapshot", o.Snapshot)
	}
	own, err := config.ReadDir(dir)
	if errors.Is(err, config.ErrNoConfig) {
		own, err = from.own(), nil // ZFS properties have no history
	}
	if err != nil {
		return nil, err
	}
	if own.Format() == config.ZFS {
		if own, _, err = own.Convert(config.JSON); err != nil {
			return nil, err
		}
	}
	then := from.formerly(own) // a snapshot may be older than the jail's name
	if own, err = j.inherit(own, from); err != nil {
		return nil, err
	}
	if name, _ := own.GetString("host_hostname"); (from.isOwnHostname(name) || then.isOwnHostname(name)) && !j.own().Has("host_hostname") {
		own.Unset("host_hostname") // else both answer to one name
	}
	if err := moveDatasets(own, then.Dataset(), j.Dataset()); err != nil {
		return nil, err
	}
	write, data, err := j.newConfig(ctx, own, create.properties())
	if err != nil {
		return nil, err
	}
	by := j.madeBy()
	var steps step.List
	steps.Append(j.parentSteps(ctx, by))
	if !source.taken {
		steps.Add(source.take(by))
	}
	clone := source.clone(j.Dataset(), by)
	clone.Parents = j.parents()
	steps.Add(clone, write)
	lines, err := os.ReadFile(filepath.Join(dir, step.FstabFile))
	switch {
	case err == nil && fstab.Parse(lines).ReplacePath(then.Path(), "/") > 0:
		steps.Add(step.MoveFstab{Dataset: j.Dataset(), From: then.Path()})
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if !source.taken {
		steps.Add(source.forget(by))
	}
	return j.createPlan(operation, &steps, map[string]string{
		"source": source.guid, "snapshot": source.snapshot, "configuration": digest(data), "fstab": digest(lines),
	})
}

// isOwnHostname reports whether a hostname is only the jail's name, as iocage stores
// it.
func (j *Jail) isOwnHostname(hostname string) bool {
	return hostname == j.Name() || hostname == strings.ReplaceAll(j.Name(), "_", "-")
}

// moveDatasets makes the jail_zfs_dataset of a jail that gets another dataset
// name its own datasets by their new names. iocage stores them without the
// pool.
func moveDatasets(own *config.Config, from, to string) error {
	const key = "jail_zfs_dataset"
	text, ok := own.Raw(key)
	if !ok {
		return nil
	}
	words := strings.Fields(text)
	changed := false
	for i, w := range words {
		for _, strip := range []string{"", pool(from) + "/"} {
			old, now := strings.TrimPrefix(from, strip), strings.TrimPrefix(to, strip)
			if rest, ok := strings.CutPrefix(w, old); ok && (rest == "" || rest[0] == '/') {
				words[i], changed = now+rest, true
				break
			}
		}
	}
	if !changed {
		return nil
	}
	return own.Set(key, strings.Join(words, " "))
}

// CloneToDatasetOptions say where a jail's datasets are cloned to.
type CloneToDatasetOptions struct {
	// Dataset is the whole name of the new dataset, in the pool of the jail. It
	// must not be one that libioc, iocage or iocage_legacy keep in a source's root
	// dataset (releases, jails, base, templates, ...), nor below or above one.
	Dataset string
	// DeleteExisting replaces an existing dataset, with all below it. It is
	// moved aside first and destroyed last, so that a failure brings it back.
	DeleteExisting bool
	Busy           Busy
}

// ErrReserved is a dataset that belongs to a source: its jails, its releases,
// their base datasets and so on, or what holds them.
var ErrReserved = errors.New("dataset belongs to jails and releases")

// CloneToDataset clones the jail's dataset, and all below it, to a dataset of
// another name, which is not a jail. The jail may be running.
//
// Errors: ErrNotFound, ErrReserved, zfsstore.ErrExists (DatasetExists) without
// DeleteExisting, zfsstore.ErrCrossPool, ErrBusy; of a dataset to replace, before
// anything is touched, ErrDependants, *HeldError, and zfsstore.ErrBusy when a
// snapshot of it is held.
func (j *Jail) CloneToDataset(ctx context.Context, o CloneToDatasetOptions) ([]events.IocEvent, error) {
	return j.Generator().CloneToDataset(o).Run(ctx)
}

// CloneToDataset returns the operation that [Jail.CloneToDataset] runs.
func (g *JailGenerator) CloneToDataset(o CloneToDatasetOptions) *Operation {
	j := g.of()
	return &Operation{
		jail: j, name: "clone to dataset", event: events.JailClone{Jail: j.FullName(), Source: j.Dataset()}, busy: o.Busy,
		make:    func(ctx context.Context) (*plan.Plan, error) { return j.planToDataset(ctx, o) },
		cleared: func(recovered string) bool { return recovered != "clone to dataset "+o.Dataset },
	}
}

func (j *Jail) planToDataset(ctx context.Context, o CloneToDatasetOptions) (*plan.Plan, error) {
	if err := j.mayHold(ctx, o.Dataset); err != nil {
		return nil, err
	}
	tree, err := j.tree(ctx, j.Dataset(), step.BaseProperty)
	if err != nil {
		return nil, err
	}
	if pool(o.Dataset) != pool(j.Dataset()) {
		return nil, &zfsstore.Error{Op: "clone", Dataset: o.Dataset, Err: zfsstore.ErrCrossPool}
	}
	source := &cloneSource{
		dataset: j.Dataset(), guid: tree.guid(j.Dataset()), clones: tree.lasting().datasets(),
		snapshot: tree.freeName("ioc-clone-" + strings.ReplaceAll(o.Dataset, "/", "-")),
	}
	by := j.madeBy()
	var steps, last step.List
	print := map[string]string{"jail": source.guid, "snapshot": source.snapshot}
	old, err := j.tree(ctx, o.Dataset, "userrefs")
	switch {
	case err == nil && !o.DeleteExisting:
		return nil, &zfsstore.Error{Op: "clone", Dataset: o.Dataset, Err: zfsstore.ErrExists}
	case err == nil:
		if err := j.mayBeDestroyed(ctx, o.Dataset, old, ""); err != nil {
			return nil, err
		}
		aside, err := j.freeDataset(ctx, o.Dataset+".ioc-old")
		if err != nil {
			return nil, err
		}
		steps.Add(step.RenameDataset{From: o.Dataset, To: aside, GUID: old[0].GUID})
		last.Add(step.DestroyDataset{Dataset: aside, GUID: old[0].GUID})
		print["existing"] = fmt.Sprint(old[0].GUID)
	case !errors.Is(err, ErrNotFound):
		return nil, err
	}
	steps.Add(source.take(by), source.clone(o.Dataset, by), source.forget(by))
	steps.Commit()
	steps.Append(last.Steps())
	return steps.Plan("clone to dataset "+o.Dataset, j.FullName(), print)
}

// freeDataset returns a name that no dataset has: base, base-2, base-3. What could
// not be destroyed in the end keeps its name and is in nobody's way.
func (j *Jail) freeDataset(ctx context.Context, base string) (string, error) {
	var err error
	name := freeName(base, func(name string) bool {
		_, err = j.host.Store.Get(ctx, name, zfsstore.GetOptions{})
		return err == nil
	})
	if !errors.Is(err, zfsstore.ErrNotFound) {
		return "", err
	}
	return name, nil
}

// reserved are the datasets that libioc, iocage and iocage_legacy keep in a root
// dataset.
var reserved = []string{
	"releases", "jails", "base", "templates", "download", "images", "log", "pkg", ".defaults",
}

// mayHold refuses a dataset that is, holds or is held by one of a source's own.
func (j *Jail) mayHold(ctx context.Context, dataset string) error {
	sources, err := j.host.Sources(ctx)
	if err != nil {
		return err
	}
	for _, s := range sources {
		if pathname.Within(s.Dataset, dataset) || slices.ContainsFunc(reserved, func(name string) bool {
			return pathname.Within(dataset, s.Dataset+"/"+name)
		}) {
			return fmt.Errorf("%w: %s", ErrReserved, dataset)
		}
	}
	return nil
}
