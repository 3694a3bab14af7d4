package release_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/release/releasetest"
	"github.com/libioc/go-libioc/zfsstore"
)

// answer answers one request for base.txz.
type answer func(w http.ResponseWriter, r *http.Request)

// faulty is a mirror whose answers for base.txz are given in turn; the last one
// repeats.
type faulty struct {
	*httptest.Server
	mu       sync.Mutex
	answers  []answer
	manifest []byte
	sent     int64
	requests int
	underway sync.WaitGroup
}

func newFaulty(t *testing.T, asset []byte, answers ...answer) *faulty {
	f := &faulty{answers: answers}
	f.manifest = []byte(releasetest.Manifest(map[string][]byte{"base.txz": asset}))
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/MANIFEST") {
			w.Write(f.manifest)
			return
		}
		f.mu.Lock()
		next := f.answers[0]
		if len(f.answers) > 1 {
			f.answers = f.answers[1:]
		}
		f.requests++
		f.mu.Unlock()
		f.underway.Add(1)
		defer f.underway.Done()
		next(&counting{w, f}, r)
	}))
	t.Cleanup(f.Close)
	return f
}

type counting struct {
	http.ResponseWriter
	f *faulty
}

func (c *counting) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.f.mu.Lock()
	c.f.sent += int64(n)
	c.f.mu.Unlock()
	return n, err
}

// served is the bytes of all answers, counted when the last answer has ended: a
// client has bytes before the server's Write returns.
func (f *faulty) served() int64 {
	f.underway.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sent
}

func good(data []byte) answer {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", fmt.Sprintf("%q", fmt.Sprintf("%x", sha256.Sum256(data))[:8]))
		http.ServeContent(w, r, "base.txz", releaseTime, bytes.NewReader(data))
	}
}

// cutAt resets the connection after n bytes of a good answer.
func cutAt(n int, next answer) answer {
	return func(w http.ResponseWriter, r *http.Request) { next(&cutting{w, n}, r) }
}

type cutting struct {
	http.ResponseWriter
	left int
}

func (c *cutting) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p[:min(len(p), c.left)])
	if c.left -= n; c.left <= 0 {
		http.NewResponseController(c.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	return n, err
}

// slowly sends the body in pieces with pauses that are shorter than a stall.
func slowly(data []byte) answer {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		for len(data) > 0 {
			n := min(len(data), 12_000)
			w.Write(data[:n])
			http.NewResponseController(w).Flush()
			data = data[n:]
			time.Sleep(20 * time.Millisecond)
		}
	}
}

func stall(data []byte, n int) answer {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		w.Write(data[:n])
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
}

// truncated announces and sends fewer bytes than the file has.
func truncated(data []byte) answer { return good(data[:len(data)/2]) }

