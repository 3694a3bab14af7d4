package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/fault"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/zfsstore"
	"github.com/libioc/go-libioc/zfsstore/simzfs"
)

// openSimulated opens the simulated host in the directory. One process at a time can.
func openSimulated(ctx context.Context, o options) (*machine, error) {
	h, err := simhost.New(filepath.Join(o.dir, "host"))
	if err != nil {
		return nil, err
	}
	m := &machine{
		Host: h.Host, source: host.Source{Name: "ioc", Dataset: simhost.Dataset}, away: simhost.Pool + "/byhand",
		reboot: h.Reboot, close: h.Close,
		fill: func(_ context.Context, pool, _ bool) (func() error, error) { return fillSimulated(h, pool), nil },
	}
	if o.full {
		_, err = m.fill(ctx, true, false)
	}
	return m, err
}

// fillSimulated makes what needs room fail as in a full pool. Files are those of the
// system this runs on, and can be written.
func fillSimulated(h *simhost.Host, pool bool) (empty func() error) {
	var remove []func()
	for _, op := range []string{simzfs.OpCreate, simzfs.OpSnapshot, simzfs.OpClone, simzfs.OpReceive} {
		if pool {
			remove = append(remove, h.ZFS.Fail(fatal{}, fault.Fault{Op: op, Match: simhost.Dataset + "/*", Err: zfsstore.ErrNoSpace}))
		}
	}
	return func() error {
		for _, r := range remove {
			r()
		}
		return nil
	}
}

// fatal is a fault.TB without a test.
type fatal struct{}

func (fatal) Helper() {}
func (fatal) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf(format, args...))
}
