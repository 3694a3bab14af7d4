package mirror

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// urlOf returns the URL of a file of the mirror; "" is its directory.
func (m *Mirror) urlOf(name string) *url.URL {
	if name == "" {
		return m.base.JoinPath("/")
	}
	return m.base.JoinPath(name)
}

// response is an answer whose body is watched for stalls.
type response struct {
	*http.Response
	watch *time.Timer
	limit time.Duration
	ctx   context.Context
	end   context.CancelCauseFunc
}

// request sends one request. It, or reading the answer's body, fails with ErrStalled
// if nothing arrives for Options.StallTimeout.
func (m *Mirror) request(ctx context.Context, method string, u *url.URL, header http.Header) (*response, error) {
	ctx, end := context.WithCancelCause(ctx)
	r := &response{limit: m.opts.StallTimeout, ctx: ctx, end: end}
	r.watch = time.AfterFunc(r.limit, func() { end(ErrStalled) })
	req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		r.done()
		return nil, fmt.Errorf("mirror: %w: %w", ErrLocation, err)
	}
	if header != nil {
		req.Header = header
	}
	req.Header.Set("User-Agent", "go-libioc")
	// Compression in transit would hide the length and break ranges.
	req.Header.Set("Accept-Encoding", "identity")
	r.Response, err = m.client.Do(req)
	if err != nil {
		err = r.cause(err)
		r.done()
		return nil, err
	}
	r.watch.Reset(r.limit)
	return r, nil
}

// cause returns the reason why the context ended instead of the error that this
// caused.
func (r *response) cause(err error) error {
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	return err
}

func (r *response) Read(p []byte) (int, error) {
	n, err := r.Body.Read(p)
	if n > 0 {
		r.watch.Reset(r.limit)
	}
	//nolint:errorlint // the body's end; one that is wrapped is a failure
	if err != nil && err != io.EOF {
		err = r.cause(err)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = fmt.Errorf("%w: %w", ErrTruncated, err)
		}
	}
	return n, err
}

// done ends the request and returns its connection.
func (r *response) done() {
	r.watch.Stop()
	if r.Response != nil {
		r.Body.Close()
	}
	r.end(nil)
}

// refusal returns an *HTTPError for the answer, with the delay that it asks for.
func (r *response) refusal(u *url.URL) error {
	err := &HTTPError{URL: u.Redacted(), Status: r.StatusCode}
	if s, perr := strconv.Atoi(r.Header.Get("Retry-After")); perr == nil && s > 0 {
		return &delayError{error: err, delay: min(time.Duration(s)*time.Second, maxRetryAfter)}
	}
	return err
}

// delayError carries the server's Retry-After to the loop.
type delayError struct {
	error
	delay time.Duration
}

func (e *delayError) Unwrap() error { return e.error }

// pause waits before attempt n.
func (m *Mirror) pause(ctx context.Context, n int, last error) error {
	d := m.opts.Backoff(n)
	if de, ok := errors.AsType[*delayError](last); ok {
		d = max(d, de.delay)
	}
	return m.opts.Sleep(ctx, d)
}

// read returns the content of a small file of the mirror.
func (m *Mirror) read(ctx context.Context, name string, limit int64) ([]byte, error) {
	if m.base == nil {
		return m.readLocal(ctx, name, limit)
	}
	return m.readURL(ctx, m.urlOf(name), limit)
}

func (m *Mirror) readURL(ctx context.Context, u *url.URL, limit int64) ([]byte, error) {
	if u == nil {
		return nil, fmt.Errorf("mirror: %w: not a URL", ErrLocation)
	}
	var text []byte
	err := m.retry(ctx, "get "+u.Redacted(), func() (_ bool, err error) {
		text, err = m.readOnce(ctx, u, limit)
		return false, err
	})
	return text, err
}

// retry calls do, which makes one request, until it succeeds or another attempt is
// useless. Attempts before one with progress do not count.
func (m *Mirror) retry(ctx context.Context, what string, do func() (progress bool, err error)) error {
	failures := 0
	for n := 1; ; n++ {
		progress, err := do()
		if progress {
			failures = 0
		}
		failures++
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("mirror: %s: %w", what, context.Cause(ctx))
		case permanent(err) || failures >= m.opts.Attempts:
			return fmt.Errorf("mirror: %s, attempt %d: %w", what, n, err)
		}
		if err := m.pause(ctx, failures+1, err); err != nil {
			return fmt.Errorf("mirror: %s: %w", what, cmp.Or(context.Cause(ctx), err))
		}
	}
}

func (m *Mirror) readOnce(ctx context.Context, u *url.URL, limit int64) ([]byte, error) {
	r, err := m.request(ctx, http.MethodGet, u, http.Header{})
	if err != nil {
		return nil, err
	}
	defer r.done()
	if r.StatusCode != http.StatusOK {
		return nil, r.refusal(u)
	}
	var text bytes.Buffer
	if _, err := text.ReadFrom(io.LimitReader(r, limit+1)); err != nil {
		return nil, err
	}
	if int64(text.Len()) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	return text.Bytes(), nil
}

// Available reports whether a file exists on the mirror, or, with an empty name, its
// directory. It returns false without an error only for a "not found" answer.
func (m *Mirror) Available(ctx context.Context, name string) (bool, error) {
	if name != "" {
		if err := checkAsset(name); err != nil {
			return false, err
		}
	}
	if m.base == nil {
		return m.availableLocal(ctx, name)
	}
	u := m.urlOf(name)
	err := m.retry(ctx, "head "+u.Redacted(), func() (bool, error) { return false, m.head(ctx, u) })
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (m *Mirror) head(ctx context.Context, u *url.URL) error {
	r, err := m.request(ctx, http.MethodHead, u, http.Header{})
	if err != nil {
		return err
	}
	defer r.done()
	if r.StatusCode != http.StatusOK {
		return r.refusal(u)
	}
	return nil
}