func code(status int) answer {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

func redirect(to string) answer {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
}

// bulkArchive has a member that does not compress, so that it is worth resuming.
func bulkArchive() []byte {
	body := make([]byte, 150_000)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range body {
		body[i] = byte(r.Uint32())
	}
	return releasetest.Pack("tgz", append(releasetest.Members(name), releasetest.Member{
		Name: "./usr/share/bulk", Type: '0', Mode: 0o444, Body: string(body),
	}))
}

var quick = release.HTTPOptions{
	AllowHTTP: true, StallTimeout: time.Second, Attempts: 3,
	Backoff: func(int) time.Duration { return time.Millisecond },
}

// TestMirrorFaults fetches from a mirror that misbehaves. The outcome is the
// release, or the right error and nothing; then the mirror recovers, and bytes
// that had come are not sent again.
func TestMirrorFaults(t *testing.T) {
	data := bulkArchive()
	size := int64(len(data))
	const cut = 60_000
	other := bytes.Clone(data)
	other[len(other)/2] ^= 1
	elsewhere := newFaulty(t, data, good(data))

	cases := []struct {
		name    string
		answers []answer
		want    error // of the first fetch; nil: it succeeds
		status  int
		sent    int64 // by both fetches altogether; at most
	}{
		{name: "good", answers: []answer{good(data)}, sent: size},
		{name: "slow", answers: []answer{slowly(data)}, sent: size},
		{name: "reset at byte k", answers: []answer{cutAt(cut, good(data)), good(data)}, sent: size},
		{name: "reset again and again", answers: []answer{cutAt(cut, good(data)), cutAt(cut, good(data)), good(data)}, sent: size},
		{name: "reset for good", answers: []answer{cutAt(1000, good(data)), cutAt(1000, good(data)), cutAt(1000, good(data)), good(data)},
			want: release.ErrTruncated, sent: size},
		{name: "404", answers: []answer{code(404), good(data)}, want: release.ErrNotOnMirror, status: 404, sent: size},
		{name: "403", answers: []answer{code(403), good(data)}, want: errAny, status: 403, sent: size},
		{name: "503, then good", answers: []answer{code(503), good(data)}, sent: size},
		{name: "503 for good", answers: []answer{code(503), code(503), code(503), good(data)}, want: errAny, status: 503, sent: size},
		{name: "wrong hash", answers: []answer{good(other), good(data)}, want: release.ErrHashMismatch, sent: 2 * size},
		{name: "truncated", answers: []answer{truncated(data), good(data)}, want: release.ErrHashMismatch, sent: size + size/2},
		{name: "changed between requests", answers: []answer{cutAt(cut, good(other)), good(data)}, sent: size + cut},
		{name: "stalled, then good", answers: []answer{stall(data, cut), good(data)}, sent: size + cut},
		{name: "stalled for good", answers: []answer{stall(data, 0), stall(data, 0), stall(data, 0), good(data)}, want: release.ErrStalled, sent: size},
		{name: "redirect to another host", answers: []answer{redirect(elsewhere.URL + "/" + name + "/base.txz"), good(data)}, want: release.ErrRedirect, sent: size + 1000},
		{name: "redirect to a file", answers: []answer{redirect("file:///etc/passwd"), good(data)}, want: release.ErrRedirect, sent: size + 1000},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h, rel := newHost(t)
			ctx := context.Background()
			m := newFaulty(t, data, c.answers...)
			o := release.FetchOptions{Mirror: m.URL, HTTP: quick}
			err := wait(rel, o)
			if c.want != nil {
				require.Error(t, err)
				if c.want != errAny {
					require.ErrorIs(t, err, c.want)
				}
				var bad *release.AssetError
				require.ErrorAs(t, err, &bad)
				require.Equal(t, "base.txz", bad.Asset)
				require.Equal(t, c.status, bad.Status)
				_, err = h.Store.Get(ctx, rel.Dataset(), zfsstore.GetOptions{})
				require.ErrorIs(t, err, zfsstore.ErrNotFound)
				err = wait(rel, o)
			}
			require.NoError(t, err)
			ok, err := rel.Fetched(ctx)
			require.NoError(t, err)
			require.True(t, ok)
			require.LessOrEqual(t, m.served(), c.sent)
			require.NoDirExists(t, h.CacheDir(), "downloads are left behind")
		})
	}
}

var errAny = errors.New("any error")

// TestDownloadIsKept: when a later step fails, what was downloaded is not
// downloaded again.
func TestDownloadIsKept(t *testing.T) {
	data := bulkArchive()
	_, rel := newHost(t)
	m := newFaulty(t, data, good(data))
	failed := errors.New("no more")
	ctx := plan.WithFault(context.Background(), func(p plan.Point) error {
		if p.Step.Kind == "extract" && p.Phase == "do" {
			return failed
		}
		return nil
	})
	o := release.FetchOptions{HTTP: plain, Mirror: m.URL}
	require.ErrorIs(t, events.Wait(context.Background(), rel.Fetch(ctx, o)), failed)
	require.NoError(t, wait(rel, o))
	require.Equal(t, int64(len(data)), m.served())
}

