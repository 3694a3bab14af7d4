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
	"github.com/libioc/go-libioc/internal/plan"
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
func (g *JailGenerator) CloneFromJail(ctx context.Context, o CloneOptions) <-chan events.IocEvent {
	return g.start(ctx, g.cloneOperation(o), nil)
}

// CloneFromJail is the synchronous form of [JailGenerator.CloneFromJail].
func (j *Jail) CloneFromJail(ctx context.Context, o CloneOptions) ([]events.IocEvent, error) {
	return collect(ctx, j.JailGenerator.CloneFromJail(ctx, o))
}

// PlanCloneFromJail plans what CloneFromJail would do.
func (g *JailGenerator) PlanCloneFromJail(ctx context.Context, o CloneOptions) (*Plan, error) {
	return g.planned(ctx, g.cloneOperation(o))
}

func (g *JailGenerator) cloneOperation(o CloneOptions) operation {
	return operation{
		name:  "clone",
		event: events.JailClone{Jail: g.fullName, Source: o.Jail},
		busy:  o.Busy,
		also:  g.others(o.Jail),
		make: func(ctx context.Context) (*plan.Plan, error) {
			if err := g.mustBeNew(ctx); err != nil {
				return nil, err
			}
			return g.planClone(ctx, o, CreateOptions{})
		},
		after: g.created,
	}
}

