package release_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/zfsstore"
)

func TestCopyBase(t *testing.T) {
	ctx := context.Background()
	h, rel := updateHost(t, &updater{})
	copyBase := func() error { return events.Wait(ctx, rel.CopyBase(ctx, release.CopyBaseOptions{})) }
	require.NoError(t, copyBase())
	root, err := h.Mountpoint(ctx, rel.RootDataset())
	require.NoError(t, err)
	for _, dir := range release.Basedirs() {
		dataset := rel.BaseDataset() + "/root/" + dir
		at, err := h.Mountpoint(ctx, dataset)
		require.NoError(t, err)
		require.Equal(t, strip(tree(t, filepath.Join(root, dir)), filepath.Join(root, dir)), strip(tree(t, at), at), dir)
	}
	require.NoError(t, h.Store.Snapshot(ctx, rel.BaseDataset()+"/root/bin@web", zfsstore.SnapshotOptions{}))

	// A new level replaces it; without clones the former one is destroyed.
	require.NoError(t, copyBase())
	require.Equal(t, []string{rel.BaseDataset()}, bases(t, h.ZFS, rel))
	require.NoError(t, h.Store.Snapshot(ctx, rel.BaseDataset()+"/root/bin@web", zfsstore.SnapshotOptions{}))
	require.NoError(t, h.Store.Create(ctx, rel.Source().Dataset+"/jails", zfsstore.CreateOptions{}))
	require.NoError(t, h.Store.Clone(ctx, rel.BaseDataset()+"/root/bin@web", rel.Source().Dataset+"/jails/bin", zfsstore.CloneOptions{}))
	require.NoError(t, copyBase())
	require.Len(t, bases(t, h.ZFS, rel), 2)
	_, err = os.Stat(filepath.Join(root, "bin"))
	require.NoError(t, err)

	other, err := release.New(ctx, h.Host, "14.0-RELEASE", "")
	require.NoError(t, err)
	require.ErrorIs(t, events.Wait(ctx, other.CopyBase(ctx, release.CopyBaseOptions{})), release.ErrNotFetched)
}

func bases(t *testing.T, store zfsstore.Store, rel *release.Release) (names []string) {
	t.Helper()
	sets, err := store.List(context.Background(), rel.Source().Dataset+"/base", zfsstore.ListOptions{Depth: 1, Types: []zfsstore.Type{zfsstore.Filesystem}})
	require.NoError(t, err)
	for _, d := range sets[1:] {
		names = append(names, d.Name)
	}
	return names
}

func strip(lines []string, prefix string) (out []string) {
	for _, l := range lines {
		name := strings.TrimPrefix(l, prefix)
		if filepath.Separator == '/' && strings.Contains(name, " d") {
			// The size of a directory is the file system's own matter.
			name = name[:strings.LastIndex(name, " ")]
		}
		out = append(out, name)
	}
	return out
}
