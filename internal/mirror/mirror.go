package mirror

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/libioc/go-libioc/internal/pause"
)

// Options of a [Mirror]. The zero value is usable.
type Options struct {
	// Transport makes the requests; nil: net/http's defaults, which honour
	// HTTP_PROXY, HTTPS_PROXY and NO_PROXY as they were when first used.
	Transport http.RoundTripper
	// Proxy is the URL of a proxy for all requests, such as
	// http://proxy:3128 or socks5://proxy:1080; empty: what Transport does. It
	// needs Transport to be nil.
	Proxy string
	// StallTimeout ends a request if no byte of the answer's header or body arrives
	// for that long; default 30 s.
	StallTimeout time.Duration
	// Attempts is how many requests in a row may bring less than ProgressUnit new
	// bytes; default 5.
	Attempts int
	// Backoff returns the delay before attempt n, from 2; default 1 s, doubled each
	// time, at most 30 s. A longer Retry-After of the server, up to a minute, has
	// precedence.
	Backoff func(n int) time.Duration
	// Sleep waits, or returns ctx's error; default a timer.
	Sleep func(ctx context.Context, d time.Duration) error
	// AllowHTTP permits an http URL, whose answers anybody on the way can replace,
	// the checksums included.
	AllowHTTP bool
	// ManifestSHA256 is the expected checksum of the checksum file itself, 64
	// hexadecimal digits; empty: not verified. It permits an http URL as well: what
	// its assets are no longer depends on the mirror.
	ManifestSHA256 string
	// AllowHTTPRedirect permits a redirect from http to http on another host.
	AllowHTTPRedirect bool
}

// ProgressUnit is how many new bytes an attempt must bring to restart the count of
// Options.Attempts. A server that sends one byte per connection is thus given up.
const ProgressUnit = 1 << 20

const (
	defaultStall    = 30 * time.Second
	defaultAttempts = 5
	maxRedirects    = 10
	maxRetryAfter   = time.Minute
)

// Mirror is one release's directory on a server, a local directory, or a
// single archive file. It is safe for concurrent use.
type Mirror struct {
	opts   Options
	client *http.Client
	base   *url.URL // nil: local
	dir    string   // the local directory
	single string   // the name of the only file, or empty
}

// Open opens an http or https URL, a file URL (file:///path), or a path. A local
// directory contains the assets; a local file is the only asset. Open makes no
// request. The error wraps ErrLocation, ErrHTTP or ErrNotFound.
func Open(location string, opts Options) (*Mirror, error) {
	if opts.Proxy != "" {
		proxy, err := url.Parse(opts.Proxy)
		t, ok := http.DefaultTransport.(*http.Transport)
		if err != nil || proxy.Host == "" || opts.Transport != nil || !ok {
			return nil, fmt.Errorf("mirror: %w: proxy %q", ErrLocation, opts.Proxy)
		}
		t = t.Clone()
		t.Proxy = http.ProxyURL(proxy)
		opts.Transport = t
	}
	if opts.ManifestSHA256 != "" && !isSHA256(opts.ManifestSHA256) {
		return nil, fmt.Errorf("mirror: %q is not a SHA-256", opts.ManifestSHA256)
	}
	m := &Mirror{opts: opts.withDefaults()}
	if !strings.Contains(location, "://") {
		return m.openLocal(location)
	}
	u, err := url.Parse(location)
	if err != nil {
		return nil, fmt.Errorf("mirror: %w: %w", ErrLocation, err)
	}
	switch {
	case u.Scheme == "file" && (u.Host == "" || u.Host == "localhost"):
		return m.openLocal(u.Path)
	case (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.RawQuery == "" && u.Fragment == "":
		m.base = u
	default:
		return nil, fmt.Errorf("mirror: %w: %q", ErrLocation, location)
	}
	if u.Scheme == "http" && !opts.AllowHTTP && opts.ManifestSHA256 == "" {
		return nil, fmt.Errorf("mirror: %s: %w", u.Redacted(), ErrHTTP)
	}
	m.client = &http.Client{Transport: m.opts.Transport, CheckRedirect: m.checkRedirect}
	return m, nil
}

func (m *Mirror) openLocal(path string) (*Mirror, error) {
	if path == "" {
		return nil, fmt.Errorf("mirror: %w: empty path", ErrLocation)
	}
	fi, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("mirror: %w: %w", ErrNotFound, err)
	case err != nil:
		return nil, fmt.Errorf("mirror: %w", err)
	case fi.IsDir():
		m.dir = path
	case fi.Mode().IsRegular():
		m.dir, m.single = filepath.Split(filepath.Clean(path))
	default:
		return nil, fmt.Errorf("mirror: %w: %s is neither a directory nor a file", ErrLocation, path)
	}
	return m, nil
}

