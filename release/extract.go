package release

import (
	"context"
	"os"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/archive"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
)

// stepExtract extracts an asset into the new root. Undoing the dataset undoes
// it.
type stepExtract struct {
	Asset       assetArgs `json:"asset"`
	RootDataset string    `json:"root_dataset"`
}

func (stepExtract) Kind() string { return "extract" }

func (a stepExtract) Detail() string { return a.Asset.File + " into " + a.RootDataset }

func (a stepExtract) Event(e step.Env) events.IocEvent {
	return events.ReleaseExtraction{Release: e.Name, Asset: a.Asset.Asset}
}

func (a stepExtract) Do(ctx context.Context, e step.Env, c *plan.Call) error {
	_, root, err := step.Located(ctx, e, c, a.RootDataset)
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
	last := events.ReleaseExtraction{Release: e.Name, Asset: a.Asset.Asset, Total: info.Size()}
	opts := archive.Options{
		SHA256: sum,
		Size:   info.Size(),
		Progress: func(received, _ int64) {
			last.Received = received
			c.Span.Progress(last)
		},
	}
	if e.Host.ExtractInProcess() {
		opts.Extractor, opts.Decompressor = archive.ExtractGo, archive.DecompressGo
	}
	if _, err = archive.Extract(ctx, file, root, opts); err != nil {
		return refused(a.Asset.Asset, err)
	}
	c.Final(last)
	return nil
}
