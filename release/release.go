package release

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/zfsstore"
)

// Sentinels for errors.Is.
var (
	// ErrNotFetched: the release was not fetched (libioc: ReleaseNotFetched).
	ErrNotFetched = errors.New("release is not fetched")
	// ErrFetched: the release was already fetched.
	ErrFetched = errors.New("release is fetched already")
	// ErrSnapshotNotFound: the pinned patch level does not exist. libioc silently
	// takes the newest instead.
	ErrSnapshotNotFound = errors.New("release has no such patch level")
	// ErrInUse: jails were cloned from the release.
	ErrInUse = errors.New("release is in use")
)

// Error is an operation that failed on one release.
type Error struct {
	Op      string // "fetch", "destroy", ...
	Release string
	Err     error
}

func (e *Error) Error() string { return fmt.Sprintf("%s release %s: %v", e.Op, e.Release, e.Err) }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Release is one release of one source, there or to be fetched. It holds
// nothing that was read; every method looks.
type Release struct {
	host   *host.Host
	source host.Source
	name   Name
}

// New names a release of a source; the empty source is the main one. It need
// not be there. Errors: *NameError, host.ErrSourceNotFound, host.ErrNotActivated.
func New(ctx context.Context, h *host.Host, name, source string) (*Release, error) {
	n, err := ParseName(name)
	if err != nil {
		return nil, err
	}
	s, err := h.Source(ctx, source)
	if err != nil {
		return nil, err
	}
	return &Release{h, s, n}, nil
}

// List returns the fetched releases, by source and then by name.
func List(ctx context.Context, h *host.Host) ([]*Release, error) {
	sources, err := h.Sources(ctx)
	if err != nil {
		return nil, err
	}
	mounts, err := h.Mounts(ctx)
	if err != nil {
		return nil, err
	}
	var out []*Release
	for _, s := range sources {
		start := len(out)
		for _, m := range mounts {
			dir, base := filepath.Split(m.From)
			if m.Type != "zfs" || dir != s.Releases()+"/" {
				continue
			}
			n, err := ParseName(base)
			if err != nil {
				continue // not ours
			}
			r := &Release{h, s, n}
			if ok, err := r.Fetched(ctx); err != nil {
				return nil, err
			} else if ok {
				out = append(out, r)
			}
		}
		slices.SortFunc(out[start:], func(a, b *Release) int { return a.name.Compare(b.name) })
	}
	return out, nil
}

// Name is the release's name as it was given, with a patch level if pinned.
func (r *Release) Name() Name { return r.name }

// FullName is the name's text; what a jail's release property holds.
func (r *Release) FullName() string { return r.name.String() }

// Source is the root dataset the release is in.
func (r *Release) Source() host.Source { return r.source }

// Dataset holds the release; RootDataset its file system and @pN snapshots.
func (r *Release) Dataset() string { return r.source.Releases() + "/" + r.name.Base() }

// RootDataset is the dataset of the release's file system.
func (r *Release) RootDataset() string { return r.Dataset() + "/root" }

// Fetched reports whether the release was fetched: its root is mounted and has the
// directories dev, etc and var, as libioc judges it.
func (r *Release) Fetched(ctx context.Context) (bool, error) {
	root, err := r.host.Mountpoint(ctx, r.RootDataset())
	if errors.Is(err, host.ErrNotMounted) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, dir := range []string{"dev", "etc", "var"} {
		info, err := os.Lstat(filepath.Join(root, dir))
		if errors.Is(err, os.ErrNotExist) {
			return false, nil
		}
		if err != nil || !info.IsDir() {
			return false, err
		}
	}
	return true, nil
}

// root is where the release is mounted, or ErrNotFetched.
func (r *Release) root(ctx context.Context) (string, error) {
	ok, err := r.Fetched(ctx)
	if err == nil && !ok {
		err = fmt.Errorf("%w: %s", ErrNotFetched, r.name)
	}
	if err != nil {
		return "", err
	}
	return r.host.Mountpoint(ctx, r.RootDataset())
}

// exists reports whether the dataset exists, mounted or not.
func (r *Release) exists(ctx context.Context) (bool, error) {
	_, err := r.host.Store.Get(ctx, r.Dataset(), zfsstore.GetOptions{})
	if errors.Is(err, zfsstore.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
