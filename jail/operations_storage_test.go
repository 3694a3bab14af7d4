package jail_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/zfsstore"
)

// storageOperations are the operations on datasets, names and configuration.
func storageOperations() []operationRow {
	type generator = jail.JailGenerator
	var rows []operationRow
	for name, o := range map[string]jail.CreateOptions{
		"create from scratch":    {Scratch: true},
		"create empty":           {Empty: true},
		"create from a template": {Template: "golden", Basejail: true},
		"create from a jail":     {Jail: "web"},
	} {
		r := operationRow{name: name, setup: storageHost, ready: absent("second")}
		r.plan, r.run = onNew("second", o, (*generator).Create)
		rows = append(rows, r)
	}

	r := operationRow{name: "clone", setup: storageHost, ready: absent("second")}
	r.plan, r.run = onNew("second", jail.CloneOptions{Jail: "web"}, (*generator).CloneFromJail)
	rows = append(rows, r)

	r = operationRow{name: "clone of a snapshot", setup: storageHost, ready: both(absent("second"), snapshotted("before"))}
	r.plan, r.run = onNew("second", jail.CloneOptions{Jail: "web", Snapshot: "before"}, (*generator).CloneFromJail)
	rows = append(rows, r)

	r = operationRow{name: "clone to a dataset", setup: storageHost, ready: noDataset("zroot/copy")}
	r.plan, r.run = on("web", jail.CloneToDatasetOptions{Dataset: "zroot/copy"}, (*generator).CloneToDataset)
	rows = append(rows, r)

	r = operationRow{name: "clone over a dataset", setup: storageHost, ready: ownDataset("zroot/copy")}
	r.plan, r.run = on("web", jail.CloneToDatasetOptions{Dataset: "zroot/copy", DeleteExisting: true}, (*generator).CloneToDataset)
	rows = append(rows, r)

	r = operationRow{name: "rename", setup: storageHost, ready: named("web", "second")}
	r.plan, r.run = on("web", jail.RenameOptions{Name: "second"}, (*generator).Rename)
	rows = append(rows, r)

	r = operationRow{name: "promote", setup: storageHost, ready: cloned}
	r.plan, r.run = on("second", jail.PromoteOptions{}, (*generator).Promote)
	rows = append(rows, r)

	for name, to := range map[string]bool{"make a template": true, "make a template a jail": false} {
		r = operationRow{name: name, setup: storageHost, ready: templated("web", !to)}
		r.plan, r.run = on("web", jail.TemplateOptions{Template: to}, (*generator).SetTemplate)
		rows = append(rows, r)
	}

	r = operationRow{name: "save", setup: storageHost, ready: func(t *testing.T, ctx context.Context, h *simhost.Host) {
		j := loaded(t, ctx, h, "web")
		require.NoError(t, j.Config().Set("user.team", "db"))
		require.NoError(t, j.Save(ctx))
	}}
	r.plan, r.run = methods(func(ctx context.Context, h *simhost.Host) (*jail.Jail, error) {
		j, err := jail.Load(ctx, h.Host, "web")
		if err != nil {
			return nil, err
		}
		return j, j.Config().Set("user.team", "ours")
	}, struct{}{}, func(g *generator, _ struct{}) *jail.Operation { return g.Save() })
	rows = append(rows, r)

	r = operationRow{name: "create a snapshot", setup: storageHost, ready: notSnapshotted("now")}
	r.plan, r.run = on("web", jail.SnapshotOptions{Name: "now"}, (*generator).CreateSnapshot)
	rows = append(rows, r)

	r = operationRow{name: "destroy a snapshot", setup: storageHost, ready: snapshotted("before")}
	r.plan, r.run = on("web", jail.SnapshotOptions{Name: "before"}, (*generator).DestroySnapshot)
	rows = append(rows, r)

	for name, o := range map[string]jail.RollbackOptions{
		"roll back":                   {Name: "before", Newer: true},
		"roll back the configuration": {Name: "before", Newer: true, Configuration: true},
	} {
		r = operationRow{name: name, setup: storageHost, ready: writtenSince("before", "after")}
		r.plan, r.run = on("web", o, (*generator).RollbackSnapshot)
		rows = append(rows, r)
	}
	return append(rows, provisionOperation())
}

// settingProvisioner changes one property.
type settingProvisioner struct{ values map[string]string }

func (p settingProvisioner) Provision(ctx context.Context, j *jail.Jail, _ jail.ProvisionRequest) error {
	_, err := j.Set(ctx, p.values, jail.SetOptions{})
	return err
}

// provisionOperation has no plan of its own: what it does is what its
// provisioner calls, and that is planned.
func provisionOperation() operationRow {
	values := map[string]string{"user.team": "provisioned"}
	r := operationRow{name: "provision", setup: storageHost, ready: func(t *testing.T, ctx context.Context, h *simhost.Host) {
		_, err := loaded(t, ctx, h, "web").Set(ctx, map[string]string{
			"user.team": "db", "provision.method": "set", "provision.source": "/nowhere",
		}, jail.SetOptions{})
		require.NoError(t, err)
	}}
	r.plan, _ = on("web", jail.SetOptions{},
		func(g *jail.JailGenerator, o jail.SetOptions) *jail.Operation { return g.Set(values, o) })
	_, r.run = on("web", jail.ProvisionOptions{Methods: map[string]jail.Provisioner{"set": settingProvisioner{values}}},
		(*jail.JailGenerator).Provision)
	return r
}

