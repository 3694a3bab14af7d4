package simzfs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/zfsstore"
)

// TestWritten: who writes to a dataset with readonly=on is found, at once and after it was
// switched off again; the real ZFS refuses it.
func TestWritten(t *testing.T) {
	ctx := t.Context()
	z, err := New(Options{Pools: []Pool{{Name: "zroot", Altroot: t.TempDir()}}})
	require.NoError(t, err)
	require.NoError(t, z.Create(ctx, "zroot/a", zfsstore.CreateOptions{}))
	require.NoError(t, z.Create(ctx, "zroot/a/b", zfsstore.CreateOptions{}))
	d, err := z.Get(ctx, "zroot/a", zfsstore.GetOptions{})
	require.NoError(t, err)
	write := func(name string) {
		require.NoError(t, os.WriteFile(filepath.Join(d.Mountpoint, name), []byte(name), 0o644))
	}
	readonly := func(value string) {
		require.NoError(t, z.Set(ctx, "zroot/a", map[string]string{"readonly": value}))
	}
	write("before")
	readonly("on")
	write("b/in a dataset of its own")
	require.Empty(t, z.Written())
	readonly("off")
	write("between")
	readonly("on")
	require.Empty(t, z.Written())
	write("after")
	require.Equal(t, []string{"zroot/a"}, z.Written())
	require.NoError(t, z.Inherit(ctx, "zroot/a", "readonly", false))
	require.Equal(t, []string{"zroot/a"}, z.Written())
}