// TestCanceledDownloadIsContinued cancels in the middle of the transfer.
func TestCanceledDownloadIsContinued(t *testing.T) {
	data := bulkArchive()
	h, rel := newHost(t)
	const first = 60_000
	m := newFaulty(t, data, stallWithETag(data, first), good(data))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	o := release.FetchOptions{HTTP: plain, Mirror: m.URL}
	for e := range rel.Fetch(ctx, o) {
		if d, ok := e.(events.ReleaseAssetDownload); ok && d.Received > 0 {
			cancel()
		}
	}
	require.Error(t, ctx.Err())
	part, err := os.Stat(filepath.Join(h.CacheDir(), "ioc", name, "base.txz.part"))
	require.NoError(t, err)
	require.Positive(t, part.Size())
	before := m.served()
	require.NoError(t, wait(rel, o))
	require.Equal(t, int64(len(data))-part.Size(), m.served()-before)
}

func stallWithETag(data []byte, n int) answer {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", fmt.Sprintf("%q", fmt.Sprintf("%x", sha256.Sum256(data))[:8]))
		stall(data, n)(w, r)
	}
}

// TestAssetsInParallel: two assets are under way at the same time, each has its
// own events, and a failure of one keeps what came of the other.
func TestAssetsInParallel(t *testing.T) {
	h, rel := newHost(t)
	mirror := releasetest.Mirror(name)
	var both sync.WaitGroup
	both.Add(2)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".txz") {
			both.Done()
			both.Wait() // hangs unless both are asked for at once
		}
		mirror.ServeHTTP(w, r)
	}))
	defer s.Close()
	done := map[string]int64{}
	for e := range rel.Fetch(context.Background(), release.FetchOptions{HTTP: plain, Mirror: s.URL, Assets: []string{"base", "lib32"}}) {
		require.NoError(t, e.Head().Err)
		if d, ok := e.(events.ReleaseAssetDownload); ok && d.State == events.Done {
			done[d.Asset] = d.Received
		}
	}
	for _, asset := range []string{"base.txz", "lib32.txz"} {
		data := releasetest.Assets(name)[asset]
		require.Equal(t, int64(len(data)), done[asset], asset)
	}
	root, err := h.Mountpoint(context.Background(), rel.RootDataset())
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(root, "usr/lib32/libc.so.7"))

	_, again := newHost(t)
	err = wait(again, release.FetchOptions{HTTP: plain, Mirror: httptest.NewServer(mirror).URL, Assets: []string{"base", "kernel-dbg"}})
	require.ErrorIs(t, err, release.ErrNotOnMirror)
	require.Error(t, wait(again, release.FetchOptions{HTTP: plain, Mirror: s.URL, Assets: []string{"base", "base.txz"}}))
}

// TestProgressTellsRate: the rate and the remaining time are of this transfer.
func TestProgressTellsRate(t *testing.T) {
	data := bulkArchive()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var mu sync.Mutex
	h, err := simhost.Open(simhost.Options{Dir: jailtest.MemoryDir(t), Clock: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Second)
		return now
	}})
	require.NoError(t, err)
	defer h.Close()
	rel, err := release.New(context.Background(), h.Host, name, "")
	require.NoError(t, err)
	m := newFaulty(t, data, slowly(data))
	rated := false
	for e := range rel.Fetch(context.Background(), release.FetchOptions{HTTP: plain, Mirror: m.URL}) {
		require.NoError(t, e.Head().Err)
		d, ok := e.(events.ReleaseAssetDownload)
		if !ok || d.Received == 0 || d.Received == d.Total || d.Rate == 0 {
			continue
		}
		rated = true
		require.LessOrEqual(t, d.Rate, int64(len(data)))
		require.Equal(t, (d.Total-d.Received+d.Rate-1)/d.Rate, d.Remaining)
	}
	require.True(t, rated)
}
