package step_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

const (
	jails      = simhost.Dataset + "/jails"
	rootOfWeb  = jails + "/web/root"
	firstPatch = simhost.Dataset + "/releases/" + jailtest.Release + "/root@p0"
)

// hostOf is a host without a release, and with a clock that stands, so that names made of
// the time are the same each time.
func hostOf(o simhost.Options) func(t testing.TB) *simhost.Host {
	return func(t testing.TB) *simhost.Host {
		t.Helper()
		o := o
		o.Clock = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
		return jailtest.OpenHost(t, o)
	}
}

// bareHost is one that has no programs.
func bareHost(t testing.TB) *simhost.Host { return hostOf(simhost.Options{})(t) }

// scratch creates a jail with an empty root. Few files make quick tests.
func scratch(name string, properties map[string]string) act {
	return create(name, jail.CreateOptions{Scratch: true}, properties)
}

// plain are the properties of a jail without hooks, which leaves its root alone, and more.
func plain(more ...string) map[string]string {
	properties := map[string]string{"exec_start": "none", "exec_stop": "none", "resolver": "none", "mount_devfs": "no"}
	for i := 0; i < len(more); i += 2 {
		properties[more[i]] = more[i+1]
	}
	return properties
}

// set changes properties of a jail.
func set(name string, values map[string]string) act {
	return onJail("set properties of "+name, name, func(g *jail.JailGenerator) *jail.Operation {
		return g.Set(values, jail.SetOptions{})
	})
}

// write makes a file in a dataset, or a line of its fstab: DIR is where its pool is
// mounted.
func write(dataset, file, text string) act {
	return byHand("write "+dataset+"/"+file, func(t testing.TB, h *simhost.Host) {
		path := filepath.Join(jailtest.Mountpoint(t, h, dataset), filepath.FromSlash(file))
		require.NoError(t, os.RemoveAll(path))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		text := os.Expand(text, func(string) string { return jailtest.Mountpoint(t, h, simhost.Pool) })
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	})
}

// remove removes a file from a dataset.
func remove(dataset, file string) act {
	return byHand("remove "+dataset+"/"+file, func(t testing.TB, h *simhost.Host) {
		require.NoError(t, os.RemoveAll(filepath.Join(jailtest.Mountpoint(t, h, dataset), file)))
	})
}

// dataset makes a dataset.
func dataset(name string, properties map[string]string) act {
	return byHand("zfs create "+name, func(t testing.TB, h *simhost.Host) {
		o := zfsstore.CreateOptions{Properties: properties, NoMount: properties["jailed"] == "on"}
		require.NoError(t, h.ZFS.Create(t.Context(), name, o))
	})
}

// ended ends a jail as jail(8) does without its configuration.
func ended(name string) act {
	return byHand("jail -R ioc-"+name, func(t testing.TB, h *simhost.Host) {
		id, err := h.Sim.JailIdentify(t.Context(), 0, kernel.ByName("ioc-"+name))
		require.NoError(t, err)
		require.NoError(t, h.Sim.JailRemove(t.Context(), id))
	})
}

// crashed is an act that is killed before ("do") or after ("done") a step, the first with
// n = 0.
func crashed(a act, n int, phase string) act {
	return byHand("kill: "+a.name, func(t testing.TB, h *simhost.Host) {
		fault := func(p plan.Point) error {
			if p.Phase == phase && p.Index == n {
				return plan.ErrCrash
			}
			return nil
		}
		_, err := a.run(plan.WithFault(t.Context(), fault), t, h)
		require.ErrorIs(t, err, plan.ErrCrash)
	})
}

// recovered clears away what has been left.
func recovered() act {
	return act{name: "recover", other: func(ctx context.Context, h *simhost.Host) ([]events.IocEvent, error) {
		return jail.Recover(ctx, h.Host)
	}}
}

// program puts a program of the simulated kernel into a jail's root.
func program(jail, file string) act {
	return byHand("install "+file, func(t testing.TB, h *simhost.Host) { jailtest.WriteRoot(t, h, jail, file) })
}
