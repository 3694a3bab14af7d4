package main

import (
	"context"
	"net/http/httptest"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/release/releasetest"
)

// openSimulated returns a simulated host and a mirror in this process, which
// serves a small release.
func openSimulated(_ context.Context, o options, cleanup *cleanups) (*host.Host, release.FetchOptions, error) {
	h, err := simhost.New("")
	if err != nil {
		return nil, release.FetchOptions{}, err
	}
	cleanup.add(h.Close)
	mirror := httptest.NewServer(releasetest.Mirror(o.release))
	cleanup.add(func() error { mirror.Close(); return nil })
	return h.Host, release.FetchOptions{Mirror: mirror.URL, HTTP: release.HTTPOptions{AllowHTTP: true}}, nil
}
