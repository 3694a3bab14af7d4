package releasetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/release"
)

// Fetch fetches a release of any name, such as "14.3-RELEASE", into the host's
// first source: the one that [Archive] makes. It is ready for jail.New then.
// The error is release.ErrFetched if the host has the release.
func Fetch(ctx context.Context, h *host.Host, name string) (err error) {
	rel, err := release.New(ctx, h, name, "")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "releasetest-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "base.tgz")
	if err := os.WriteFile(path, Archive("tgz", name), 0o600); err != nil {
		return err
	}
	return events.Wait(ctx, rel.Fetch(ctx, release.FetchOptions{Archive: path}))
}
