package simhost_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// fill makes one of everything that a host keeps.
func fill(t *testing.T, h *simhost.Host) kernel.Identity {
	t.Helper()
	ctx := context.Background()
	require.NoError(t, h.Store.Create(ctx, "zroot/iocage/data", zfsstore.CreateOptions{}))
	path, err := h.Mountpoint(ctx, "zroot/iocage/data")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(path, "file"), []byte("content"), 0o644))
	require.NoError(t, os.Mkdir(filepath.Join(path, "dev"), 0o755))
	require.NoError(t, h.Store.Snapshot(ctx, "zroot/iocage/data@now", zfsstore.SnapshotOptions{}))
	jid, err := h.Kernel.JailSet(ctx, kernel.JailCreate,
		kernel.String("name", "keep"), kernel.String("path", path), kernel.Bool("persist", true))
	require.NoError(t, err)
	_, err = h.Kernel.Nmount(ctx, kernel.MountRequest{
		Type: "devfs", From: "devfs", Path: filepath.Join(path, "dev"), Below: path,
		Options: []kernel.MountOption{{Name: "ruleset", Value: "4"}},
	})
	require.NoError(t, err)
	id, err := h.Kernel.JailIdentify(ctx, 0, kernel.ByJID(jid))
	require.NoError(t, err)
	return id
}

func check(t *testing.T, h *simhost.Host, want kernel.Identity) {
	t.Helper()
	ctx := context.Background()
	path, err := h.Mountpoint(ctx, "zroot/iocage/data")
	require.NoError(t, err)
	data, err := os.ReadFile(filepath.Join(path, "file"))
	require.NoError(t, err)
	require.Equal(t, "content", string(data))
	_, err = h.Store.Get(ctx, "zroot/iocage/data@now", zfsstore.GetOptions{})
	require.NoError(t, err)
	id, err := h.Kernel.JailIdentify(ctx, 0, kernel.ByName("keep"))
	require.NoError(t, err)
	require.Equal(t, want, id)
	mounts, err := h.Mounts(ctx)
	require.NoError(t, err)
	m, ok := mounts.At(filepath.Join(path, "dev"))
	require.True(t, ok)
	require.Equal(t, "devfs", m.Type)
}

func TestReopen(t *testing.T) {
	dir := t.TempDir()
	h, err := simhost.New(dir)
	require.NoError(t, err)
	id := fill(t, h)
	_, err = simhost.New(dir)
	require.ErrorIs(t, err, simhost.ErrInUse)
	require.NoError(t, h.Close())
	for range 2 {
		h, err = simhost.New(dir)
		require.NoError(t, err)
		check(t, h, id)
		require.NoError(t, h.Close())
	}
}

func TestReboot(t *testing.T) {
	h, err := simhost.New(t.TempDir())
	require.NoError(t, err)
	defer h.Close()
	ctx := context.Background()
	fill(t, h)
	boot, err := h.Kernel.BootID(ctx)
	require.NoError(t, err)
	require.NoError(t, h.Reboot())

	again, err := h.Kernel.BootID(ctx)
	require.NoError(t, err)
	require.NotEqual(t, boot, again)
	_, err = h.Kernel.JailIdentify(ctx, 0, kernel.ByName("keep"))
	require.ErrorIs(t, err, kernel.ErrNotFound)
	path, err := h.Mountpoint(ctx, "zroot/iocage/data")
	require.NoError(t, err, "datasets are mounted again")
	mounts, err := h.Mounts(ctx)
	require.NoError(t, err)
	require.Empty(t, mounts.Below(path))
}

func TestNewOfNoName(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	h, err := simhost.New("")
	require.NoError(t, err)
	fill(t, h)
	require.Len(t, names(t, tmp), 1)
	require.NoError(t, h.Close())
	require.Empty(t, names(t, tmp))
	_, err = simhost.Open(simhost.Options{Sources: []host.Source{{Name: "x", Dataset: "-/x"}}})
	require.Error(t, err)
	require.Empty(t, names(t, tmp))
}

