package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"sync"
)

// source counts and hashes the compressed bytes as they are read. xz(1) is fed
// by a goroutine, so its fields are guarded.
type source struct {
	ctx  context.Context
	r    io.Reader
	opts Options

	mu       sync.Mutex
	received int64
	hash     hash.Hash
	err      error // of r, except io.EOF
}

func newSource(ctx context.Context, r io.Reader, opts Options) *source {
	return &source{ctx: ctx, r: r, opts: opts, hash: sha256.New()}
}

func (s *source) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, context.Cause(s.ctx)
	}
	n, err := s.r.Read(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.received += int64(n)
	s.hash.Write(p[:n])
	if n > 0 && s.opts.Progress != nil {
		s.opts.Progress(s.received, s.opts.Size)
	}
	if err != nil && err != io.EOF {
		s.err = err
	}
	if s.opts.Size > 0 && s.received > s.opts.Size {
		s.err = fmt.Errorf("%w: more than the expected %d bytes", ErrTooLarge, s.opts.Size)
		return n, s.err
	}
	return n, err
}

func (s *source) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *source) sum() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return hex.EncodeToString(s.hash.Sum(nil))
}

// verify reads what the decompressor left unread and compares size and checksum.
func (s *source) verify() error {
	if _, err := io.Copy(io.Discard, s); err != nil {
		return err
	}
	if s.opts.Size > 0 && s.received < s.opts.Size {
		return fmt.Errorf("archive: %w: %d of %d bytes", ErrTruncated, s.received, s.opts.Size)
	}
	if got := s.sum(); s.opts.SHA256 != "" && got != s.opts.SHA256 {
		return fmt.Errorf("%w: want %s, got %s", ErrHashMismatch, s.opts.SHA256, got)
	}
	return nil
}
