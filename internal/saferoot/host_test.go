package saferoot

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHost(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "real"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "real", "file"), []byte("text"), 0o644))
	root, rel, err := Host(filepath.Join(dir, "real", ".", "file"))
	require.NoError(t, err)
	defer root.Close()
	f, err := root.OpenFile(rel, os.O_RDONLY, 0)
	require.NoError(t, err)
	data, err := io.ReadAll(f)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.Equal(t, "text", string(data))

	require.NoError(t, os.Symlink("real", filepath.Join(dir, "link")))
	root2, rel, err := Host(filepath.Join(dir, "link", "file"))
	require.NoError(t, err)
	defer root2.Close()
	_, err = root2.OpenFile(rel, os.O_RDONLY, 0)
	require.ErrorIs(t, err, ErrEscape)
	_, _, err = Host("real/file")
	require.ErrorIs(t, err, os.ErrInvalid)
}
