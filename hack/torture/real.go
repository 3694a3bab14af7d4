package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/zfsstore"
)

// openReal opens the machine this runs on. Jails and the state directory have a
// dataset each, so that each can be filled.
func openReal(ctx context.Context, o options) (*machine, error) {
	if o.pool == "" {
		return nil, errors.New("-real needs -pool")
	}
	source := host.Source{Name: "torture", Dataset: o.pool + "/ioc-torture"}
	state, away := source.Dataset+"-state", source.Dataset+"-byhand"
	bare, err := host.Open(ctx, host.Options{Sources: []host.Source{source}})
	if err != nil {
		return nil, err
	}
	paths := map[string]string{}
	for _, dataset := range []string{source.Dataset, state} {
		err := bare.Store.Create(ctx, dataset, zfsstore.CreateOptions{})
		if err != nil && !errors.Is(err, zfsstore.ErrExists) {
			return nil, err
		}
		if paths[dataset], err = bare.Mountpoint(ctx, dataset); err != nil {
			return nil, err
		}
	}
	h, err := host.Open(ctx, host.Options{
		Sources:  []host.Source{source},
		RunDir:   filepath.Join(paths[state], "run"),
		StateDir: filepath.Join(paths[state], "db"),
		CacheDir: filepath.Join(paths[state], "cache"),
	})
	if err != nil {
		return nil, err
	}
	return &machine{
		Host: h, source: source, away: away, real: true, close: func() error { return nil },
		fill: func(ctx context.Context, pool, inState bool) (func() error, error) {
			var wanted []string
			if pool {
				wanted = append(wanted, source.Dataset)
			}
			if inState {
				wanted = append(wanted, state)
			}
			empty := func() error {
				var all error
				for _, dataset := range wanted {
					all = errors.Join(all, emptyDataset(h.Store, dataset, paths[dataset]))
				}
				return all
			}
			for _, dataset := range wanted {
				if err := fillDataset(ctx, h.Store, dataset, paths[dataset]); err != nil {
					return nil, errors.Join(err, empty())
				}
			}
			return empty, nil
		},
	}, nil
}

const filler = "filler"

// fillDataset gives a dataset with all below it a quota of little more than it uses,
// and fills that with a file.
func fillDataset(ctx context.Context, store zfsstore.Store, dataset, path string) error {
	d, err := store.Get(ctx, dataset, zfsstore.GetOptions{})
	if err != nil {
		return err
	}
	if err := store.Set(ctx, dataset, map[string]string{"quota": strconv.FormatUint(d.Used+1<<20, 10)}); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(path, filler), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	block := make([]byte, 1<<16)
	_, _ = rand.NewChaCha8([32]byte{}).Read(block) // cannot be compressed
	for range 1 << 10 {
		if _, err = f.Write(block); err == nil {
			err = f.Sync() // what is used is known once it is written
		}
		if err != nil {
			break
		}
	}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return nil
	case err == nil:
		return fmt.Errorf("%s: its quota did not fill it", dataset)
	}
	return err
}

func emptyDataset(store zfsstore.Store, dataset, path string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return errors.Join(
		store.Set(ctx, dataset, map[string]string{"quota": "none"}),
		os.Remove(filepath.Join(path, filler)),
	)
}

// dismantle destroys the datasets of a real machine.
func dismantle(ctx context.Context, o options, m *machine) error {
	if !m.real {
		return nil
	}
	return errors.Join(
		m.Store.Destroy(ctx, m.source.Dataset, zfsstore.DestroyOptions{Recursive: true}),
		m.Store.Destroy(ctx, m.source.Dataset+"-state", zfsstore.DestroyOptions{Recursive: true}),
	)
}
