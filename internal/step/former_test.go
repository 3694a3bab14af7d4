package step

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/internal/saferoot"
)

// TestUnchangedFileIsNotWritten: what a full disk kept from being changed is not
// written again when it is put back, which the same disk would refuse.
func TestUnchangedFileIsNotWritten(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "config.json")
	root, err := saferoot.Open(dir)
	require.NoError(t, err)
	defer root.Close()
	require.NoError(t, os.WriteFile(path, []byte("{}"), 0o644))
	was, err := ReadFormer(root, "config.json", MostFormer)
	require.NoError(t, err)
	before, err := os.Stat(path)
	require.NoError(t, err)
	require.NoError(t, was.restore(root, "config.json"))
	after, err := os.Stat(path)
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after), "it was replaced")

	require.NoError(t, os.WriteFile(path, []byte(`{"id": "web"}`), 0o644))
	require.NoError(t, was.restore(root, "config.json"))
	now, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "{}", string(now))
}
