package jail

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/atomicfile"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/zfsstore"
)

type datasetArgs struct {
	Dataset string      `json:"dataset"`
	Mode    os.FileMode `json:"mode,omitempty"` // of the mountpoint; 0 leaves it
	// Shared datasets may be used by others by the time they are undone.
	Shared bool `json:"shared,omitempty"`
}

// foreign is the effect of a step that found its dataset made by someone else.
type foreign struct {
	Foreign bool `json:"foreign"`
}

// stepCreateDataset makes a dataset that the plan saw missing.
var stepCreateDataset = plan.Define(plan.Spec[env, datasetArgs]{
	Name:    "create dataset",
	Detail:  func(a datasetArgs) string { return a.Dataset },
	Event:   func(_ env, a datasetArgs) events.IocEvent { return events.ZFSDatasetCreate{Dataset: a.Dataset} },
	Durable: true,
	Do: func(ctx context.Context, e env, a datasetArgs, c *plan.Call) error {
		err := e.host.Store.Create(ctx, a.Dataset, zfsstore.CreateOptions{})
		if errors.Is(err, zfsstore.ErrExists) {
			// Made since the plan looked, so it is not ours to destroy.
			return errors.Join(c.SetEffect(foreign{true}), skipShared(a, c, err))
		}
		if err != nil || a.Mode == 0 {
			return err
		}
		path, err := e.host.Mountpoint(ctx, a.Dataset)
		if err != nil {
			return err
		}
		return os.Chmod(path, a.Mode)
	},
	Undo: func(ctx context.Context, e env, a datasetArgs, c *plan.Call) error {
		var f foreign
		if c.Effect(&f) && f.Foreign {
			return nil
		}
		return e.host.DestroyMade(ctx, a.Dataset, a.Shared)
	},
})

func skipShared(a datasetArgs, c *plan.Call, err error) error {
	if a.Shared {
		c.Skip("exists")
		return nil
	}
	return err
}

type snapshotArgs struct {
	Snapshot string `json:"snapshot"`
}

// stepSnapshot takes a snapshot that was missing.
var stepSnapshot = plan.Define(plan.Spec[env, snapshotArgs]{
	Name:    "snapshot",
	Detail:  func(a snapshotArgs) string { return a.Snapshot },
	Event:   func(_ env, a snapshotArgs) events.IocEvent { return events.ZFSSnapshotCreate{Snapshot: a.Snapshot} },
	Durable: true,
	Do: func(ctx context.Context, e env, a snapshotArgs, c *plan.Call) error {
		err := e.host.Store.Snapshot(ctx, a.Snapshot, zfsstore.SnapshotOptions{})
		if errors.Is(err, zfsstore.ErrExists) {
			c.Skip("exists")
			return c.SetEffect(foreign{true})
		}
		return err
	},
	Undo: func(ctx context.Context, e env, a snapshotArgs, c *plan.Call) error {
		var f foreign
		if c.Effect(&f) && f.Foreign {
			return nil
		}
		err := e.host.Store.Destroy(ctx, a.Snapshot, zfsstore.DestroyOptions{})
		if errors.Is(err, zfsstore.ErrNotFound) || errors.Is(err, zfsstore.ErrHasDependents) {
			return nil // another jail was cloned from it meanwhile
		}
		return err
	},
})

type cloneArgs struct {
	Snapshot string `json:"snapshot"`
	Target   string `json:"target"`
}

// stepClone makes a jail's root from a release's snapshot.
var stepClone = plan.Define(plan.Spec[env, cloneArgs]{
	Name:   "clone",
	Detail: func(a cloneArgs) string { return a.Snapshot + " as " + a.Target },
	Event: func(_ env, a cloneArgs) events.IocEvent {
		return events.ZFSSnapshotClone{Snapshot: a.Snapshot, Target: a.Target}
	},
	Durable: true,
	Do: func(ctx context.Context, e env, a cloneArgs, c *plan.Call) error {
		err := e.host.Store.Clone(ctx, a.Snapshot, a.Target, zfsstore.CloneOptions{})
		if errors.Is(err, zfsstore.ErrExists) {
			return errors.Join(err, c.SetEffect(foreign{true}))
		}
		return err
	},
	Undo: func(ctx context.Context, e env, a cloneArgs, c *plan.Call) error {
		var f foreign
		if c.Effect(&f) && f.Foreign {
			return nil
		}
		err := e.host.Store.Destroy(ctx, a.Target, zfsstore.DestroyOptions{})
		if errors.Is(err, zfsstore.ErrNotFound) {
			return nil
		}
		return err
	},
})

type writeConfigArgs struct {
	Dataset string   `json:"dataset"`
	File    string   `json:"file"` // below the dataset's mountpoint
	Data    []byte   `json:"data"`
	Keys    []string `json:"keys"`
}

// stepWriteConfig writes the configuration file of a new jail. It has no undo
// of its own: the dataset that holds the file is new and goes with it.
var stepWriteConfig = plan.Define(plan.Spec[env, writeConfigArgs]{
	Name:   "write configuration",
	Detail: func(a writeConfigArgs) string { return a.Dataset + "/" + a.File },
	Event: func(e env, a writeConfigArgs) events.IocEvent {
		return events.JailConfigSave{Jail: e.jail, Keys: a.Keys}
	},
	Durable: true,
	Do: func(ctx context.Context, e env, a writeConfigArgs, _ *plan.Call) error {
		path, err := e.host.Mountpoint(ctx, a.Dataset)
		if err != nil {
			return err
		}
		return atomicfile.Write(filepath.Join(path, a.File), a.Data, 0o644)
	},
})

type destroyArgs struct {
	Dataset string `json:"dataset"`
}

// stepDestroyDataset destroys a jail's dataset with all below it. A refusal is
// final: the caller decides whether to try again, not a later operation.
var stepDestroyDataset = plan.Define(plan.Spec[env, destroyArgs]{
	Name:    "destroy dataset",
	Detail:  func(a destroyArgs) string { return a.Dataset + " with children and snapshots" },
	Event:   func(_ env, a destroyArgs) events.IocEvent { return events.ZFSDatasetDestroy{Dataset: a.Dataset} },
	Durable: true,
	Do: func(ctx context.Context, e env, a destroyArgs, c *plan.Call) error {
		err := e.host.Store.Destroy(ctx, a.Dataset, zfsstore.DestroyOptions{Recursive: true})
		if errors.Is(err, zfsstore.ErrNotFound) {
			c.Skip("gone")
			return nil
		}
		return plan.Final(err)
	},
})
