package mirror

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// DefaultMaxSize is the size limit of an asset; FreeBSD's largest has some 500 MB.
const DefaultMaxSize int64 = 4 << 30

// FetchOptions of one asset. The zero value fetches without verifying.
type FetchOptions struct {
	// SHA256 is the expected checksum, 64 hexadecimal digits (see
	// [Manifest.Asset]); empty: not verified.
	SHA256 string
	// Size is the expected size in bytes; 0: unknown.
	Size int64
	// MaxSize limits the size in bytes; 0: DefaultMaxSize.
	MaxSize int64
	// Progress, if not nil, is called after each block that arrives, on the
	// caller's goroutine. received includes the bytes of earlier calls; it decreases
	// if the transfer has to start again. total is -1 while it is unknown.
	Progress func(received, total int64)
}

func (o FetchOptions) limit() int64 {
	limit := cmp.Or(max(o.MaxSize, 0), DefaultMaxSize)
	if o.Size > 0 {
		limit = min(limit, o.Size)
	}
	return limit
}

// Result says what a Fetch did.
type Result struct {
	Path     string // dest
	SHA256   string // of the whole file, lower-case hexadecimal
	Size     int64  // bytes
	Received int64  // bytes that came from the mirror in this call
	Attempts int    // requests made
	Resumed  bool   // bytes of an earlier call were used
}

// Fetch downloads an asset ("base.txz") to the file dest, which appears complete
// and verified or not at all. An existing file with the expected checksum is kept,
// without any request; another one is replaced. Until then the bytes are in
// dest+".part", which stays after a failure if a later call can continue it. The
// caller must not run two calls for one dest at a time.
//
// The error wraps *[HTTPError], ErrHashMismatch, ErrRedirect, ErrNotFound,
// ErrTruncated, ErrTooLarge, ErrStalled, ErrChanged, or the error of a file or of
// ctx.
func (m *Mirror) Fetch(ctx context.Context, asset, dest string, opts FetchOptions) (Result, error) {
	res := Result{Path: dest}
	if err := checkAsset(asset); err != nil {
		return res, err
	}
	opts.SHA256 = strings.ToLower(opts.SHA256)
	if opts.SHA256 != "" && !isSHA256(opts.SHA256) {
		return res, fmt.Errorf("mirror: %q is not a SHA-256", opts.SHA256)
	}
	var u *url.URL
	key := ""
	if m.base != nil {
		u = m.urlOf(asset)
		key = u.Redacted()
	}
	if ok, err := present(ctx, dest, &res, opts); ok || err != nil {
		return res, err
	}
	p, err := openPart(ctx, dest, key)
	if err != nil {
		return res, err
	}
	d := &download{m: m, url: u, key: key, asset: asset, p: p, opts: opts, res: &res}
	if p.have > 0 {
		res.Resumed, d.pieces = true, 1
	}
	if err := d.run(ctx); err != nil {
		if errors.Is(err, ErrTooLarge) || errors.Is(err, ErrHashMismatch) || errors.Is(err, errSize) {
			return res, errors.Join(err, p.discard())
		}
		return res, errors.Join(err, p.keep())
	}
	res.SHA256, res.Size = p.sum(), p.have
	if err := p.commit(); err != nil {
		return res, fmt.Errorf("mirror: %w", err)
	}
	return res, nil
}

