package atomicfile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A hundred killed writers must not keep the next from finding a name.
func TestClean(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "config.json")
	for range attempts {
		_, f, err := create(system{}, path)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	for _, other := range []string{".config.json.x.tmp", ".config.json.1", "config.json.1.tmp", ".fstab.0.tmp"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, other), nil, 0o600))
	}
	require.Error(t, Write(path, []byte("new"), 0o644))
	n, err := Clean(path)
	require.NoError(t, err)
	require.Equal(t, attempts, n)
	require.NoError(t, Write(path, []byte("new"), 0o644))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 5)
	n, err = Clean(filepath.Join(dir, "nothing", "here"))
	require.NoError(t, err)
	require.Zero(t, n)
}