// storageHost has a jail with a dataset of its own, a hostname and an fstab that
// names its paths, and a template.
func storageHost(t *testing.T) *simhost.Host {
	t.Helper()
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, map[string]string{
		"host_hostname": "web", "jail_zfs_dataset": "zroot/iocage/jails/web/data", "user.team": "db",
		"interfaces": "vnet0:bridge0", "vnet0_mac": "02ff60000001,02ff60000002",
	})
	require.NoError(t, h.Store.Create(ctx, j.Dataset()+"/data", zfsstore.CreateOptions{}))
	path := j.Path()
	lines := "# ours\n" + path + "/data\t" + path + "/root/mnt\tnullfs\trw\t0\t0\n" + path + "b/data\t/media\tnullfs\tro,noauto\t0\t0\n"
	require.NoError(t, os.WriteFile(filepath.Join(path, "fstab"), []byte(lines), 0o644))
	golden := newJail(t, h, "golden", true, map[string]string{"ip4_addr": "em0|192.0.2.9/24"})
	_, err := golden.SetTemplate(ctx, jail.TemplateOptions{Template: true})
	require.NoError(t, err)
	return h
}

func both(all ...readier) readier {
	return func(t *testing.T, ctx context.Context, h *simhost.Host) {
		for _, f := range all {
			f(t, ctx, h)
		}
	}
}

func loaded(t *testing.T, ctx context.Context, h *simhost.Host, name string) *jail.Jail {
	t.Helper()
	j, err := jail.Load(ctx, h.Host, name)
	require.NoError(t, err)
	return j
}

// named sees to it that the jail has its first name.
func named(first, other string) readier {
	return func(t *testing.T, ctx context.Context, h *simhost.Host) {
		if j, err := jail.Load(ctx, h.Host, other); err == nil {
			_, err := j.Rename(ctx, jail.RenameOptions{Name: first})
			require.NoError(t, err)
		}
		loaded(t, ctx, h, first)
	}
}

// cloned sees to it that second is a clone of web, and not the other way round.
func cloned(t *testing.T, ctx context.Context, h *simhost.Host) {
	if _, err := jail.Load(ctx, h.Host, "second"); err != nil {
		j, err := jail.New(ctx, h.Host, jail.Spec{Name: "second"})
		require.NoError(t, err)
		_, err = j.CloneFromJail(ctx, jail.CloneOptions{Jail: "web"})
		require.NoError(t, err)
	}
	d, err := h.Store.Get(ctx, "zroot/iocage/jails/second", zfsstore.GetOptions{})
	require.NoError(t, err)
	if d.Origin == "" {
		_, err := loaded(t, ctx, h, "web").Promote(ctx, jail.PromoteOptions{})
		require.NoError(t, err)
	}
}

func templated(name string, template bool) readier {
	return func(t *testing.T, ctx context.Context, h *simhost.Host) {
		_, err := loaded(t, ctx, h, name).SetTemplate(ctx, jail.TemplateOptions{Template: template})
		require.NoError(t, err)
	}
}

func hasSnapshot(t *testing.T, ctx context.Context, j *jail.Jail, name string) bool {
	t.Helper()
	all, err := j.Snapshots(ctx)
	require.NoError(t, err)
	for _, s := range all {
		if s.Name == name {
			return true
		}
	}
	return false
}

func snapshotted(name string) readier {
	return func(t *testing.T, ctx context.Context, h *simhost.Host) {
		if j := loaded(t, ctx, h, "web"); !hasSnapshot(t, ctx, j, name) {
			_, err := j.CreateSnapshot(ctx, jail.SnapshotOptions{Name: name})
			require.NoError(t, err)
		}
	}
}

func notSnapshotted(name string) readier {
	return func(t *testing.T, ctx context.Context, h *simhost.Host) {
		if j := loaded(t, ctx, h, "web"); hasSnapshot(t, ctx, j, name) {
			_, err := j.DestroySnapshot(ctx, jail.SnapshotOptions{Name: name})
			require.NoError(t, err)
		}
	}
}

// writtenSince has a snapshot, then changes to the root and the configuration,
// then a newer snapshot.
func writtenSince(older, newer string) readier {
	return func(t *testing.T, ctx context.Context, h *simhost.Host) {
		j := loaded(t, ctx, h, "web")
		if hasSnapshot(t, ctx, j, newer) {
			return
		}
		snapshotted(older)(t, ctx, h)
		root, err := j.RootPath(ctx)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(root, "etc/motd"), []byte("since\n"), 0o644))
		require.NoError(t, j.Config().Set("user.team", "since"))
		require.NoError(t, j.Save(ctx))
		snapshotted(newer)(t, ctx, h)
	}
}

func noDataset(name string) readier {
	return func(t *testing.T, ctx context.Context, h *simhost.Host) {
		err := h.Store.Destroy(ctx, name, zfsstore.DestroyOptions{Recursive: true})
		if err != nil {
			require.ErrorIs(t, err, zfsstore.ErrNotFound)
		}
	}
}

// ownDataset is a dataset of somebody's own, with a file in it.
func ownDataset(name string) readier {
	return func(t *testing.T, ctx context.Context, h *simhost.Host) {
		d, err := h.Store.Get(ctx, name, zfsstore.GetOptions{})
		if err == nil && d.Origin == "" {
			return
		}
		noDataset(name)(t, ctx, h)
		require.NoError(t, h.Store.Create(ctx, name, zfsstore.CreateOptions{}))
		path, err := h.Mountpoint(ctx, name)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(path, "precious"), []byte("data\n"), 0o644))
	}
}
