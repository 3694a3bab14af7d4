package mirror

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/libioc/go-libioc/internal/atomicfile"
	"github.com/libioc/go-libioc/internal/ignore"
)

// errSize: the size of the mirror's file is not the expected one. Another attempt
// would not help.
var errSize = errors.New("size differs from the expected one")

// part is a file being fetched, "<dest>.part", and the checksum of its bytes.
type part struct {
	dest string
	f    *os.File
	hash hash.Hash
	have int64 // bytes in the file, all of them hashed
	meta meta
}

// meta is kept beside the part in "<dest>.part.json": what a later request
// must know to continue.
type meta struct {
	URL          string `json:"url"`
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"last_modified,omitempty"`
	Total        int64  `json:"total"` // -1: unknown
}

// validator returns the value for If-Range: a strong ETag, otherwise the date
// (RFC 9110, section 13.1.5).
func (m meta) validator() string {
	if m.ETag != "" && m.ETag[0] == '"' {
		return m.ETag
	}
	return m.LastModified
}

func partPath(dest string) string { return dest + ".part" }
func metaPath(dest string) string { return dest + ".part.json" }

// openPart opens the part of an earlier fetch of the same URL and hashes it, or
// creates an empty one.
func openPart(ctx context.Context, dest, url string) (*part, error) {
	path := partPath(dest)
	if fi, err := os.Lstat(path); err == nil && !fi.Mode().IsRegular() {
		return nil, fmt.Errorf("mirror: %w", &fs.PathError{Op: "open", Path: path, Err: errors.New("not a regular file")})
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("mirror: %w", err)
	}
	p := &part{dest: dest, f: f, hash: sha256.New(), meta: meta{Total: -1}}
	if p.loadMeta(url) {
		p.have, err = io.Copy(p.hash, contextReader{ctx, f})
	}
	if err == nil && (p.have == 0 || p.meta.Total >= 0 && p.have > p.meta.Total) {
		err = p.restart()
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("mirror: %w", err)
	}
	return p, nil
}

func (p *part) loadMeta(url string) bool {
	text, err := os.ReadFile(metaPath(p.dest))
	if err != nil || json.Unmarshal(text, &p.meta) != nil || p.meta.URL != url {
		p.meta = meta{Total: -1}
		return false
	}
	return true
}

// begin saves what the server announced about the file.
func (p *part) begin(m meta) error {
	p.meta = m
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return os.WriteFile(metaPath(p.dest), text, 0o644)
}

// restart empties the part.
func (p *part) restart() error {
	p.hash.Reset()
	p.have = 0
	p.meta = meta{Total: -1}
	if err := p.f.Truncate(0); err != nil {
		return err
	}
	_, err := p.f.Seek(0, io.SeekStart)
	return err
}

// expect compares the announced size (-1: unknown) with what the caller allows.
func (p *part) expect(total int64, opts FetchOptions) error {
	switch {
	case total > opts.limit():
		return fmt.Errorf("%w: %d bytes announced, %d allowed: %w", ErrTooLarge, total, opts.limit(), errSize)
	case total >= 0 && opts.Size > 0 && total < opts.Size:
		return fmt.Errorf("%w: %d bytes announced, %d expected: %w", ErrTruncated, total, opts.Size, errSize)
	}
	p.meta.Total = total
	return nil
}

// fill appends all of r, which must have the announced size.
func (p *part) fill(ctx context.Context, r io.Reader, opts FetchOptions) error {
	buf := make([]byte, 128<<10)
	total := p.meta.Total
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := r.Read(buf)
		if p.have+int64(n) > opts.limit() || total >= 0 && p.have+int64(n) > total {
			return fmt.Errorf("%w: more bytes than announced or allowed", ErrTooLarge)
		}
		if n > 0 {
			if _, werr := p.f.Write(buf[:n]); werr != nil {
				return werr
			}
			p.hash.Write(buf[:n])
			p.have += int64(n)
			if opts.Progress != nil {
				opts.Progress(p.have, total)
			}
		}
		switch {
		case err == io.EOF && total >= 0 && p.have < total:
			return fmt.Errorf("%w: %d of %d bytes", ErrTruncated, p.have, total)
		case err == io.EOF:
			p.meta.Total = p.have
			return nil
		case err != nil:
			return err
		}
	}
}

func (p *part) complete() bool { return p.meta.Total >= 0 && p.have == p.meta.Total }

func (p *part) sum() string { return hex.EncodeToString(p.hash.Sum(nil)) }

// commit renames the file to its final name, durably.
func (p *part) commit() error {
	if err := p.f.Sync(); err != nil {
		return err
	}
	if err := p.f.Close(); err != nil {
		return err
	}
	if err := os.Rename(partPath(p.dest), p.dest); err != nil {
		return err
	}
	if err := remove(metaPath(p.dest)); err != nil {
		return err
	}
	// Some file systems cannot flush a directory.
	return ignore.Err(atomicfile.SyncDir(filepath.Dir(p.dest)), syscall.EINVAL)
}

// discard deletes the part.
func (p *part) discard() error {
	p.f.Close()
	return errors.Join(remove(partPath(p.dest)), remove(metaPath(p.dest)))
}

// keep closes the part for a later fetch.
func (p *part) keep() error {
	if p.have == 0 {
		return p.discard()
	}
	return p.f.Close()
}

func remove(path string) error { return ignore.Err(os.Remove(path), fs.ErrNotExist) }

// contextReader ends a long read of a file with the context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}
