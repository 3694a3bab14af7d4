package host_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/zfsstore/simzfs"
)

// TestLockFilesArePrivate: directories 0700 and files 0600, also where an older
// version has made them for everybody.
func TestLockFilesArePrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no modes")
	}
	dir := t.TempDir()
	old := filepath.Join(dir, "run", "ioc", "jail")
	require.NoError(t, os.MkdirAll(old, 0o755))
	require.NoError(t, os.Chmod(filepath.Join(dir, "run"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(old, "db.lock"), nil, 0o644))
	h := newHost(t, dir, host.Options{}, simzfs.Pool{Name: "tank"})
	for _, key := range []string{"ioc/jail/web", "network/interfaces"} {
		unlock, err := h.Lock(t.Context(), key, "start", host.BusyFail)
		require.NoError(t, err)
		defer unlock()
		requireMode(t, 0o600, filepath.Join(dir, "run", filepath.FromSlash(key)+".lock"))
	}
	requireMode(t, 0o700, filepath.Join(dir, "run"))
	requireMode(t, 0o700, filepath.Join(dir, "run", "network"))
}

func requireMode(t *testing.T, want fs.FileMode, path string) {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, want, info.Mode().Perm(), path)
}

// TestLockWithoutHolder: a lock is taken even if the holder's name cannot be
// written, as on a full disk.
func TestLockWithoutHolder(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full")
	}
	dir := t.TempDir()
	h := newHost(t, dir, host.Options{}, simzfs.Pool{Name: "tank"})
	file := filepath.Join(dir, "run", "ioc", "jail", "web.lock")
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
	require.NoError(t, os.Symlink("/dev/full", file))
	unlock, err := h.Lock(t.Context(), "ioc/jail/web", "start", host.BusyFail)
	require.NoError(t, err)
	_, err = h.Lock(t.Context(), "ioc/jail/web", "stop", host.BusyFail)
	require.ErrorIs(t, err, host.ErrBusy)
	unlock()
}
