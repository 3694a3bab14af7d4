//go:build unix

package host_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/zfsstore/simzfs"
)

// flockTool runs a command under flock(2) of a file.
func flockTool(path string) *exec.Cmd {
	if runtime.GOOS == "linux" {
		return exec.Command("flock", "-n", path, "true")
	}
	return exec.Command("/usr/bin/lockf", "-k", "-n", "-t", "0", path, "true") // -n: the file must exist
}

// TestLockByNobody: any local user could take a jail's lock with flock(2) and keep it.
func TestLockByNobody(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to become uid 65534")
	}
	dir, err := os.MkdirTemp("/tmp", "lock-test-") // TMPDIR may be in a directory that nobody may enter
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	h := newHost(t, dir, host.Options{}, simzfs.Pool{Name: "tank"})
	unlock, err := h.Lock(t.Context(), "ioc/jail/web", "start", host.BusyFail)
	require.NoError(t, err)
	path := filepath.Join(dir, "run", "ioc", "jail", "web.lock")
	free := filepath.Join(dir, "free.lock")
	require.NoError(t, os.WriteFile(free, nil, 0o666))
	require.NoError(t, os.Chmod(free, 0o666))
	byNobody := func(path string) error {
		cmd := flockTool(path)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		return cmd.Run()
	}
	require.NoError(t, byNobody(free), "the tool works")
	require.Error(t, byNobody(path))
	left := path + ".left"
	require.NoError(t, os.Link(path, left)) // one that no operation holds
	unlock()
	require.Error(t, byNobody(left))
}