// TestKill lets another process change a host until it kills itself in the
// middle of a change, many times: each time the host opens again, whole.
func TestKill(t *testing.T) {
	if dir := os.Getenv("SIMHOST_KILL_DIR"); dir != "" {
		churn(dir)
		return
	}
	if testing.Short() {
		t.Skip("starts 20 processes")
	}
	dir := t.TempDir()
	for i := range 20 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
		cmd.Env = append(os.Environ(), "SIMHOST_KILL_DIR="+dir, fmt.Sprintf("SIMHOST_KILL_AFTER=%d", 3+7*i))
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		require.True(t, errors.As(err, &exit) && exit.ExitCode() == 7, "%v: %s", err, out)

		h, err := simhost.New(dir)
		require.NoError(t, err)
		ctx := context.Background()
		sets, err := h.Store.List(ctx, "zroot", zfsstore.ListOptions{})
		require.NoError(t, err)
		mounts, err := h.Mounts(ctx)
		require.NoError(t, err)
		for _, d := range sets {
			path, ok := mounts.Dataset(d.Name)
			require.Equal(t, d.Mounted, ok, d.Name)
			if d.Mounted {
				require.Equal(t, d.Mountpoint, path)
				require.DirExists(t, path)
			}
		}
		require.NoError(t, h.Close())
	}
}

// churn makes and destroys datasets and jails; the n-th change ends the process
// between its effect and its end.
func churn(dir string) {
	h, err := simhost.New(dir)
	if err != nil {
		panic(err)
	}
	var after int
	fmt.Sscan(os.Getenv("SIMHOST_KILL_AFTER"), &after)
	ctx := context.Background()
	for i := 0; ; i++ {
		if i == after {
			// The log is closed under the change: its effect exists, its
			// record does not.
			h.Close()
		}
		name := fmt.Sprintf("zroot/iocage/%d", i%5)
		var err error
		if _, gerr := h.Store.Get(ctx, name, zfsstore.GetOptions{}); gerr == nil {
			err = h.Store.Destroy(ctx, name, zfsstore.DestroyOptions{Recursive: true})
		} else {
			err = h.Store.Create(ctx, name, zfsstore.CreateOptions{})
		}
		if err != nil {
			os.Exit(7)
		}
	}
}

func TestSeveralSources(t *testing.T) {
	h, err := simhost.Open(simhost.Options{
		Dir:     t.TempDir(),
		Release: "15.1-RELEASE",
		Sources: []host.Source{{Name: "fast", Dataset: "nvme/ioc"}, {Name: "slow", Dataset: "disk/jails/ioc"}},
	})
	require.NoError(t, err)
	defer h.Close()
	ctx := context.Background()
	for _, dataset := range []string{"nvme/ioc", "disk/jails/ioc"} {
		_, err := h.Mountpoint(ctx, dataset)
		require.NoError(t, err)
	}
	f, err := h.Kernel.Features(ctx)
	require.NoError(t, err)
	require.True(t, f.JailDesc)
}

// A tmpfs keeps its files below the host's directory while the host is open.
func TestCloseLeavesNoTemporaryFiles(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	dir := t.TempDir()
	scratch := filepath.Join(dir, "scratch")
	h, err := simhost.New(dir)
	require.NoError(t, err)
	ctx := context.Background()
	mountpoint, err := h.Mountpoint(ctx, "zroot/iocage")
	require.NoError(t, err)
	_, err = h.Kernel.Nmount(ctx, kernel.MountRequest{Type: "tmpfs", From: "tmpfs", Path: mountpoint})
	require.NoError(t, err)
	require.Empty(t, names(t, tmp))
	require.Len(t, names(t, scratch), 1)
	require.NoError(t, h.Close())
	require.Empty(t, names(t, scratch))

	// What a process that was killed has left goes when the host is opened.
	require.NoError(t, os.Mkdir(filepath.Join(scratch, "left"), 0o755))
	h, err = simhost.New(dir)
	require.NoError(t, err)
	mounts, err := h.Mounts(ctx)
	require.NoError(t, err)
	m, ok := mounts.At(mountpoint)
	require.True(t, ok, "the mount is still there")
	require.Equal(t, "tmpfs", m.Type)
	require.NotContains(t, names(t, scratch), "left")
	require.NoError(t, h.Close())
	require.Empty(t, names(t, scratch))
	require.Empty(t, names(t, tmp))
}

func names(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
