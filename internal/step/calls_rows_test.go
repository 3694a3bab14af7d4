package step_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

type action = plan.Action[step.Env]

// always is a step that is the same on every host.
func always(a action) func(testing.TB, *simhost.Host) action {
	return func(testing.TB, *simhost.Host) action { return a }
}

// stepRows are one of each kind of step about datasets, files, mounts and processes.
func stepRows() []stepRow {
	web := jails + "/web"
	type T = testing.TB
	type H = *simhost.Host
	snapshot := snapshots(rootOfWeb + "@one")
	clone := func(t T, h H) {
		snapshot(t, h)
		require.NoError(t, h.ZFS.Clone(t.Context(), rootOfWeb+"@one", "zroot/clone", zfsstore.CloneOptions{}))
	}
	made := func(name string) func(t T, h H) {
		return func(t T, h H) {
			require.NoError(t, h.ZFS.Snapshot(t.Context(), name, zfsstore.SnapshotOptions{Properties: step.Mark(madeBy)}))
		}
	}
	up := func(t T, h H) {
		_, err := start("web").run(t.Context(), t, h)
		require.NoError(t, err)
	}
	identity := func(t T, h H) kernel.Identity {
		id, err := h.Sim.JailIdentify(t.Context(), 0, kernel.ByName("ioc-web"))
		require.NoError(t, err)
		return id
	}
	file := func(dataset, name, text string) func(t T, h H) { return write(dataset, name, text).hand }
	mounts := step.Mounts{RootDataset: rootOfWeb, Mounts: []step.Mount{
		{Type: "tmpfs", From: "tmpfs", At: "a/b", Make: true}, {Type: "tmpfs", From: "tmpfs", At: "c", Make: true},
	}}
	mounted := func(t T, h H) {
		for _, at := range []string{"a", "c"} {
			path := filepath.Join(jailtest.Mountpoint(t, h, rootOfWeb), at)
			require.NoError(t, os.Mkdir(path, 0o755))
			_, err := h.Sim.Nmount(t.Context(), kernel.MountRequest{Type: "tmpfs", From: "tmpfs", Path: path})
			require.NoError(t, err)
		}
	}
	below := func(t T, h H) (out []kernel.Mounted) {
		all, err := h.Mounts(t.Context())
		require.NoError(t, err)
		return all.Below(jailtest.Mountpoint(t, h, rootOfWeb))
	}
	rules := []kernel.DevfsRule{{Number: 100, Hide: true}, {Number: 200, Path: "null", Unhide: true}}
	share := step.Share{Name: "ioc-web", RootDataset: rootOfWeb, Datasets: []string{shared}}
	hook := step.RunHook{Hook: "prestart", Command: "echo so", Name: "ioc-web", RootDataset: rootOfWeb, Timeout: time.Minute}
	return []stepRow{
		{"create dataset", nil, always(step.CreateDataset{Dataset: "zroot/new", Mode: 0o700, Made: madeBy})},
		{"create shared dataset", nil, always(step.CreateDataset{Dataset: "zroot/new", Shared: true, Made: madeBy})},
		{"create dataset in shared ones", nil, always(step.CreateDataset{
			Dataset: "zroot/p/q/new", Parents: []string{"zroot/p", "zroot/p/q"}, Made: madeBy,
		})},
		{"clone", snapshot, always(step.Clone{Made: madeBy, Clones: []step.CloneTarget{
			{Snapshot: rootOfWeb + "@one", Target: "zroot/a"}, {Snapshot: rootOfWeb + "@one", Target: "zroot/a/b"},
		}})},
		{"rename dataset", nil, func(t T, h H) action {
			return step.RenameDataset{From: web, To: jails + "/shop", GUID: guid(t, h, web)}
		}},
		{"move root", nil, func(t T, h H) action {
			return step.MoveRoot{From: rootOfWeb, To: web + "/former", GUID: guid(t, h, rootOfWeb)}
		}},
		{"clone root", nil, always(step.ForkRoot{Root: rootOfWeb, Snapshot: "fork", Target: web + "/next", Made: madeBy})},
		{"promote", clone, func(t T, h H) action {
			return step.Promote{Dataset: "zroot/clone", GUID: guid(t, h, "zroot/clone"), Origin: rootOfWeb}
		}},
		{"set properties", property(web, "user:b", "was").hand, always(step.SetProperties{
			Dataset: web, Set: map[string]string{"user:a": "1", "user:b": "2"}, Inherit: []string{"user:c"},
		})},
		{"inherit properties", property(web, "user:b", "was").hand, always(step.SetProperties{Dataset: web, Inherit: []string{"user:b"}})},
		{"snapshot", nil, always(step.Snapshot{Snapshot: web + "@new", Recursive: true, Made: madeBy})},
		{"save root", nil, always(step.SaveRoot{Snapshot: rootOfWeb + "@saved", Jail: "ioc-web", Made: madeBy})},
		{"write configuration", nil, always(step.WriteConfig{Dataset: web, File: "config.json", Data: []byte("{}")})},
		{"write fstab", nil, always(step.WriteConfig{Dataset: web, File: "fstab", Data: []byte("# none\n")})},
		{"remove fstab", file(web, "fstab", "# none\n"), always(step.WriteConfig{Dataset: web, File: "fstab", Absent: true})},
		{"update fstab", file(web, "fstab", "/old/data /mnt nullfs rw 0 0\n"), always(step.MoveFstab{Dataset: web, From: "/old"})},
		{"write resolv.conf", file(rootOfWeb, "etc/motd", "motd\n"), always(step.WriteResolver{RootDataset: rootOfWeb, Lines: []string{"search example.org"}})},
		{"mount", nil, always(step.MountFstab{Mounts: mounts})},
		{"mount directories of the host", dataset("zroot/data", nil).hand, func(t T, h H) action {
			from := jailtest.Mountpoint(t, h, "zroot/data")
			return step.MountBasejail{Mounts: step.Mounts{RootDataset: rootOfWeb, Mounts: []step.Mount{
				{Type: "nullfs", From: from, At: "a", Make: true}, {Type: "nullfs", From: from, At: "b", Make: true},
				{Type: "nullfs", From: jailtest.Mountpoint(t, h, rootOfWeb) + "/bin", At: "c", Make: true},
			}}}
		}},
		{"create jail", nil, always(step.CreateJail{Name: "ioc-web", RootDataset: rootOfWeb, Params: []step.Param{
			{Name: "name", Data: []byte("ioc-web\x00")}, {Name: "persist"}, {Name: "host.hostname", Data: []byte("web\x00")},
		}})},
		{"share datasets", up, always(share)},
		{"run hook", nil, always(hook)},
		{"destroy dataset", nil, func(t T, h H) action { return step.DestroyDataset{Dataset: web, GUID: guid(t, h, web)} }},
		{"destroy former base", property(web, step.BaseProperty, "1").hand, func(t T, h H) action {
			return step.DropBase{Dataset: web, GUID: guid(t, h, web)}
		}},
		{"destroy snapshots", snapshot, func(t T, h H) action {
			return step.DestroySnapshots{Snapshots: []step.GUIDOf{{Name: rootOfWeb + "@one", GUID: guid(t, h, rootOfWeb+"@one")}}}
		}},
		{"defer destroy", made(rootOfWeb + "@made"), always(step.ForgetSnapshot{Snapshot: rootOfWeb + "@made", Made: madeBy})},
		{"forget saved root", made(rootOfWeb + "@made"), always(step.ForgetRoot{Snapshot: rootOfWeb + "@made", Made: madeBy})},
		{"unmount", mounted, always(step.Unmount{RootDataset: rootOfWeb})},
		{"unmount fstab", mounted, always(step.UnmountLive{RootDataset: rootOfWeb, Places: []string{"a", "c"}})},
		{"unmount what is left", mounted, func(t T, h H) action {
			return step.UnmountLeft{RootDataset: rootOfWeb, Mounts: below(t, h)}
		}},
		{"load module", nil, always(step.LoadModule{Module: "linprocfs", Param: "mount_linprocfs"})},
		{"load devfs ruleset", nil, always(step.LoadRuleset{Number: 100, Rules: rules})},
		{"load computed ruleset", nil, always(step.LoadRuleset{Number: 4, Rules: rules, Computed: true, Named: []uint16{5}})},
		{"remove jail", up, func(t T, h H) action { return step.RemoveJail{Name: "ioc-web", Identity: identity(t, h)} }},
		{"unshare datasets", func(t T, h H) {
			up(t, h)
			require.NoError(t, h.ZFS.Jail(t.Context(), "ioc-web", shared))
		}, always(step.Unshare(share))},
		{"run command", up, always(step.RunCommand{Argv: []string{"/bin/sh", "-c", "true"}, Name: "ioc-web", RootDataset: rootOfWeb})},
	}
}
