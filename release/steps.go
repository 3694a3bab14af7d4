package release

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/archive"
	"github.com/libioc/go-libioc/internal/mirror"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/zfsstore"
)

// assetArgs name one archive.
type assetArgs struct {
	Asset    string `json:"asset"`
	Location string `json:"location,omitempty"` // of the release on the mirror; empty for a local file
	File     string `json:"file"`               // where it is, or is downloaded to
	SHA256   string `json:"sha256,omitempty"`
}

// stepDownload fetches an asset into the cache directory. It has no undo: what
// was fetched and verified serves the next try.
var stepDownload = plan.Define(plan.Spec[env, assetArgs]{
	Name:   "download",
	Detail: func(a assetArgs) string { return a.Location + "/" + a.Asset },
	Event: func(e env, a assetArgs) events.IocEvent {
		return events.ReleaseAssetDownload{Release: e.release, Asset: a.Asset}
	},
	Do: func(ctx context.Context, e env, a assetArgs, c *plan.Call) error {
		if err := os.MkdirAll(filepath.Dir(a.File), 0o755); err != nil {
			return err
		}
		m, err := mirror.Open(a.Location, mirror.Options{})
		if err != nil {
			return &AssetError{Asset: a.Asset, Err: err}
		}
		manifest, err := m.Manifest(ctx)
		if err != nil {
			return &AssetError{Asset: mirror.ManifestFile, Err: err}
		}
		entry, err := manifest.Asset(a.Asset)
		if err != nil {
			return &AssetError{Asset: a.Asset, Err: err}
		}
		last := events.ReleaseAssetDownload{Release: e.release, Asset: a.Asset}
		_, err = m.Fetch(ctx, a.Asset, a.File, mirror.FetchOptions{
			SHA256: entry.SHA256,
			Progress: func(received, total int64) {
				last.Received, last.Total = received, max(total, 0)
				c.Span.Progress(last)
			},
		})
		if err != nil {
			return &AssetError{Asset: a.Asset, Err: err}
		}
		c.Final(last)
		return os.WriteFile(a.File+".sha256", []byte(entry.SHA256), 0o644)
	},
})

// stepForget removes the downloaded asset once the release is there.
var stepForget = plan.Define(plan.Spec[env, assetArgs]{
	Name:   "remove download",
	Detail: func(a assetArgs) string { return a.File },
	Event: func(e env, a assetArgs) events.IocEvent {
		return events.ReleaseDownload{Release: e.release, Assets: []string{a.Asset}}
	},
	Do: func(_ context.Context, e env, a assetArgs, _ *plan.Call) error {
		for _, path := range []string{a.File, a.File + ".sha256"} {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return plan.Final(err)
			}
		}
		// The directory may hold what another fetch has downloaded.
		for dir := filepath.Dir(a.File); dir != e.host.CacheDir() && len(dir) > len(e.host.CacheDir()); dir = filepath.Dir(dir) {
			_ = os.Remove(dir)
		}
		_ = os.Remove(e.host.CacheDir())
		return nil
	},
})

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
		if a.Asset.Location != "" {
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
			var member *archive.MemberError
			refused := &AssetError{Asset: a.Asset.Asset, Err: err}
			if errors.As(err, &member) {
				refused.Member = member.Name
			}
			return refused
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
