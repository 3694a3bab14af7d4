package mirror_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libioc/go-libioc/internal/mirror"
)

var (
	content = randomBytes(1, 300_000)
	changed = randomBytes(2, 300_000)
)

func randomBytes(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, seed))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// step answers one request.
type step func(w http.ResponseWriter, r *http.Request)

// whole answers as a good server does.
func whole(data []byte, etag string) step {
	return func(w http.ResponseWriter, r *http.Request) {
		if etag != "" {
			w.Header().Set("ETag", etag)
		}
		http.ServeContent(w, r, "base.txz", time.Unix(1_600_000_000, 0), bytes.NewReader(data))
	}
}

// noRanges answers every request with all of it.
func noRanges(data []byte) step {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		w.Write(data)
	}
}

// brokenAt is a good answer whose connection is reset after the first n bytes
// of the body.
func brokenAt(n int, good step) step {
	return func(w http.ResponseWriter, r *http.Request) {
		good(&limited{ResponseWriter: w, left: n}, r)
	}
}

type limited struct {
	http.ResponseWriter
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	n, err := l.ResponseWriter.Write(p[:min(len(p), l.left)])
	l.left -= n
	if l.left <= 0 {
		http.NewResponseController(l.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	return n, err
}

// stallsAt sends n bytes and then nothing until the client gives up.
func stallsAt(n int, data []byte) step {
	return func(w http.ResponseWriter, r *http.Request) {
		if n >= 0 {
			w.Header().Set("Content-Length", strconv.Itoa(len(data)))
			w.Header().Set("ETag", `"one"`)
			w.Write(data[:n])
			http.NewResponseController(w).Flush()
		}
		<-r.Context().Done()
	}
}

func status(code int) step {
	return func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(code) }
}

// server plays its steps in turn; the last one repeats.
type server struct {
	*httptest.Server
	mu     sync.Mutex
	steps  []step
	ranges []string // the Range header of each request
	sent   int64    // bytes of bodies
}

func newServer(t *testing.T, steps ...step) *server {
	s := &server{steps: steps}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		next := s.steps[0]
		if len(s.steps) > 1 {
			s.steps = s.steps[1:]
		}
		s.ranges = append(s.ranges, r.Header.Get("Range"))
		s.mu.Unlock()
		next(&counted{w, s}, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// requests returns the Range headers so far.
func (s *server) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ranges)
}

// total stops the server, so that no answer is being sent, and returns the bytes sent.
func (s *server) total() int64 {
	s.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent
}

type counted struct {
	http.ResponseWriter
	s *server
}

func (c *counted) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.s.mu.Lock()
	c.s.sent += int64(n)
	c.s.mu.Unlock()
	return n, err
}

// clock counts the pauses instead of waiting.
type clock struct{ pauses []time.Duration }

func (c *clock) options() mirror.Options {
	return mirror.Options{
		StallTimeout: 1500 * time.Millisecond,
		Sleep: func(ctx context.Context, d time.Duration) error {
			c.pauses = append(c.pauses, d)
			return ctx.Err()
		},
	}
}