// present reports whether dest exists with the expected checksum.
func present(ctx context.Context, dest string, res *Result, opts FetchOptions) (bool, error) {
	fi, err := os.Lstat(dest)
	if opts.SHA256 == "" || err != nil || !fi.Mode().IsRegular() || opts.Size > 0 && fi.Size() != opts.Size {
		return false, nil
	}
	f, err := os.Open(dest)
	if err != nil {
		return false, fmt.Errorf("mirror: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, contextReader{ctx, f})
	if err != nil {
		return false, fmt.Errorf("mirror: %w", err)
	}
	if hex.EncodeToString(h.Sum(nil)) != opts.SHA256 {
		return false, nil
	}
	res.SHA256, res.Size, res.Resumed = opts.SHA256, n, true
	if opts.Progress != nil {
		opts.Progress(n, n)
	}
	return true, nil
}

// download is one Fetch.
type download struct {
	m     *Mirror
	url   *url.URL // nil: local
	key   string
	asset string
	p     *part
	opts  FetchOptions
	res   *Result
	// pieces counts the answers that the part consists of.
	pieces int
}

// run fetches and verifies. If a file from several answers does not match, the
// mirror's file may still be right: run fetches it once more from its beginning.
func (d *download) run(ctx context.Context) error {
	for again := false; ; again = true {
		if err := d.fetch(ctx); err != nil {
			return err
		}
		got := d.p.sum()
		if d.opts.SHA256 == "" || got == d.opts.SHA256 {
			return nil
		}
		if again || d.pieces < 2 {
			return fmt.Errorf("mirror: %s: %w: want %s, got %s", d.asset, ErrHashMismatch, d.opts.SHA256, got)
		}
		if err := d.restart(); err != nil {
			return fmt.Errorf("mirror: %w", err)
		}
	}
}

// fetch makes attempts until the part is complete.
func (d *download) fetch(ctx context.Context) error {
	if d.url == nil {
		d.res.Attempts++
		err := d.m.copyLocal(ctx, d.asset, d.p, d.opts)
		d.res.Received += d.p.have
		return err
	}
	best := d.p.have
	return d.m.retry(ctx, "fetch "+d.key, func() (progress bool, err error) {
		if d.p.complete() {
			return false, nil
		}
		d.res.Attempts++
		err = d.attempt(ctx)
		if progress = d.p.have >= best+ProgressUnit; progress {
			best = d.p.have
		}
		return progress, err
	})
}

// restart drops the bytes received so far.
func (d *download) restart() error {
	d.pieces = 0
	return d.p.restart()
}

// attempt makes one request for the missing bytes.
func (d *download) attempt(ctx context.Context) error {
	header := http.Header{}
	if d.p.have > 0 {
		validator := d.p.meta.validator()
		if validator == "" && d.opts.SHA256 == "" {
			// Nothing would reveal that the rest is of another file.
			if err := d.restart(); err != nil {
				return err
			}
		} else {
			header.Set("Range", fmt.Sprintf("bytes=%d-", d.p.have))
			if validator != "" {
				header.Set("If-Range", validator)
			}
		}
	}
	r, err := d.m.request(ctx, http.MethodGet, d.url, header)
	if err != nil {
		return err
	}
	defer r.done()

	announced := meta{URL: d.key, ETag: r.Header.Get("ETag"), LastModified: r.Header.Get("Last-Modified"), Total: -1}
	switch r.StatusCode {
	case http.StatusOK:
		// The whole file: the first answer, the file changed, or no support for ranges.
		if err := d.restart(); err != nil {
			return err
		}
		if err := d.p.expect(r.ContentLength, d.opts); err != nil {
			return err
		}
		announced.Total = r.ContentLength
		if err := d.p.begin(announced); err != nil {
			return err
		}
	case http.StatusPartialContent:
		if err := d.continues(r, announced); err != nil {
			return errors.Join(err, d.restart())
		}
	case http.StatusRequestedRangeNotSatisfiable:
		return errors.Join(fmt.Errorf("%w: it now has fewer than %d bytes", ErrChanged, d.p.have), d.restart())
	default:
		return r.refusal(d.url)
	}
	d.pieces++
	before := d.p.have
	err = d.p.fill(ctx, r, d.opts)
	d.res.Received += d.p.have - before
	return err
}

// continues checks that a partial answer follows the received bytes and is of the
// same file, for servers that support Range but not If-Range.
func (d *download) continues(r *response, now meta) error {
	start, total, ok := parseContentRange(r.Header.Get("Content-Range"))
	switch {
	case !ok || start != d.p.have:
		return fmt.Errorf("%w: Content-Range %q does not begin at %d", ErrChanged, r.Header.Get("Content-Range"), d.p.have)
	case d.p.meta.Total >= 0 && total >= 0 && total != d.p.meta.Total:
		return fmt.Errorf("%w: size changed from %d to %d bytes", ErrChanged, d.p.meta.Total, total)
	case now.ETag != "" && d.p.meta.ETag != "" && now.ETag != d.p.meta.ETag:
		return fmt.Errorf("%w: ETag changed from %s to %s", ErrChanged, d.p.meta.ETag, now.ETag)
	case now.LastModified != "" && d.p.meta.LastModified != "" && now.LastModified != d.p.meta.LastModified:
		return fmt.Errorf("%w: Last-Modified changed from %s to %s", ErrChanged, d.p.meta.LastModified, now.LastModified)
	}
	if total >= 0 {
		return d.p.expect(total, d.opts)
	}
	return nil
}

// parseContentRange reads "bytes 100-199/200"; a total of "*" is -1.
func parseContentRange(s string) (start, total int64, ok bool) {
	s, found := strings.CutPrefix(s, "bytes ")
	span, size, slash := strings.Cut(s, "/")
	first, _, dash := strings.Cut(span, "-")
	if !found || !slash || !dash {
		return 0, 0, false
	}
	start, err := strconv.ParseInt(first, 10, 64)
	if err != nil || start < 0 {
		return 0, 0, false
	}
	if size == "*" {
		return start, -1, true
	}
	total, err = strconv.ParseInt(size, 10, 64)
	return start, total, err == nil && total >= start
}
