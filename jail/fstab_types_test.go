package jail_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/zfsstore"
)

// TestFstabOfZFSAndUnionfs: the simulated machine knew neither type.
func TestFstabOfZFSAndUnionfs(t *testing.T) {
	ctx := t.Context()
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)
	require.NoError(t, h.ZFS.Create(ctx, simhost.Pool+"/data", zfsstore.CreateOptions{Properties: map[string]string{"mountpoint": "legacy"}}))
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	upper := filepath.Join(memoryDir(t), "upper")
	require.NoError(t, os.MkdirAll(upper, 0o755))
	for _, dir := range []string{"data", "both"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	fstab := simhost.Pool + "/data " + root + "/data zfs rw 0 0\n" + upper + " " + root + "/both unionfs rw 0 0\n"
	require.NoError(t, os.WriteFile(filepath.Join(j.Path(), "fstab"), []byte(fstab), 0o644))
	dir, err := h.ZFS.Files(ctx, simhost.Pool+"/data")
	require.NoError(t, err)
	for _, file := range []string{filepath.Join(dir, "file"), filepath.Join(upper, "file")} {
		require.NoError(t, os.WriteFile(file, nil, 0o644))
	}
	test := func(want int) {
		t.Helper()
		for _, file := range []string{"/data/file", "/both/file"} {
			out, err := j.Exec(ctx, []string{"/bin/sh", "-c", "test -e " + file}, jail.ExecOptions{})
			require.NoError(t, err)
			require.Equal(t, want, out.ExitCode, file)
		}
	}
	for range 2 {
		_, err = j.Start(ctx, jail.StartOptions{})
		require.NoError(t, err)
		test(0)
		_, err = j.Stop(ctx, jail.StopOptions{})
		require.NoError(t, err)
	}
	require.NoError(t, os.WriteFile(filepath.Join(j.Path(), "fstab"), nil, 0o644))
	_, err = j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	test(1)
}

// TestFstabOfADatasetInUse: a dataset that is mounted elsewhere, or not there, is refused, and
// nothing is left.
func TestFstabOfADatasetInUse(t *testing.T) {
	ctx := t.Context()
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(root, "data"), 0o755))
	_, err = j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	_, err = j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	for _, dataset := range []string{simhost.Pool + "/none", simhost.Dataset} {
		require.NoError(t, os.WriteFile(filepath.Join(j.Path(), "fstab"), []byte(dataset+" "+root+"/data zfs rw 0 0\n"), 0o644))
		before := world(t, h)
		_, err = j.Start(ctx, jail.StartOptions{})
		require.ErrorContains(t, err, dataset)
		requireSame(t, before, world(t, h))
	}
}
