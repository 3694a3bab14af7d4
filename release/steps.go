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

// stepDropBase destroys what stepMoveBase put aside, unless jails need it.
type stepDropBase struct {
	Dataset string `json:"dataset"`
	// Shared datasets may be used by others by the time they are undone.
	Shared bool `json:"shared,omitempty"`
}

// foreign is the effect of a step that found its dataset made by someone else.
type foreign struct {
	Foreign bool `json:"foreign"`
}

type stepCreateDataset stepDropBase

func (stepCreateDataset) Kind() string { return "create dataset" }

func (a stepCreateDataset) Detail() string { return a.Dataset }

func (a stepCreateDataset) Event(e env) events.IocEvent {
	return events.ReleasePrepareStorage{Release: e.release, Dataset: a.Dataset}
}

func (stepCreateDataset) Durable() {}

func (a stepCreateDataset) Do(ctx context.Context, e env, c *plan.Call) error {
	err := e.host.Store.Create(ctx, a.Dataset, zfsstore.CreateOptions{})
	if !errors.Is(err, zfsstore.ErrExists) {
		return err
	}
	if a.Shared {
		c.Skip("exists")
		err = nil
	}
	return errors.Join(err, c.SetEffect(foreign{true}))
}

func (a stepCreateDataset) Undo(ctx context.Context, e env, c *plan.Call) error {
	var f foreign
	if c.Effect(&f) && f.Foreign {
		return nil
	}
	return e.host.DestroyMade(ctx, a.Dataset, a.Shared)
}

// stepExtract extracts an asset into the new root. Undoing the dataset undoes
// it.
type stepExtract struct {
	Asset       assetArgs `json:"asset"`
	RootDataset string    `json:"root_dataset"`
}

func (stepExtract) Kind() string { return "extract" }

func (a stepExtract) Detail() string { return a.Asset.File + " into " + a.RootDataset }

func (a stepExtract) Event(e env) events.IocEvent {
	return events.ReleaseExtraction{Release: e.release, Asset: a.Asset.Asset}
}

func (a stepExtract) Do(ctx context.Context, e env, c *plan.Call) error {
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
}

type stepSnapshot struct {
	Snapshot string `json:"snapshot"`
}

func (stepSnapshot) Kind() string { return "snapshot" }

func (a stepSnapshot) Detail() string { return a.Snapshot }

func (a stepSnapshot) Event(_ env) events.IocEvent {
	return events.ZFSSnapshotCreate{Snapshot: a.Snapshot}
}

func (stepSnapshot) Durable() {}

func (a stepSnapshot) Do(ctx context.Context, e env, _ *plan.Call) error {
	return e.host.Store.Snapshot(ctx, a.Snapshot, zfsstore.SnapshotOptions{})
}

func (a stepSnapshot) Undo(ctx context.Context, e env, _ *plan.Call) error {
	err := e.host.Store.Destroy(ctx, a.Snapshot, zfsstore.DestroyOptions{})
	if errors.Is(err, zfsstore.ErrNotFound) {
		return nil
	}
	return err
}

// stepDestroy destroys the release. A refusal is final, see package jail.
type stepDestroy stepDropBase

func (stepDestroy) Kind() string { return "destroy dataset" }

func (a stepDestroy) Detail() string { return a.Dataset + " with children and snapshots" }

func (a stepDestroy) Event(_ env) events.IocEvent {
	return events.ZFSDatasetDestroy{Dataset: a.Dataset}
}

func (stepDestroy) Durable() {}

func (a stepDestroy) Do(ctx context.Context, e env, c *plan.Call) error {
	err := e.host.Store.Destroy(ctx, a.Dataset, zfsstore.DestroyOptions{Recursive: true})
	if errors.Is(err, zfsstore.ErrNotFound) {
		c.Skip("gone")
		return nil
	}
	return plan.Final(err)
}
