package main

import (
	"context"
	"net/http/httptest"
	"os"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/release/releasetest"
)

// openSimulated makes a simulated host in a temporary directory, and a mirror in
// this process that serves a small release.
func openSimulated(_ context.Context, o options, cleanup *cleanups) (*host.Host, release.FetchOptions, error) {
	dir, err := os.MkdirTemp("", "quickstart-")
	if err != nil {
		return nil, release.FetchOptions{}, err
	}
	cleanup.add(func() error { return os.RemoveAll(dir) })
	h, err := simhost.New(dir)
	if err != nil {
		return nil, release.FetchOptions{}, err
	}
	cleanup.add(h.Close)
	mirror := httptest.NewServer(releasetest.Mirror(o.release))
	cleanup.add(func() error { mirror.Close(); return nil })
	return h.Host, release.FetchOptions{Mirror: mirror.URL}, nil
}
