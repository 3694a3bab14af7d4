package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/hosttest"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/release/releasetest"
)

// The release that jails are made of, and the one that is fetched and destroyed.
const jailRelease, otherRelease = "13.2-RELEASE", "14.3-RELEASE"

// names are those of the jails.
var names = []string{"t0", "t1", "t2", "t3"}

// machine is a host to torture, as one process has it open.
type machine struct {
	*host.Host
	source  host.Source
	away    string // dataset for what is moved away by hand
	archive string
	real    bool
	// reboot restarts the machine; nil cannot.
	reboot func() error
	// fill takes all room of the pool and of the state directory, until the result
	// is called; room that cannot be taken is left.
	fill  func(ctx context.Context, pool, state bool) (empty func() error, err error)
	close func() error
}

func (o options) open(ctx context.Context) (*machine, error) {
	open := openSimulated
	if o.real {
		open = openReal
	}
	m, err := open(ctx, o)
	if err != nil {
		return nil, err
	}
	m.archive = o.archive
	if m.archive == "" {
		m.archive = filepath.Join(o.dir, "base.txz")
	}
	return m, nil
}

// hand returns the administrator.
func (m *machine) hand(ctx context.Context, o options) (*hosttest.Hand, error) {
	return hosttest.NewHand(ctx, m.Host, m.source, m.away, filepath.Join(o.dir, "ledger"), names...)
}

// prepare fetches the release that jails are made of.
func (m *machine) prepare(ctx context.Context, o options) error {
	if o.archive == "" {
		if err := os.WriteFile(m.archive, releasetest.Archive("txz", jailRelease), 0o644); err != nil {
			return err
		}
	}
	r, err := release.New(ctx, m.Host, jailRelease, "")
	if err != nil {
		return err
	}
	if there, err := r.Fetched(ctx); there || err != nil {
		return err
	}
	return m.fetch(ctx, jailRelease)
}

func (m *machine) fetch(ctx context.Context, name string) error {
	r, err := release.New(ctx, m.Host, name, "")
	if err != nil {
		return err
	}
	return events.Wait(ctx, r.Fetch(ctx, release.FetchOptions{Archive: m.archive}))
}

func (m *machine) drop(ctx context.Context, name string) error {
	r, err := release.New(ctx, m.Host, name, "")
	if err != nil {
		return err
	}
	return events.Wait(ctx, r.Destroy(ctx, release.DestroyOptions{}))
}

// state returns the journals and network records, by path.
func (m *machine) state() (map[string]string, error) {
	paths, err := m.stateFiles()
	all := map[string]string{}
	for _, path := range paths {
		data, rerr := os.ReadFile(path)
		if err = errors.Join(err, rerr); err != nil {
			return nil, fmt.Errorf("state directory: %w", err)
		}
		all[path] = string(data)
	}
	return all, err
}