func open(t *testing.T, location string, opts mirror.Options) *mirror.Mirror {
	t.Helper()
	opts.AllowHTTP = true
	m, err := mirror.Open(location, opts)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// files lists what is in the directory of dest.
func files(t *testing.T, dest string) string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(dest))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func TestFetch(t *testing.T) {
	const partial = "base.txz.part base.txz.part.json"
	one, two := whole(content, `"one"`), whole(changed, `"two"`)
	ignoresIfRange := func(data []byte, etag string) step {
		return func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("If-Range")
			whole(data, etag)(w, r)
		}
	}
	chunked := func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i < len(content); i += 50_000 {
			w.Write(content[i : i+50_000])
			http.NewResponseController(w).Flush()
		}
	}
	size := int64(len(content))
	good := mirror.FetchOptions{SHA256: sum(content)}
	for _, c := range []struct {
		name     string
		steps    []step
		opts     mirror.FetchOptions
		want     error // nil: success
		status   int   // of the *HTTPError
		attempts int
		received int64
		sent     int64  // at most, by the server; 0: not checked
		left     string // files afterwards
		ranges   string // of the requests
	}{
		{name: "good", steps: []step{one}, opts: good, attempts: 1, received: size, left: "base.txz", ranges: "-"},
		{name: "no hash", steps: []step{one}, attempts: 1, received: size, left: "base.txz"},
		{name: "known size", steps: []step{one}, opts: mirror.FetchOptions{Size: size}, attempts: 1, received: size, left: "base.txz"},
		{name: "upper case hash", steps: []step{one}, opts: mirror.FetchOptions{SHA256: strings.ToUpper(sum(content))}, attempts: 1, received: size, left: "base.txz"},
		{name: "length unknown", steps: []step{chunked}, opts: good, attempts: 1, received: size, left: "base.txz"},
		{name: "not found", steps: []step{status(404)}, opts: good, want: mirror.ErrNotFound, status: 404, attempts: 1, left: ""},
		{name: "gone", steps: []step{status(410)}, want: mirror.ErrNotFound, status: 410, attempts: 1},
		{name: "forbidden", steps: []step{status(403)}, want: errAny, status: 403, attempts: 1},
		{name: "busy, then good", steps: []step{status(503), status(502), one}, opts: good, attempts: 3, received: size, left: "base.txz"},
		{name: "always busy", steps: []step{status(503)}, want: errAny, status: 503, attempts: 5},
		{name: "reset", steps: []step{brokenAt(100_000, one), one}, opts: good, attempts: 2, received: size, sent: size, left: "base.txz", ranges: "- bytes=100000-"},
		{name: "reset twice", steps: []step{brokenAt(100_000, one), brokenAt(50_000, one), one}, opts: good, attempts: 3, received: size, sent: size,
			left: "base.txz", ranges: "- bytes=100000- bytes=150000-"},
		{name: "reset at once", steps: []step{brokenAt(0, one), one}, opts: good, attempts: 2, received: size, left: "base.txz", ranges: "- -"},
		{name: "reset without ETag", steps: []step{brokenAt(100_000, whole(content, "")), whole(content, "")}, opts: good, attempts: 2, received: size,
			sent: size, left: "base.txz", ranges: "- bytes=100000-"},
		{name: "reset with weak ETag", steps: []step{brokenAt(100_000, whole(content, `W/"w"`)), whole(content, `W/"w"`)}, opts: good, attempts: 2,
			received: size, sent: size, left: "base.txz", ranges: "- bytes=100000-"},
		{name: "reset, no ranges", steps: []step{brokenAt(100_000, noRanges(content)), noRanges(content)}, opts: good, attempts: 2,
			received: size + 100_000, left: "base.txz", ranges: "- bytes=100000-"},
		{name: "reset, nothing to resume by", steps: []step{brokenAt(100_000, noRanges(content)), noRanges(content)}, attempts: 2,
			received: size + 100_000, left: "base.txz", ranges: "- -"},
		{name: "always reset", steps: []step{brokenAt(1000, one)}, opts: good, want: mirror.ErrTruncated, attempts: 5, received: 5000, left: partial},
		{name: "stalled", steps: []step{stallsAt(100_000, content), one}, opts: good, attempts: 2, received: size, left: "base.txz", ranges: "- bytes=100000-"},
		{name: "stalled before the header", steps: []step{stallsAt(-1, nil), one}, opts: good, attempts: 2, received: size, left: "base.txz"},
		{name: "wrong hash", steps: []step{two}, opts: good, want: mirror.ErrHashMismatch, attempts: 1, received: size, left: ""},
		{name: "changed, If-Range", steps: []step{brokenAt(100_000, two), one}, opts: good, attempts: 2, received: size + 100_000, left: "base.txz", ranges: "- bytes=100000-"},
		{name: "changed, seen by ETag", steps: []step{brokenAt(100_000, two), ignoresIfRange(content, `"one"`), one}, opts: good, attempts: 3,
			received: size + 100_000, left: "base.txz", ranges: "- bytes=100000- -"},
		{name: "changed, seen by hash", steps: []step{brokenAt(100_000, two), ignoresIfRange(content, `"two"`), one}, opts: good, attempts: 3,
			received: 2 * size, left: "base.txz", ranges: "- bytes=100000- -"},
		{name: "changed, shorter", steps: []step{brokenAt(100_000, two), ignoresIfRange(content[:50_000], ""), one}, opts: good, attempts: 3,
			received: size + 100_000, left: "base.txz", ranges: "- bytes=100000- -"},
		{name: "always changed", steps: []step{brokenAt(100_000, one), brokenAt(100_000, two), brokenAt(100_000, one), brokenAt(100_000, two), brokenAt(100_000, one)},
			opts: good, want: mirror.ErrTruncated, attempts: 5, received: 500_000, left: partial},
		{name: "larger than allowed", steps: []step{one}, opts: mirror.FetchOptions{MaxSize: size - 1}, want: mirror.ErrTooLarge, attempts: 1},
		{name: "larger than allowed, length unknown", steps: []step{chunked}, opts: mirror.FetchOptions{MaxSize: size - 1}, want: mirror.ErrTooLarge, attempts: 1, received: 250_000},
		{name: "larger than expected", steps: []step{one}, opts: mirror.FetchOptions{Size: size - 1}, want: mirror.ErrTooLarge, attempts: 1},
		{name: "smaller than expected", steps: []step{one}, opts: mirror.FetchOptions{Size: size + 1}, want: mirror.ErrTruncated, attempts: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newServer(t, c.steps...)
			var clk clock
			m := open(t, s.URL+"/13.2-RELEASE", clk.options())
			dest := filepath.Join(t.TempDir(), "base.txz")
			calls := 0
			c.opts.Progress = func(received, total int64) { calls++ }
			res, err := m.Fetch(t.Context(), "base.txz", dest, c.opts)
			var he *mirror.HTTPError
			switch {
			case c.want == nil && err != nil, c.want != nil && err == nil, c.want != errAny && !errors.Is(err, c.want):
				t.Fatalf("error %v, want %v", err, c.want)
			case c.status != 0 && (!errors.As(err, &he) || he.Status != c.status || he.URL != s.URL+"/13.2-RELEASE/base.txz"):
				t.Errorf("error %#v, want status %d", err, c.status)
			}
			if got := files(t, dest); got != c.left {
				t.Errorf("files %q, want %q", got, c.left)
			}
			// What a broken connection still delivers may vary downwards.
			if res.Attempts != c.attempts || c.want == nil && res.Received != c.received {
				t.Errorf("%d attempts, %d bytes, want %d, %d", res.Attempts, res.Received, c.attempts, c.received)
			}
			if sent := s.total(); c.sent != 0 && sent > c.sent {
				t.Errorf("the server sent %d bytes of %d: some twice", sent, c.sent)
			}
			if got := dashed(s.requests()); c.ranges != "" && got != c.ranges {
				t.Errorf("ranges %q, want %q", got, c.ranges)
			}
			if len(clk.pauses) != c.attempts-1 && c.name != "changed, seen by hash" {
				t.Errorf("%d pauses for %d attempts", len(clk.pauses), c.attempts)
			}
			if c.want == nil {
				data, err := os.ReadFile(dest)
				if err != nil || !bytes.Equal(data, content) || res.SHA256 != sum(content) || res.Size != size || calls == 0 {
					t.Errorf("%d bytes (%v), result %+v, %d progress calls", len(data), err, res, calls)
				}
			}
		})
	}
}

