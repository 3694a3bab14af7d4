package main

import (
	"context"
	"errors"
	"os"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/zfsstore"
)

// openReal opens the machine this runs on, with a new root dataset that is destroyed
// at the end.
func openReal(ctx context.Context, o options, cleanup *cleanups) (*host.Host, release.FetchOptions, error) {
	none := release.FetchOptions{}
	if o.pool == "" || o.archive == "" {
		return nil, none, errors.New("-real needs -pool and -archive")
	}
	dir, err := os.MkdirTemp("", "quickstart-")
	if err != nil {
		return nil, none, err
	}
	cleanup.add(func() error { return os.RemoveAll(dir) })
	root := o.pool + "/ioc-quickstart"
	h, err := host.Open(ctx, host.Options{
		Sources:  []host.Source{{Name: "quickstart", Dataset: root}},
		RunDir:   dir + "/run",
		StateDir: dir + "/db",
		CacheDir: dir + "/cache",
	})
	if err != nil {
		return nil, none, err
	}
	if err := h.Store.Create(ctx, root, zfsstore.CreateOptions{}); err != nil {
		return nil, none, err
	}
	cleanup.add(func() error {
		return h.Store.Destroy(context.Background(), root, zfsstore.DestroyOptions{Recursive: true})
	})
	return h, release.FetchOptions{Archive: o.archive}, nil
}
