package release

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/catch"
	"github.com/libioc/go-libioc/internal/mirror"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
)

// HTTPOptions say how a mirror is talked to. The zero value is right for most.
type HTTPOptions struct {
	// Proxy is the URL of a proxy for all requests. The default is what
	// HTTP_PROXY, HTTPS_PROXY and NO_PROXY say, as in net/http.
	Proxy string
	// Transport makes the requests instead of net/http's own; Proxy must be
	// empty then.
	Transport http.RoundTripper
	// StallTimeout ends a request when no byte arrives for so long. The default
	// is 30 seconds.
	StallTimeout time.Duration
	// Attempts is how often a request is made in a row without gaining a
	// megabyte. The default is 5.
	Attempts int
	// Backoff is the pause before attempt n, from 2. The default is a second,
	// doubled each time up to 30.
	Backoff func(n int) time.Duration
	// AllowHTTP permits a mirror at http://. Anybody between it and this machine can
	// replace what it sends, the checksums included. A fetch with
	// FetchOptions.SHA256 does not need it.
	AllowHTTP bool
	// AllowHTTPRedirect permits a redirect from http to another host without
	// https.
	AllowHTTPRedirect bool
}

func (o HTTPOptions) mirror() mirror.Options {
	return mirror.Options{
		Proxy: o.Proxy, Transport: o.Transport, StallTimeout: o.StallTimeout,
		Attempts: o.Attempts, Backoff: o.Backoff,
		AllowHTTP: o.AllowHTTP, AllowHTTPRedirect: o.AllowHTTPRedirect,
	}
}

// assetArgs name one archive.
type assetArgs struct {
	Asset  string `json:"asset"`
	File   string `json:"file"`             // where it is, or is downloaded to
	SHA256 string `json:"sha256,omitempty"` // of a local file; a download's is beside it
	Remote bool   `json:"remote,omitempty"` // it is downloaded
}

// stepDownload fetches the assets into the cache directory, some at a time. It
// has no undo: what was fetched and verified serves the next try.
type stepDownload struct {
	Location string      `json:"location"`         // of the release on the mirror
	SHA256   string      `json:"sha256,omitempty"` // of its MANIFEST, if that is pinned
	Assets   []assetArgs `json:"assets"`
	Parallel int         `json:"parallel"`
}

// open opens the release's directory on the mirror, without a request.
func (a stepDownload) open(o HTTPOptions) (*mirror.Mirror, error) {
	m := o.mirror()
	m.ManifestSHA256 = a.SHA256
	return mirror.Open(a.Location, m)
}

func (a stepDownload) names() []string {
	var names []string
	for _, f := range a.Assets {
		names = append(names, f.Asset)
	}
	return names
}

func (stepDownload) Kind() string     { return "download assets" }
func (a stepDownload) Detail() string { return strings.Join(a.names(), ", ") + " from " + a.Location }
func (a stepDownload) Event(e step.Env) events.IocEvent {
	return events.ReleaseDownload{Release: e.Name, Assets: a.names()}
}

func (a stepDownload) Do(ctx context.Context, e step.Env, c *plan.Call) error {
	m, err := a.open(localOf(e).http)
	if err != nil {
		return refused(mirror.ManifestFile, err)
	}
	manifest, err := m.Manifest(ctx)
	if err != nil {
		return refused(mirror.ManifestFile, err)
	}
	// All are looked up first: one that is missing fails before the
	// others are downloaded.
	sums := make([]string, len(a.Assets))
	for i, f := range a.Assets {
		entry, err := manifest.Asset(f.Asset)
		if err != nil {
			return refused(f.Asset, err)
		}
		sums[i] = entry.SHA256
	}
	// The first failure ends the others; their parts are kept.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	turns := make(chan struct{}, max(a.Parallel, 1))
	var all sync.WaitGroup
	for i, f := range a.Assets {
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			if ctx.Err() != nil {
				return
			}
			if err := catch.Panic(func() error { return downloadAsset(ctx, e, m, f, sums[i], c.Span) }); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

func downloadAsset(ctx context.Context, e step.Env, m *mirror.Mirror, f assetArgs, sum string, parent *events.Span) error {
	last := events.ReleaseAssetDownload{Release: e.Name, Asset: f.Asset}
	span := parent.Begin(last)
	meter := meter{now: e.Host.Now}
	err := os.MkdirAll(filepath.Dir(f.File), 0o755)
	if err == nil {
		_, err = m.Fetch(ctx, f.Asset, f.File, mirror.FetchOptions{
			SHA256: sum,
			Progress: func(received, total int64) {
				last.Received, last.Total = received, max(total, 0)
				last.Rate, last.Remaining = meter.add(received, total)
				span.Progress(last)
			},
		})
	}
	if err == nil {
		err = os.WriteFile(f.File+".sha256", []byte(sum), 0o644)
	}
	if err != nil {
		err = refused(f.Asset, err)
		span.FailWith(last, err)
		return err
	}
	span.DoneWith(last)
	return nil
}

// meter measures a download's rate over the bytes that come in this call.
type meter struct {
	now   func() time.Time
	begin time.Time
	first int64
}

// add gives bytes per second and the seconds that the rest takes at that rate.
func (m *meter) add(received, total int64) (rate, remaining int64) {
	now := m.now()
	if m.begin.IsZero() || received < m.first {
		m.begin, m.first = now, received
		return 0, 0
	}
	if passed := now.Sub(m.begin); passed >= time.Millisecond {
		rate = int64(float64(received-m.first) / passed.Seconds())
	}
	if rate > 0 && total > received {
		remaining = (total - received + rate - 1) / rate
	}
	return rate, remaining
}

// stepForget removes the downloaded assets once the release exists.
type stepForget stepDownload

func (stepForget) Kind() string     { return "remove downloads" }
func (a stepForget) Detail() string { return filepath.Dir(a.Assets[0].File) }
func (a stepForget) Event(e step.Env) events.IocEvent {
	return events.ReleaseDownload{Release: e.Name, Assets: stepDownload(a).names()}
}

func (a stepForget) Do(_ context.Context, e step.Env, _ *plan.Call) error {
	for _, f := range a.Assets {
		for _, path := range []string{f.File, f.File + ".sha256"} {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return plan.Final(err)
			}
		}
	}
	// The directory may hold what another fetch has downloaded.
	cache := e.Host.CacheDir()
	for dir := filepath.Dir(a.Assets[0].File); len(dir) >= len(cache); dir = filepath.Dir(dir) {
		_ = os.Remove(dir)
	}
	return nil
}