// dashed joins Range headers, with "-" for a request without one.
func dashed(ranges []string) string {
	words := make([]string, len(ranges))
	for i, r := range ranges {
		words[i] = cmp.Or(r, "-")
	}
	return strings.Join(words, " ")
}

var errAny = errors.New("any error")

// TestProgressEarnsAttempts: each attempt that brings a ProgressUnit counts as a
// first one, so a large file arrives over a bad line.
func TestProgressEarnsAttempts(t *testing.T) {
	large := randomBytes(3, 5*mirror.ProgressUnit)
	one := whole(large, `"one"`)
	bad := brokenAt(mirror.ProgressUnit+4096, one)
	s := newServer(t, bad, bad, bad, bad, one)
	var clk clock
	opts := clk.options()
	opts.Attempts = 2
	res, err := open(t, s.URL, opts).Fetch(t.Context(), "base.txz", filepath.Join(t.TempDir(), "x"), mirror.FetchOptions{SHA256: sum(large)})
	if err != nil || res.Attempts != 5 || s.total() != int64(len(large)) {
		t.Errorf("%+v, %v; the server sent %d of %d", res, err, s.total(), len(large))
	}
}

func TestBackoff(t *testing.T) {
	retryAfter := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
	}
	longest := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "86400")
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	s := newServer(t, status(503), retryAfter, status(500), longest, whole(content, ""))
	var clk clock
	m := open(t, s.URL, clk.options())
	if _, err := m.Fetch(t.Context(), "base.txz", filepath.Join(t.TempDir(), "x"), mirror.FetchOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(clk.pauses); got != "[1s 7s 4s 1m0s]" {
		t.Errorf("pauses %s", got)
	}
}