func (o Options) withDefaults() Options {
	if o.Transport == nil {
		o.Transport = http.DefaultTransport
	}
	o.StallTimeout = cmp.Or(max(o.StallTimeout, 0), defaultStall)
	o.Attempts = cmp.Or(max(o.Attempts, 0), defaultAttempts)
	if o.Backoff == nil {
		o.Backoff = func(n int) time.Duration { return min(time.Second<<min(n-2, 5), 30*time.Second) }
	}
	if o.Sleep == nil {
		o.Sleep = pause.For
	}
	return o
}

// Manifest reads the release's checksums from MANIFEST or, if that does not exist,
// CHECKSUMS.SHA256. If neither exists the error wraps ErrNotFound, if the one that
// does is not that of Options.ManifestSHA256, ErrHashMismatch. For a single file they
// are expected in its directory and must name it.
func (m *Mirror) Manifest(ctx context.Context) (Manifest, error) {
	text, err := m.read(ctx, ManifestFile, maxManifest)
	if errors.Is(err, ErrNotFound) {
		text, err = m.read(ctx, ChecksumsFile, maxManifest)
	}
	if err != nil {
		return Manifest{}, err
	}
	if want := strings.ToLower(m.opts.ManifestSHA256); want != "" {
		if got := fmt.Sprintf("%x", sha256.Sum256(text)); got != want {
			return Manifest{}, fmt.Errorf("mirror: checksum file: %w: want %s, got %s", ErrHashMismatch, want, got)
		}
	}
	manifest, err := ParseManifest(text)
	if err != nil {
		return Manifest{}, err
	}
	if m.single != "" {
		if _, err := manifest.Asset(m.single); err != nil {
			return Manifest{}, fmt.Errorf("mirror: %w: %w", ErrNotFound, err)
		}
	}
	return manifest, nil
}

// List returns the names of the directories in the mirror's index: the releases, if
// it was opened at [ReleasesURL].
func (m *Mirror) List(ctx context.Context) ([]string, error) {
	if m.base != nil {
		page, err := m.read(ctx, "", maxIndex)
		return ParseListing(page), err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(m.dir)
	if err != nil {
		return nil, fmt.Errorf("mirror: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Unsupported returns the names that the page at which the mirror was opened
// (FreeBSDUnsupported) lists as past their end of life.
func (m *Mirror) Unsupported(ctx context.Context) ([]string, error) {
	page, err := m.readURL(ctx, m.base, maxIndex)
	return ParseUnsupported(page), err
}

const maxIndex = 8 << 20

// checkRedirect is the policy in the package comment.
func (m *Mirror) checkRedirect(req *http.Request, via []*http.Request) error {
	from, to := via[len(via)-1].URL, req.URL
	refuse := func(reason string) error {
		return fmt.Errorf("%w from %s to %s: %s", ErrRedirect, from.Redacted(), to.Redacted(), reason)
	}
	switch {
	case len(via) > maxRedirects:
		return refuse("too many")
	case to.Scheme == "https":
		return nil
	case to.Scheme != "http":
		return refuse("scheme " + to.Scheme)
	case from.Scheme == "https":
		return refuse("from https to http")
	case from.Host != to.Host && !m.opts.AllowHTTPRedirect:
		return refuse("to another host without https")
	}
	return nil
}

// permanent reports whether another attempt would end the same way.
func permanent(err error) bool {
	if he, ok := errors.AsType[*HTTPError](err); ok {
		switch he.Status {
		case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
			http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return false
		}
		return true
	}
	dns, ok := errors.AsType[*net.DNSError](err)
	return errors.Is(err, ErrRedirect) || errors.Is(err, ErrTooLarge) || errors.Is(err, errSize) || ok && dns.IsNotFound ||
		errors.As(err, new(*tls.CertificateVerificationError)) || errors.As(err, new(*fs.PathError))
}
