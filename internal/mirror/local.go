package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// openAsset opens a file of a local mirror; it must be a regular one.
func (m *Mirror) openAsset(ctx context.Context, name string) (*os.File, int64, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, context.Cause(ctx)
	}
	path := filepath.Join(m.dir, name)
	fi, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fmt.Errorf("mirror: %w: %w", ErrNotFound, err)
	}
	if err == nil && !fi.Mode().IsRegular() {
		// Opening a fifo would block.
		return nil, 0, fmt.Errorf("mirror: %w: %s is not a regular file", ErrNotFound, path)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("mirror: %w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("mirror: %w", err)
	}
	return f, fi.Size(), nil
}

func (m *Mirror) readLocal(ctx context.Context, name string, limit int64) ([]byte, error) {
	f, _, err := m.openAsset(ctx, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("mirror: %s: %w: more than %d bytes", f.Name(), ErrTooLarge, limit)
	}
	return text, err
}

func (m *Mirror) availableLocal(ctx context.Context, name string) (bool, error) {
	if name == "" {
		return true, ctx.Err()
	}
	if m.single != "" && name != m.single {
		return false, ctx.Err()
	}
	f, _, err := m.openAsset(ctx, name)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, f.Close()
}

// copyLocal fills the part file from a local mirror.
func (m *Mirror) copyLocal(ctx context.Context, asset string, p *part, opts FetchOptions) error {
	if m.single != "" && asset != m.single {
		return fmt.Errorf("mirror: %s: %w: the mirror is the file %s", asset, ErrNotFound, m.single)
	}
	f, size, err := m.openAsset(ctx, asset)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := p.restart(); err != nil {
		return err
	}
	if err := p.expect(size, opts); err != nil {
		return err
	}
	return p.fill(ctx, f, opts)
}
