//go:build unix

package host

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLockOnAFullDisk: a lock file that could not be created kept jails from being
// stopped and destroyed, which is what makes space. The lock without a file excludes
// everybody else.
func TestLockOnAFullDisk(t *testing.T) {
	top := t.TempDir()
	file := func(name string) string { return filepath.Join(top, name) }
	full, usual := false, createLock
	t.Cleanup(func() { createLock = usual })
	createLock = func(path string) (*os.File, error) {
		if _, err := os.Lstat(path); err != nil && full {
			return nil, &os.PathError{Op: "open", Path: path, Err: syscall.ENOSPC}
		}
		return usual(path)
	}
	held, err := tryLock(top, file("held"))
	require.NoError(t, err)
	require.NotNil(t, held)

	full = true
	web, err := tryLock(top, file("web"))
	require.NoError(t, err)
	require.NotNil(t, web, "on a full disk")
	require.NoFileExists(t, file("web"))
	busy := func(name string) {
		t.Helper()
		other, err := tryLock(top, file(name))
		require.NoError(t, err)
		require.Nil(t, other, name)
	}
	busy("web")
	busy("held")
	busy("db") // one at a time

	full = false // there is space again
	busy("web")
	unlockFile(web)
	require.DirExists(t, top)
	web, err = tryLock(top, file("web"))
	require.NoError(t, err)
	require.NotNil(t, web)

	full = true
	busy("web") // it has a file
	unlockFile(web)
	unlockFile(held)
	web, err = tryLock(top, file("web"))
	require.NoError(t, err)
	require.NotNil(t, web)
	unlockFile(web)
}
