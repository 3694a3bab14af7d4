package jail_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/jail"
)

// A snapshot from before a rename has the former name in its configuration and
// fstab: a rollback to it, or a clone of it, took those paths, of a jail that
// is gone or is another one by now.
func TestSnapshotFromBeforeARenameTookTheFormerName(t *testing.T) {
	ctx := context.Background()
	h := storageHost(t)
	j := loaded(t, ctx, h, "web")
	own := j.Config()
	require.NoError(t, own.Set("host_hostname", "web"))
	require.NoError(t, j.Save(ctx))
	_, err := j.CreateSnapshot(ctx, jail.SnapshotOptions{Name: "s"})
	require.NoError(t, err)
	before := j.Path()
	_, err = j.Rename(ctx, jail.RenameOptions{Name: "www"})
	require.NoError(t, err)
	check := func(j *jail.Jail) {
		t.Helper()
		lines, err := os.ReadFile(filepath.Join(j.Path(), "fstab"))
		require.NoError(t, err)
		require.NotContains(t, string(lines), before+"/")
		require.Contains(t, string(lines), j.Path()+"/data\t"+j.Path()+"/root/mnt\t")
		require.Contains(t, string(lines), before+"b/data", "another jail's path")
		for key, want := range map[string]string{
			"id": j.Name(), "jail_zfs_dataset": j.Dataset() + "/data", "user.team": "db",
		} {
			got, err := j.Effective().Text(key)
			require.NoError(t, err)
			require.Equal(t, want, got, key)
		}
		hostname, err := j.Effective().Text("host_hostname") // none is the jail's name
		require.NoError(t, err)
		require.Contains(t, []string{"none", j.Name()}, hostname)
		text, err := os.ReadFile(filepath.Join(j.Path(), config.JSONFile))
		require.NoError(t, err)
		require.NotContains(t, string(text), "jails/web/")
	}
	c, err := jail.New(ctx, h.Host, jail.Spec{Name: "copy"})
	require.NoError(t, err)
	_, err = c.CloneFromJail(ctx, jail.CloneOptions{Jail: "www", Snapshot: "s"})
	require.NoError(t, err)
	check(loaded(t, ctx, h, "copy"))
	_, err = c.Destroy(ctx, jail.DestroyOptions{})
	require.NoError(t, err)
	_, err = j.RollbackSnapshot(ctx, jail.RollbackOptions{Name: "s", Newer: true, Configuration: true})
	require.NoError(t, err)
	check(j)
	check(loaded(t, ctx, h, "www"))
}
