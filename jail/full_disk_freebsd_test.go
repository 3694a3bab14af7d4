package jail_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/zfsstore"
)

// fill writes a file until there is no space left.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	for size := 1 << 20; size > 0; {
		_, err := f.Write(make([]byte, size))
		if err == nil {
			err = f.Sync()
		}
		if err != nil {
			require.True(t, errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT), err)
			size /= 2
		}
	}
}

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(context.Background(), name, args...).CombinedOutput()
	require.NoError(t, err, "%s %v: %s", name, args, out)
	return strings.TrimSpace(string(out))
}

// TestRealFullStateDisk: locks and journals are on a full md(4) disk.
func TestRealFullStateDisk(t *testing.T) {
	h := realHost(t)
	ctx := context.Background()
	realJail(t, h, "fulldisk", true, nil)
	md := command(t, "/sbin/mdconfig", "-a", "-t", "swap", "-s", "4m")
	t.Cleanup(func() { command(t, "/sbin/mdconfig", "-d", "-u", md) })
	command(t, "/sbin/newfs", "/dev/"+md)
	dir := t.TempDir()
	command(t, "/sbin/mount", "/dev/"+md, dir)
	t.Cleanup(func() { command(t, "/sbin/umount", "-f", dir) })
	sources, err := h.Sources(ctx)
	require.NoError(t, err)
	other, err := host.Open(ctx, host.Options{
		Sources: sources, RunDir: filepath.Join(dir, "run"), StateDir: filepath.Join(dir, "db"), CacheDir: filepath.Join(dir, "cache"),
		Files: h.Files(),
	})
	require.NoError(t, err)
	j, err := jail.Load(ctx, other, "fulldisk")
	require.NoError(t, err)
	_, err = j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)

	fill(t, filepath.Join(dir, "full"))
	realStop(t, j)
	_, err = j.Start(ctx, jail.StartOptions{})
	require.ErrorIs(t, err, syscall.ENOSPC)
	_, err = jail.Recover(ctx, other)
	require.NoError(t, err)
	_, err = j.Destroy(ctx, jail.DestroyOptions{Force: true})
	require.NoError(t, err)
}

// fillQuota gives the source a quota, until the test ends, and fills it in the jail.
func fillQuota(t *testing.T, h *host.Host, j *jail.Jail) {
	t.Helper()
	ctx := context.Background()
	source := realDataset(t, h)
	d, err := h.Store.Get(ctx, source, zfsstore.GetOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Store.Set(ctx, source, map[string]string{"quota": "none"})) })
	require.NoError(t, h.Store.Set(ctx, source, map[string]string{"quota": strconv.FormatUint(d.Used+16<<20, 10)}))
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	fill(t, filepath.Join(root, "full"))
}

// TestRealFullQuota: the datasets of all jails are full.
func TestRealFullQuota(t *testing.T) {
	h := realHost(t)
	ctx := context.Background()
	j := realJail(t, h, "fullquota", false, nil)
	realStart(t, j)
	fillQuota(t, h, j)

	require.NoError(t, j.Config().Set("notes", strings.Repeat("full ", 200_000)))
	require.Error(t, j.Save(ctx), "there is no space for it")
	second, err := jail.New(ctx, h, jail.Spec{Name: "fullsecond"})
	require.NoError(t, err)
	if _, err := second.Create(ctx, jail.CreateOptions{Release: realRelease()}); err != nil {
		require.True(t, errors.Is(err, zfsstore.ErrNoSpace) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.ENOSPC), err)
	} else {
		_, err := second.Destroy(ctx, jail.DestroyOptions{})
		require.NoError(t, err)
	}
	now, err := jail.Load(ctx, h, "fullquota")
	require.NoError(t, err)
	realStop(t, now)
	_, err = jail.Recover(ctx, h)
	require.NoError(t, err)
	_, err = now.Destroy(ctx, jail.DestroyOptions{Force: true})
	require.NoError(t, err)
}