func (g *JailGenerator) planClone(ctx context.Context, o CloneOptions, create CreateOptions) (*plan.Plan, error) {
	from, err := Load(ctx, g.host, o.Jail)
	if err != nil {
		return nil, err
	}
	source, err := g.cloneSource(ctx, from.Dataset(), o.Snapshot)
	if err != nil {
		return nil, err
	}
	dir := from.path
	if o.Snapshot != "" {
		dir = filepath.Join(dir, ".zfs", "snapshot", o.Snapshot)
	}
	own, err := config.ReadDir(dir)
	if errors.Is(err, config.ErrNoConfig) {
		own, err = from.own, nil // ZFS properties have no history
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
	if own, err = g.inherit(own); err != nil {
		return nil, err
	}
	if name, _ := own.GetString("host_hostname"); (from.isOwnHostname(name) || then.isOwnHostname(name)) && !g.own.Has("host_hostname") {
		own.Unset("host_hostname") // else both answer to one name
	}
	if err := moveDatasets(own, then.Dataset(), g.Dataset()); err != nil {
		return nil, err
	}
	write, data, err := g.newConfig(ctx, own, create.properties())
	if err != nil {
		return nil, err
	}
	by := g.madeBy()
	steps, err := g.parentSteps(ctx, by)
	if err != nil {
		return nil, err
	}
	if !source.taken {
		steps = append(steps, source.take(by))
	}
	steps = append(steps, source.clone(g.Dataset(), by), write)
	lines, err := os.ReadFile(filepath.Join(dir, fstabFile))
	switch {
	case err == nil && fstab.Parse(lines).ReplacePath(then.path, "/") > 0:
		steps = append(steps, stepMoveFstab.Step(moveFstabArgs{Dataset: g.Dataset(), From: then.path}))
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if !source.taken {
		steps = append(steps, source.forget(by))
	}
	p := g.createPlan(steps, map[string]string{
		"source": source.guid, "snapshot": source.snapshot, "configuration": digest(data), "fstab": digest(lines),
	})
	p.Operation = "clone"
	return p, nil
}

// isOwnHostname tells a hostname that is only the jail's name, as iocage stores
// it.
func (g *JailGenerator) isOwnHostname(hostname string) bool {
	return hostname == g.name || hostname == strings.ReplaceAll(g.name, "_", "-")
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
	// DeleteExisting replaces a dataset that is there, with all below it. It is
	// moved aside first and destroyed last, so that a failure brings it back.
	DeleteExisting bool
	Busy           Busy
}

// ErrReserved is a dataset that belongs to a source: its jails, its releases,
// their base datasets and so on, or what holds them.
var ErrReserved = errors.New("dataset belongs to jails and releases")

// CloneToDataset clones the jail's dataset, and all below it, to a dataset of
// another name, which is no jail. The jail may be running.
//
// Errors: ErrNotFound, ErrReserved, zfsstore.ErrExists (DatasetExists) without
// DeleteExisting, zfsstore.ErrCrossPool, ErrBusy; of a dataset to replace, before
// anything is touched, ErrDependants, *HeldError, and zfsstore.ErrBusy when a
// snapshot of it is held.
func (g *JailGenerator) CloneToDataset(ctx context.Context, o CloneToDatasetOptions) <-chan events.IocEvent {
	return g.start(ctx, g.toDatasetOperation(o), nil)
}

// CloneToDataset is the synchronous form of [JailGenerator.CloneToDataset].
func (j *Jail) CloneToDataset(ctx context.Context, o CloneToDatasetOptions) ([]events.IocEvent, error) {
	return collect(ctx, j.JailGenerator.CloneToDataset(ctx, o))
}

// PlanCloneToDataset plans what CloneToDataset would do.
func (g *JailGenerator) PlanCloneToDataset(ctx context.Context, o CloneToDatasetOptions) (*Plan, error) {
	return g.planned(ctx, g.toDatasetOperation(o))
}

func (g *JailGenerator) toDatasetOperation(o CloneToDatasetOptions) operation {
	return operation{
		name:    "clone to dataset",
		event:   events.JailClone{Jail: g.fullName, Source: g.Dataset()},
		busy:    o.Busy,
		make:    func(ctx context.Context) (*plan.Plan, error) { return g.planToDataset(ctx, o) },
		cleared: func(recovered string) bool { return recovered != "clone to dataset "+o.Dataset },
	}
}

func (g *JailGenerator) planToDataset(ctx context.Context, o CloneToDatasetOptions) (*plan.Plan, error) {
	if err := g.mayHold(ctx, o.Dataset); err != nil {
		return nil, err
	}
	tree, err := g.tree(ctx, g.Dataset(), baseProperty)
	if err != nil {
		return nil, err
	}
	if pool(o.Dataset) != pool(g.Dataset()) {
		return nil, &zfsstore.Error{Op: "clone", Dataset: o.Dataset, Err: zfsstore.ErrCrossPool}
	}
	source := &cloneSource{
		dataset: g.Dataset(), guid: tree.guid(g.Dataset()), clones: tree.lasting().datasets(),
		snapshot: tree.freeName("ioc-clone-" + strings.ReplaceAll(o.Dataset, "/", "-")),
	}
	by := g.madeBy()
	var steps []plan.Step
	var last plan.Step
	print := map[string]string{"jail": source.guid, "snapshot": source.snapshot}
	old, err := g.tree(ctx, o.Dataset, "userrefs")
	switch {
	case err == nil && !o.DeleteExisting:
		return nil, &zfsstore.Error{Op: "clone", Dataset: o.Dataset, Err: zfsstore.ErrExists}
	case err == nil:
		if err := g.mayBeDestroyed(ctx, o.Dataset, old, ""); err != nil {
			return nil, err
		}
		aside, err := g.freeDataset(ctx, o.Dataset+".ioc-old")
		if err != nil {
			return nil, err
		}
		steps = append(steps, stepRenameDataset.Step(moveArgs{o.Dataset, aside, old[0].GUID}))
		last = stepDestroyDataset.Step(destroyArgs{aside})
		print["existing"] = fmt.Sprint(old[0].GUID)
	case !errors.Is(err, ErrNotFound):
		return nil, err
	}
	steps = append(steps, source.take(by), source.clone(o.Dataset, by), source.forget(by))
	commit := len(steps)
	if last.Kind != "" {
		steps = append(steps, last)
	}
	return &plan.Plan{
		Operation: "clone to dataset " + o.Dataset, Subject: g.fullName, Steps: steps, Commit: commit, Fingerprint: print,
	}, nil
}

// freeDataset is a name that no dataset has: base, base-2, base-3. What could
// not be destroyed in the end keeps its name and is in nobody's way.
func (g *JailGenerator) freeDataset(ctx context.Context, base string) (string, error) {
	for n := 1; ; n++ {
		name := base
		if n > 1 {
			name = fmt.Sprintf("%s-%d", base, n)
		}
		switch _, err := g.host.Store.Get(ctx, name, zfsstore.GetOptions{}); {
		case errors.Is(err, zfsstore.ErrNotFound):
			return name, nil
		case err != nil:
			return "", err
		}
	}
}

// reserved are the datasets that libioc, iocage and iocage_legacy keep in a root
// dataset.
var reserved = []string{
	"releases", "jails", "base", "templates", "download", "images", "log", "pkg", ".defaults",
}

// mayHold refuses a dataset that is, holds or is held by one of a source's own.
func (g *JailGenerator) mayHold(ctx context.Context, dataset string) error {
	sources, err := g.host.Sources(ctx)
	if err != nil {
		return err
	}
	within := func(name, parent string) bool { return name == parent || strings.HasPrefix(name, parent+"/") }
	for _, s := range sources {
		if within(s.Dataset, dataset) || slices.ContainsFunc(reserved, func(name string) bool {
			return within(dataset, s.Dataset+"/"+name)
		}) {
			return fmt.Errorf("%w: %s", ErrReserved, dataset)
		}
	}
	return nil
}
