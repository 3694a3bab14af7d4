package release

import (
	"context"
	"errors"
	"os"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/archive"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/zfsstore"
)

type datasetArgs struct {
	Dataset string `json:"dataset"`
	// Shared datasets may be used by others by the time they are undone.
	Shared bool `json:"shared,omitempty"`
}

// foreign is the effect of a step that found its dataset made by someone else.
type foreign struct {
	Foreign bool `json:"foreign"`
}

var stepCreateDataset = plan.Define(plan.Spec[env, datasetArgs]{
	Name:   "create dataset",
	Detail: func(a datasetArgs) string { return a.Dataset },
	Event: func(e env, a datasetArgs) events.IocEvent {
		return events.ReleasePrepareStorage{Release: e.release, Dataset: a.Dataset}
	},
	Durable: true,
	Do: func(ctx context.Context, e env, a datasetArgs, c *plan.Call) error {
		err := e.host.Store.Create(ctx, a.Dataset, zfsstore.CreateOptions{})
		if !errors.Is(err, zfsstore.ErrExists) {
			return err
		}
		if a.Shared {
			c.Skip("exists")
			err = nil
		}
		return errors.Join(err, c.SetEffect(foreign{true}))
	},
	Undo: func(ctx context.Context, e env, a datasetArgs, c *plan.Call) error {
		var f foreign
		if c.Effect(&f) && f.Foreign {
			return nil
		}
		return e.host.DestroyMade(ctx, a.Dataset, a.Shared)
	},
})

type extractArgs struct {
	Asset       assetArgs `json:"asset"`
	RootDataset string    `json:"root_dataset"`
}

// stepExtract extracts an asset into the new root. Undoing the dataset undoes
// it.
var stepExtract = plan.Define(plan.Spec[env, extractArgs]{
	Name:   "extract",
	Detail: func(a extractArgs) string { return a.Asset.File + " into " + a.RootDataset },
	Event: func(e env, a extractArgs) events.IocEvent {
		return events.ReleaseExtraction{Release: e.release, Asset: a.Asset.Asset}
	},
	Do: func(ctx context.Context, e env, a extractArgs, c *plan.Call) error {
		root, err := e.host.Mountpoint(ctx, a.RootDataset)
		if err != nil {
			return err
		}
		file, err := os.Open(a.Asset.File)
		if err != nil {
			return err
		}
		defer file.Close()
		info, err := file.Stat()
		if err != nil {
			return err
		}
		sum := a.Asset.SHA256
		if a.Asset.Remote {
			// What was downloaded is checked once more as it is extracted: it
			// may have changed on disk.
			data, err := os.ReadFile(a.Asset.File + ".sha256")
			if err != nil {
				return err
			}
			sum = string(data)
		}
		last := events.ReleaseExtraction{Release: e.release, Asset: a.Asset.Asset, Total: info.Size()}
		opts := archive.Options{
			SHA256: sum,
			Size:   info.Size(),
			Progress: func(received, _ int64) {
				last.Received = received
				c.Span.Progress(last)
			},
		}
		if e.host.ExtractInProcess() {
			opts.Extractor, opts.Decompressor = archive.ExtractGo, archive.DecompressGo
		}
		if _, err = archive.Extract(ctx, file, root, opts); err != nil {
			return refused(a.Asset.Asset, err)
		}
		c.Final(last)
		return nil
	},
})

type snapshotArgs struct {
	Snapshot string `json:"snapshot"`
}

var stepSnapshot = plan.Define(plan.Spec[env, snapshotArgs]{
	Name:    "snapshot",
	Detail:  func(a snapshotArgs) string { return a.Snapshot },
	Event:   func(_ env, a snapshotArgs) events.IocEvent { return events.ZFSSnapshotCreate{Snapshot: a.Snapshot} },
	Durable: true,
	Do: func(ctx context.Context, e env, a snapshotArgs, _ *plan.Call) error {
		return e.host.Store.Snapshot(ctx, a.Snapshot, zfsstore.SnapshotOptions{})
	},
	Undo: func(ctx context.Context, e env, a snapshotArgs, _ *plan.Call) error {
		err := e.host.Store.Destroy(ctx, a.Snapshot, zfsstore.DestroyOptions{})
		if errors.Is(err, zfsstore.ErrNotFound) {
			return nil
		}
		return err
	},
})

// stepDestroy destroys the release. A refusal is final, see package jail.
var stepDestroy = plan.Define(plan.Spec[env, datasetArgs]{
	Name:    "destroy dataset",
	Detail:  func(a datasetArgs) string { return a.Dataset + " with children and snapshots" },
	Event:   func(_ env, a datasetArgs) events.IocEvent { return events.ZFSDatasetDestroy{Dataset: a.Dataset} },
	Durable: true,
	Do: func(ctx context.Context, e env, a datasetArgs, c *plan.Call) error {
		err := e.host.Store.Destroy(ctx, a.Dataset, zfsstore.DestroyOptions{Recursive: true})
		if errors.Is(err, zfsstore.ErrNotFound) {
			c.Skip("gone")
			return nil
		}
		return plan.Final(err)
	},
})