// TestResumeInAnotherCall: the part of a failed call is continued by the next,
// and only if it is of the same URL.
func TestResumeInAnotherCall(t *testing.T) {
	one := whole(content, `"one"`)
	s := newServer(t, brokenAt(200_000, one), status(404), one)
	var clk clock
	dest := filepath.Join(t.TempDir(), "base.txz")
	opts := mirror.FetchOptions{SHA256: sum(content)}
	if _, err := open(t, s.URL, clk.options()).Fetch(t.Context(), "base.txz", dest, opts); !errors.Is(err, mirror.ErrNotFound) {
		t.Fatal(err)
	}
	var first int64
	opts.Progress = func(received, total int64) {
		if first == 0 {
			first = received
		}
		if total != int64(len(content)) {
			t.Errorf("total %d", total)
		}
	}
	res, err := open(t, s.URL, clk.options()).Fetch(t.Context(), "base.txz", dest, opts)
	if err != nil || !res.Resumed || res.Received != 100_000 || s.total() != int64(len(content)) || first <= 200_000 {
		t.Errorf("%+v, %v; the server sent %d, first progress %d", res, err, s.total(), first)
	}

	if err := os.Remove(dest); err != nil {
		t.Fatal(err)
	}
	s = newServer(t, brokenAt(200_000, one), status(404))
	if _, err := open(t, s.URL, clk.options()).Fetch(t.Context(), "base.txz", dest, opts); err == nil {
		t.Fatal("no error")
	}
	other := newServer(t, one)
	res, err = open(t, other.URL, clk.options()).Fetch(t.Context(), "base.txz", dest, opts)
	if err != nil || res.Resumed || res.Received != int64(len(content)) || other.requests()[0] != "" {
		t.Errorf("from another mirror: %+v, %v, %q", res, err, other.requests())
	}
}

// TestPresentFile: an existing file with the right bytes is not fetched
// again; one with others is replaced.
func TestPresentFile(t *testing.T) {
	for _, c := range []struct {
		name     string
		there    []byte
		opts     mirror.FetchOptions
		requests int
	}{
		{"the same", content, mirror.FetchOptions{SHA256: sum(content)}, 0},
		{"another", changed, mirror.FetchOptions{SHA256: sum(content)}, 1},
		{"half", content[:1000], mirror.FetchOptions{SHA256: sum(content)}, 1},
		{"no checksum to compare", content, mirror.FetchOptions{}, 1},
		{"another size asked for", content, mirror.FetchOptions{SHA256: sum(content), Size: 5}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newServer(t, whole(content, `"one"`))
			dest := filepath.Join(t.TempDir(), "base.txz")
			if err := os.WriteFile(dest, c.there, 0o644); err != nil {
				t.Fatal(err)
			}
			res, err := open(t, s.URL, mirror.Options{}).Fetch(t.Context(), "base.txz", dest, c.opts)
			if n := len(s.requests()); n != c.requests {
				t.Errorf("%d requests, want %d", n, c.requests)
			}
			if c.opts.Size > 0 {
				if !errors.Is(err, mirror.ErrTooLarge) {
					t.Errorf("error %v", err)
				}
				return
			}
			if got, rerr := os.ReadFile(dest); err != nil || rerr != nil || !bytes.Equal(got, content) || res.SHA256 != sum(content) {
				t.Errorf("%+v, %v, %v", res, err, rerr)
			}
		})
	}
}

