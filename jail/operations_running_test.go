package jail_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/fstab"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel/simkernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// runningOperations are those of a jail's running life beyond start and stop.
func runningOperations() []operationRow {
	setup := func(t *testing.T) *simhost.Host {
		h, _ := faultHost(t, true)
		return h
	}
	var rows []operationRow
	r := operationRow{name: "restart, soft", setup: setup, ready: started("web")}
	r.plan, r.run = on("web", jail.RestartOptions{}, (*jail.JailGenerator).Restart)
	rows = append(rows, r)

	r = operationRow{name: "restart with shutdown", setup: setup, ready: started("web"), halts: true}
	r.plan, r.run = on("web", jail.RestartOptions{Shutdown: true, Force: true}, (*jail.JailGenerator).Restart)
	rows = append(rows, r)

	r = operationRow{name: "fork_exec", setup: setup, ready: stopped("web")}
	r.plan, r.run = on("web", jail.ForkExecOptions{},
		func(g *jail.JailGenerator, o jail.ForkExecOptions) *jail.Operation {
			return g.ForkExec([]string{"/bin/freebsd-version"}, o)
		})
	rows = append(rows, r)

	r = operationRow{name: "start with one command", setup: setup, ready: stopped("web")}
	r.plan, r.run = on("web", jail.StartOptions{SingleCommand: "freebsd-version"}, (*jail.JailGenerator).Start)
	rows = append(rows, r)

	r = operationRow{name: "start with datasets, devices and a module", setup: sharingHost, ready: unloaded("web")}
	r.plan, r.run = on("web", jail.StartOptions{Quick: true}, (*jail.JailGenerator).Start)
	rows = append(rows, r)

	entries := []fstab.Entry{{Source: "tmpfs", Destination: "/mnt2", Type: "tmpfs", Options: "rw"}}
	r = operationRow{name: "mount", setup: setup, ready: mounted("web", nil)}
	r.plan, r.run = on("web", jail.MountOptions{Entries: entries}, (*jail.JailGenerator).Mount)
	rows = append(rows, r)

	r = operationRow{name: "unmount", setup: setup, ready: mounted("web", entries)}
	r.plan, r.run = on("web", jail.UnmountOptions{Destinations: []string{"/mnt2"}}, (*jail.JailGenerator).Unmount)
	rows = append(rows, r)

	r = operationRow{name: "stop with datasets", setup: sharingHost, ready: started("web")}
	r.plan, r.run = on("web", jail.StopOptions{}, (*jail.JailGenerator).Stop)
	rows = append(rows, r)

	r = operationRow{name: "stop with processes", setup: idleHost, ready: both(working("web"), working("second"))}
	r.plan, r.run = on("web", jail.StopOptions{}, (*jail.JailGenerator).Stop)
	return append(rows, r)
}

// idleHost has two jails with a program that runs until it is told to end.
func idleHost(t *testing.T) *simhost.Host {
	t.Helper()
	h, err := simhost.Open(simhost.Options{Dir: memoryDir(t), Programs: map[string]simkernel.Program{
		"idle": func(_ context.Context, p *simkernel.Process) int { p.Sleep(time.Hour); return 0 },
	}})
	require.NoError(t, err)
	t.Cleanup(func() { h.Close() })
	fetch(t, h)
	for _, name := range []string{"web", "second"} {
		programs(t, newJail(t, h, name, false, nil), "idle")
	}
	return h
}

// working is a running jail with a process of its own.
func working(name string) readier {
	return func(t *testing.T, ctx context.Context, h *simhost.Host) {
		started(name)(t, ctx, h)
		j := loaded(t, ctx, h, name)
		id, err := j.Identity(ctx)
		require.NoError(t, err)
		works := func() bool {
			list, err := h.Sim.ProcessList(ctx, id.JID)
			return err == nil && len(list) > 0
		}
		if works() {
			return
		}
		// It ends with its jail.
		go func() { _, _ = j.Exec(ctx, []string{"/bin/idle"}, jail.ExecOptions{}) }()
		require.Eventually(t, works, 5*time.Second, time.Millisecond)
	}
}

// mounted is a running jail with a directory for a mount, and no mount there.
func mounted(name string, entries []fstab.Entry) readier {
	return func(t *testing.T, ctx context.Context, h *simhost.Host) {
		started(name)(t, ctx, h)
		j, err := jail.Load(ctx, h.Host, name)
		require.NoError(t, err)
		root, err := j.RootPath(ctx)
		require.NoError(t, err)
		_, err = j.Unmount(ctx, jail.UnmountOptions{Destinations: []string{"/mnt2"}})
		if err != nil {
			require.ErrorIs(t, err, fstab.ErrDestinationNotFound)
		}
		require.NoError(t, os.MkdirAll(filepath.Join(root, "mnt2"), 0o755))
		if entries != nil {
			_, err = j.Mount(ctx, jail.MountOptions{Entries: entries})
			require.NoError(t, err)
		}
	}
}

const sharedDataset = "zroot/shared"

// sharingHost has a jail that administers a dataset, with devices beyond its
// ruleset and a permission whose module is not loaded.
func sharingHost(t *testing.T) *simhost.Host {
	t.Helper()
	h, err := simhost.Open(simhost.Options{Dir: memoryDir(t), Programs: map[string]simkernel.Program{
		"zfs": func(context.Context, *simkernel.Process) int { return 0 },
	}})
	require.NoError(t, err)
	t.Cleanup(func() { h.Close() })
	fetch(t, h)
	shareWith(t, h, "web", map[string]string{"jailed": "on"})
	return h
}

func shareWith(t *testing.T, h *simhost.Host, name string, properties map[string]string) *jail.Jail {
	t.Helper()
	ctx := context.Background()
	require.NoError(t, h.Store.Create(ctx, sharedDataset, zfsstore.CreateOptions{NoMount: true, Properties: properties}))
	j := newJail(t, h, name, false, map[string]string{
		"jail_zfs": "yes", "jail_zfs_dataset": sharedDataset, "bpf": "1", "allow_mount_fusefs": "1",
	})
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(root, "sbin"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "sbin/zfs"), []byte("#!sim zfs\n"), 0o755))
	return j
}

// unloaded is a stopped jail on a machine that has loaded nothing for it.
func unloaded(name string) readier {
	return func(t *testing.T, ctx context.Context, h *simhost.Host) {
		stopped(name)(t, ctx, h)
		require.NoError(t, h.Reboot())
	}
}
