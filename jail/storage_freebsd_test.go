package jail_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/zfsstore"
)

// realClone makes a jail from another on the real host and removes it in the
// end.
func realClone(t *testing.T, h *host.Host, name string, o jail.CloneOptions) *jail.Jail {
	t.Helper()
	ctx := context.Background()
	j, err := jail.New(ctx, h, jail.Spec{Name: name})
	require.NoError(t, err)
	_, err = j.CloneFromJail(ctx, o)
	require.NoError(t, err)
	t.Cleanup(func() {
		if j, err := jail.Load(ctx, h, name); err == nil {
			_, err := j.Destroy(ctx, jail.DestroyOptions{Force: true})
			require.NoError(t, err)
		}
	})
	return j
}

func realSet(t *testing.T, h *host.Host, dataset string) zfsstore.Dataset {
	t.Helper()
	d, err := h.Store.Get(context.Background(), dataset, zfsstore.GetOptions{Properties: []string{"readonly"}})
	require.NoError(t, err)
	return d
}

// TestRealDatasets goes through the life of datasets on real ZFS: clone of a
// running jail, snapshot, rollback, promote, rename, template, destroy.
func TestRealDatasets(t *testing.T) {
	h := realHost(t)
	ctx := context.Background()
	web := realJail(t, h, "dsweb", false, map[string]string{"exec_start": "none", "exec_stop": "none", "host_hostname": "dsweb"})
	root, err := web.RootPath(ctx)
	require.NoError(t, err)
	lines := web.Path() + "/root/tmp\t" + web.Path() + "/root/mnt\tnullfs\trw\t0\t0\n"
	require.NoError(t, os.WriteFile(filepath.Join(web.Path(), "fstab"), []byte(lines), 0o644))
	origin := realSet(t, h, web.RootDataset()).Origin
	require.NotEmpty(t, origin)

	// A clone of the running jail, which then runs beside it.
	_, err = web.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	copied := realClone(t, h, "dscopy", jail.CloneOptions{Jail: "dsweb"})
	_, err = copied.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	_, err = web.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	_, err = copied.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	data, err := os.ReadFile(filepath.Join(copied.Path(), "fstab"))
	require.NoError(t, err)
	require.Equal(t, copied.Path()+"/root/tmp\t"+copied.Path()+"/root/mnt\tnullfs\trw\t0\t0\n", string(data))

	// The original cannot go before the clone is promoted.
	_, err = web.Destroy(ctx, jail.DestroyOptions{})
	require.ErrorIs(t, err, jail.ErrDependants)
	_, err = copied.Promote(ctx, jail.PromoteOptions{})
	require.NoError(t, err)
	require.Contains(t, realSet(t, h, web.RootDataset()).Origin, copied.RootDataset()+"@")
	_, err = web.Promote(ctx, jail.PromoteOptions{}) // and back
	require.NoError(t, err)
	require.Equal(t, origin, realSet(t, h, web.RootDataset()).Origin)

	// Snapshot and rollback.
	motd := filepath.Join(root, "etc/motd.test")
	require.NoError(t, os.WriteFile(motd, []byte("old\n"), 0o644))
	_, err = web.CreateSnapshot(ctx, jail.SnapshotOptions{Name: "one"})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(motd, []byte("new\n"), 0o644))
	_, err = web.CreateSnapshot(ctx, jail.SnapshotOptions{Name: "two"})
	require.NoError(t, err)
	_, err = web.RollbackSnapshot(ctx, jail.RollbackOptions{Name: "one"})
	require.ErrorIs(t, err, jail.ErrNewerSnapshots)
	_, err = web.RollbackSnapshot(ctx, jail.RollbackOptions{Name: "one", Newer: true})
	require.NoError(t, err)
	data, err = os.ReadFile(motd)
	require.NoError(t, err)
	require.Equal(t, "old\n", string(data))

	// Rename: the release's snapshot keeps its name, the jail starts.
	_, err = web.Rename(ctx, jail.RenameOptions{Name: "dsother"})
	require.NoError(t, err)
	t.Cleanup(func() {
		if j, err := jail.Load(ctx, h, "dsother"); err == nil {
			_, err := j.Destroy(ctx, jail.DestroyOptions{Force: true})
			require.NoError(t, err)
		}
	})
	require.Equal(t, origin, realSet(t, h, web.RootDataset()).Origin)
	_, err = web.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	_, err = web.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)

	// A template is read-only, and jails are made from it.
	_, err = web.SetTemplate(ctx, jail.TemplateOptions{Template: true})
	require.NoError(t, err)
	require.Equal(t, "on", realSet(t, h, web.RootDataset()).Properties["readonly"].Value)
	_, err = web.Start(ctx, jail.StartOptions{})
	require.ErrorIs(t, err, jail.ErrTemplate)
	made, err := jail.New(ctx, h, jail.Spec{Name: "dsmade"})
	require.NoError(t, err)
	_, err = made.Create(ctx, jail.CreateOptions{Template: "dsother"})
	require.NoError(t, err)
	_, err = made.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	_, err = made.Destroy(ctx, jail.DestroyOptions{Force: true})
	require.NoError(t, err)
	_, err = web.SetTemplate(ctx, jail.TemplateOptions{})
	require.NoError(t, err)

	// To a dataset that is not a jail, over an existing one.
	target := sourceDataset(t, h) + "/dscopied"
	for range 2 {
		_, err = web.CloneToDataset(ctx, jail.CloneToDatasetOptions{Dataset: target, DeleteExisting: true})
		require.NoError(t, err)
	}
	require.NoError(t, h.Store.Destroy(ctx, target, zfsstore.DestroyOptions{Recursive: true}))

	// With the clones gone nothing of them is left.
	_, err = copied.Destroy(ctx, jail.DestroyOptions{})
	require.NoError(t, err)
	left, err := web.Snapshots(ctx)
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.Equal(t, "one", left[0].Name)
}

// sourceDataset is the first source's dataset.
func sourceDataset(t *testing.T, h *host.Host) string {
	t.Helper()
	s, err := h.Source(context.Background(), "")
	require.NoError(t, err)
	return s.Dataset
}
