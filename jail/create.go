package jail

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/zfsstore"
)

// CreateOptions say what a new jail is made of.
type CreateOptions struct {
	// Release is the release's name, "13.2-RELEASE" or with a pinned patch
	// level "13.2-RELEASE-p4". It must have been fetched. The jail's root is a
	// clone of the newest, or the pinned, @pN snapshot.
	Release string
	// Basejail makes the jail take the base system's directories from the
	// release at every start (nullfs, read-only) instead of from its own root.
	Basejail bool
	Busy     Busy
}

// Create makes the jail: its dataset, its root cloned from a release and its
// configuration file. The jail is not started.
//
// Errors: ErrExists, release.ErrNotFetched, release.ErrSnapshotNotFound,
// ErrBusy. A failure leaves nothing behind.
func (g *JailGenerator) Create(ctx context.Context, o CreateOptions) <-chan events.IocEvent {
	return g.start(ctx, g.createOperation(o), nil)
}

// Create is the synchronous form of [JailGenerator.Create].
func (j *Jail) Create(ctx context.Context, o CreateOptions) ([]events.IocEvent, error) {
	return collect(ctx, j.JailGenerator.Create(ctx, o))
}

// PlanCreate plans what Create would do.
func (g *JailGenerator) PlanCreate(ctx context.Context, o CreateOptions) (*Plan, error) {
	return g.planned(ctx, g.createOperation(o))
}

func (g *JailGenerator) createOperation(o CreateOptions) operation {
	return operation{
		name:  "create",
		event: events.JailCreate{Jail: g.fullName, Source: o.Release},
		busy:  o.Busy,
		make:  func(ctx context.Context) (*plan.Plan, error) { return g.planCreate(ctx, o) },
		after: func() { g.created(o) },
	}
}

func (g *JailGenerator) planCreate(ctx context.Context, o CreateOptions) (*plan.Plan, error) {
	if g.exists() {
		return nil, ErrExists
	}
	_, err := g.host.Store.Get(ctx, g.Dataset(), zfsstore.GetOptions{})
	switch {
	case err == nil:
		return nil, ErrExists
	case !errors.Is(err, zfsstore.ErrNotFound):
		return nil, err
	}
	rel, err := release.New(ctx, g.host, o.Release, g.source.Name)
	if err != nil {
		return nil, err
	}
	snapshot, taken, err := rel.RootSnapshot(ctx)
	if err != nil {
		return nil, err
	}
	own, err := g.newConfig(ctx, rel, o)
	if err != nil {
		return nil, err
	}
	data, err := own.Encode()
	if err != nil {
		return nil, err
	}

	var steps []plan.Step
	parents, err := g.host.MissingDatasets(ctx, g.source.Dataset, g.source.Jails())
	if err != nil {
		return nil, err
	}
	for _, dataset := range parents {
		steps = append(steps, stepCreateDataset.Step(datasetArgs{Dataset: dataset, Shared: true}))
	}
	if !taken {
		steps = append(steps, stepSnapshot.Step(snapshotArgs{snapshot}))
	}
	steps = append(steps,
		stepCreateDataset.Step(datasetArgs{Dataset: g.Dataset(), Mode: fs.FileMode(0o700)}),
		stepClone.Step(cloneArgs{snapshot, g.RootDataset()}),
		stepWriteConfig.Step(writeConfigArgs{g.Dataset(), config.JSONFile, data, own.Keys()}),
	)
	return &plan.Plan{
		Operation: "create", Subject: g.fullName, Steps: steps, Commit: len(steps),
		Fingerprint: map[string]string{"release snapshot": snapshot, "configuration": digest(data)},
	}, nil
}

// newConfig is the new jail's configuration: what the caller set, the release,
// and who it belongs to. libioc freezes the host's id and the derived UUID at
// creation.
func (g *JailGenerator) newConfig(ctx context.Context, rel *release.Release, o CreateOptions) (*config.Config, error) {
	own := g.own.Clone()
	set := map[string]string{"id": g.name, "release": rel.FullName()}
	if o.Basejail {
		set["basejail"] = "yes"
	}
	hostUUID, err := g.hostUUID(ctx)
	if err != nil {
		return nil, err
	}
	set["hostid"] = hostUUID
	if _, ok := own.GetString("host_hostuuid"); !ok {
		if set["host_hostuuid"], err = g.derivedUUID(ctx); err != nil {
			return nil, err
		}
	}
	for _, key := range sortedKeys(set) {
		if err := own.Set(key, set[key]); err != nil {
			return nil, fmt.Errorf("set %s: %w", key, err)
		}
	}
	return own, nil
}

// created makes the Jail that was new into the one that is there now.
func (g *JailGenerator) created(o CreateOptions) {
	ctx := context.Background()
	if path, err := g.host.Mountpoint(ctx, g.Dataset()); err == nil {
		if err := g.read(ctx, path); err != nil {
			g.host.Logger().Warn("read back the configuration of a new jail", "jail", g.fullName, "error", err)
		}
	}
}