// TestCompletePart: a part that was complete before a crash is verified without
// a request.
func TestCompletePart(t *testing.T) {
	s := newServer(t, status(404))
	dest := filepath.Join(t.TempDir(), "base.txz")
	note := fmt.Sprintf(`{"url":%q,"etag":"\"one\"","total":%d}`, s.URL+"/base.txz", len(content))
	for name, data := range map[string][]byte{".part": content, ".part.json": []byte(note)} {
		if err := os.WriteFile(dest+name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	res, err := open(t, s.URL, mirror.Options{}).Fetch(t.Context(), "base.txz", dest, mirror.FetchOptions{SHA256: sum(content)})
	if err != nil || res.Received != 0 || len(s.requests()) != 0 || files(t, dest) != "base.txz" {
		t.Errorf("%+v, %v, %d requests", res, err, len(s.requests()))
	}
}

// TestUntrustworthyParts: parts that cannot be continued start again.
func TestUntrustworthyParts(t *testing.T) {
	for name, note := range map[string]string{
		"no note": "", "not JSON": "{", "another URL": `{"url":"http://elsewhere/base.txz","total":300000}`,
		"longer than it may be": `{"url":"URL","etag":"\"one\"","total":10}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, whole(content, `"one"`))
			dest := filepath.Join(t.TempDir(), "base.txz")
			os.WriteFile(dest+".part", []byte("what is left of something else"), 0o644)
			if note != "" {
				os.WriteFile(dest+".part.json", []byte(strings.ReplaceAll(note, "URL", s.URL+"/base.txz")), 0o644)
			}
			res, err := open(t, s.URL, mirror.Options{}).Fetch(t.Context(), "base.txz", dest, mirror.FetchOptions{SHA256: sum(content)})
			if err != nil || res.Resumed || s.requests()[0] != "" {
				t.Errorf("%+v, %v, range %q", res, err, s.requests())
			}
		})
	}
	t.Run("symbolic link", func(t *testing.T) {
		dest := filepath.Join(t.TempDir(), "base.txz")
		canary := filepath.Join(t.TempDir(), "canary")
		os.WriteFile(canary, []byte("untouched"), 0o644)
		if err := os.Symlink(canary, dest+".part"); err != nil {
			t.Skip(err)
		}
		s := newServer(t, whole(content, ""))
		_, err := open(t, s.URL, mirror.Options{}).Fetch(t.Context(), "base.txz", dest, mirror.FetchOptions{})
		if got, _ := os.ReadFile(canary); err == nil || string(got) != "untouched" {
			t.Errorf("error %v, canary %q", err, got)
		}
	})
}

func TestCancelFetch(t *testing.T) {
	s := newServer(t, stallsAt(100_000, content))
	ctx, cancel := context.WithCancel(t.Context())
	dest := filepath.Join(t.TempDir(), "base.txz")
	_, err := open(t, s.URL, mirror.Options{}).Fetch(ctx, "base.txz", dest, mirror.FetchOptions{Progress: func(received, _ int64) {
		if received == 100_000 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || files(t, dest) != "base.txz.part base.txz.part.json" {
		t.Errorf("error %v, files %s", err, files(t, dest))
	}
	if _, err := open(t, s.URL, mirror.Options{}).Manifest(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("manifest: %v", err)
	}
}

func TestSleepIsInterrupted(t *testing.T) {
	s := newServer(t, status(503))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	m := open(t, s.URL, mirror.Options{Backoff: func(int) time.Duration { return time.Hour }})
	_, err := m.Fetch(ctx, "base.txz", filepath.Join(t.TempDir(), "x"), mirror.FetchOptions{})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

func TestRedirects(t *testing.T) {
	files := whole(content, `"one"`)
	plain := newServer(t, files)
	secure := httptest.NewTLSServer(http.HandlerFunc(files))
	t.Cleanup(secure.Close)
	to := func(target string) step {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target, http.StatusFound) }
	}
	secureTo := func(target string) string {
		s := httptest.NewTLSServer(http.HandlerFunc(to(target)))
		t.Cleanup(s.Close)
		return s.URL
	}
	sameHost := newServer(t, to("/elsewhere/base.txz"), files)
	loop := newServer(t, to("/loop"))
	for _, c := range []struct {
		name, base string
		allow      bool
		ok         bool
	}{
		{"http to https of another host", newServer(t, to(secure.URL)).URL, false, true},
		{"https to https of another host", secureTo(secure.URL), false, true},
		{"http on the same host", sameHost.URL, false, true},
		{"http to another host", newServer(t, to(plain.URL)).URL, false, false},
		{"http to another host, allowed", newServer(t, to(plain.URL)).URL, true, true},
		{"https to http", secureTo(plain.URL), false, false},
		{"https to http, even if allowed", secureTo(plain.URL), true, false},
		{"another scheme", newServer(t, to("ftp://example.org/base.txz")).URL, true, false},
		{"loop", loop.URL, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var clk clock
			opts := clk.options()
			opts.AllowHTTPRedirect = c.allow
			opts.Transport = secure.Client().Transport
			_, err := open(t, c.base, opts).Fetch(t.Context(), "base.txz", filepath.Join(t.TempDir(), "x"), mirror.FetchOptions{SHA256: sum(content)})
			if c.ok && err != nil || !c.ok && (!errors.Is(err, mirror.ErrRedirect) || !strings.Contains(err.Error(), "redirect refused from http")) {
				t.Errorf("error %v", err)
			}
			if !c.ok && len(clk.pauses) != 0 {
				t.Error("tried again")
			}
		})
	}
}

func TestProxy(t *testing.T) {
	proxied := ""
	proxy := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		proxied = r.URL.String()
		whole(content, "")(w, r)
	})
	u, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	m := open(t, "http://mirror.example/r", mirror.Options{Transport: &http.Transport{Proxy: http.ProxyURL(u)}})
	byName := open(t, "http://mirror.example/r", mirror.Options{Proxy: proxy.URL})
	for _, m := range []*mirror.Mirror{m, byName} {
		proxied = ""
		if _, err := m.Fetch(t.Context(), "base.txz", filepath.Join(t.TempDir(), "x"), mirror.FetchOptions{}); err != nil || proxied != "http://mirror.example/r/base.txz" {
			t.Errorf("%q, %v", proxied, err)
		}
	}
	for _, bad := range []string{"not a proxy", "http://", "http://a b"} {
		if _, err := mirror.Open("http://mirror.example/r", mirror.Options{Proxy: bad}); !errors.Is(err, mirror.ErrLocation) {
			t.Errorf("proxy %q: %v", bad, err)
		}
	}
}

func TestBadFetchArguments(t *testing.T) {
	m := open(t, "http://127.0.0.1:1/", mirror.Options{})
	dest := filepath.Join(t.TempDir(), "x")
	for _, asset := range []string{"", "..", "../base.txz", "a/b", "a?b", ".hidden", "a%2fb"} {
		if _, err := m.Fetch(t.Context(), asset, dest, mirror.FetchOptions{}); !errors.Is(err, mirror.ErrLocation) {
			t.Errorf("asset %q: %v", asset, err)
		}
	}
	if _, err := m.Fetch(t.Context(), "base.txz", dest, mirror.FetchOptions{SHA256: "123"}); err == nil {
		t.Error("a bad SHA-256 is accepted")
	}
	if _, err := m.Fetch(t.Context(), "base.txz", filepath.Join(dest, "missing", "x"), mirror.FetchOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing directory: %v", err)
	}
}
