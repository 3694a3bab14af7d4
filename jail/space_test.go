package jail_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/zfsstore"
)

func TestSpace(t *testing.T) {
	ctx := context.Background()
	h, err := simhost.New(memoryDir(t))
	require.NoError(t, err)
	t.Cleanup(func() { h.Close() })
	all, err := jail.Spaces(ctx, h.Host)
	require.NoError(t, err)
	require.Empty(t, all, "no jail was ever made")

	dataset := simhost.Dataset + "/jails/web"
	require.NoError(t, h.ZFS.Create(ctx, dataset, zfsstore.CreateOptions{
		Parents: true, Properties: map[string]string{"quota": "2147483648", "compression": "lz4"},
	}))
	j, err := jail.Load(ctx, h.Host, "web")
	require.NoError(t, err)
	one, err := j.Space(ctx)
	require.NoError(t, err)
	all, err = jail.Spaces(ctx, h.Host)
	require.NoError(t, err)
	require.Equal(t, map[string]jail.Space{dataset: one}, all)
	for property, want := range map[string]string{
		"quota": "2G", "reservation": "none", "compression": "lz4", "compressratio": "1.00x", "origin": "-",
	} {
		got, ok := one.Text(property)
		require.True(t, ok)
		require.Equal(t, want, got, property)
	}
	_, ok := one.Text("vnet")
	require.False(t, ok)

	require.NoError(t, h.ZFS.Destroy(ctx, dataset, zfsstore.DestroyOptions{}))
	_, err = j.Space(ctx)
	require.ErrorIs(t, err, jail.ErrNotFound)
}

// TestSpaceText: numbers as zfs(8) prints them.
func TestSpaceText(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0B", 1023: "1023B", 1024: "1K", 96 << 10: "96K", 1772093: "1.69M", 89549468467: "83.4G",
		426 << 30: "426G", 1<<40 + 1: "1.00T", 1<<20 - 1: "1024K", 1 << 63: "8E",
	} {
		got, _ := jail.Space{Used: n}.Text("used")
		require.Equal(t, want, got)
	}
}

func TestDefaults(t *testing.T) {
	ctx := context.Background()
	h, err := simhost.New(memoryDir(t))
	require.NoError(t, err)
	t.Cleanup(func() { h.Close() })
	c, _, err := jail.Defaults(ctx, h.Host, "")
	require.NoError(t, err)
	require.Empty(t, c.Keys())

	// iocage_legacy keeps them as properties.
	legacy := simhost.Dataset + "/.defaults"
	require.NoError(t, h.ZFS.Create(ctx, legacy, zfsstore.CreateOptions{
		Properties: map[string]string{"org.freebsd.iocage:priority": "7"},
	}))
	c, space, err := jail.Defaults(ctx, h.Host, "")
	require.NoError(t, err)
	text, _ := c.GetString("priority")
	require.Equal(t, "7", text)
	require.Contains(t, space.Mountpoint, ".defaults")

	// A file comes first.
	root, err := h.Mountpoint(ctx, simhost.Dataset)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(root, "defaults.json"), []byte(`{"priority": "9"}`), 0o644))
	c, space, err = jail.Defaults(ctx, h.Host, "")
	require.NoError(t, err)
	text, _ = c.GetString("priority")
	require.Equal(t, "9", text)
	require.Equal(t, root, space.Mountpoint)

	// Save wrote config.json, which nothing reads there.
	require.NoError(t, c.Set("priority", "10"))
	require.NoError(t, c.Save(space.Mountpoint))
	again, _, err := jail.Defaults(ctx, h.Host, "")
	require.NoError(t, err)
	text, _ = again.GetString("priority")
	require.Equal(t, "10", text)
	require.NoFileExists(t, filepath.Join(root, "config.json"))
	require.ErrorIs(t, c.ReplaceIn(root), config.ErrNotStorable)
	require.NoError(t, os.Remove(filepath.Join(root, "defaults.json")))

	legacyDefaults, _, err := jail.Defaults(ctx, h.Host, "")
	require.NoError(t, err)
	require.NoError(t, legacyDefaults.Set("priority", "11"))
	require.ErrorIs(t, legacyDefaults.Save(root), config.ErrNotStorable)

	require.NoError(t, h.ZFS.Destroy(ctx, legacy, zfsstore.DestroyOptions{}))
	fresh, space, err := jail.Defaults(ctx, h.Host, "")
	require.NoError(t, err)
	require.NoError(t, fresh.Set("priority", "12"))
	require.NoError(t, fresh.Save(space.Mountpoint))
	again, _, err = jail.Defaults(ctx, h.Host, "")
	require.NoError(t, err)
	text, _ = again.GetString("priority")
	require.Equal(t, "12", text)

	require.NoError(t, os.WriteFile(filepath.Join(root, "defaults.json"), []byte(`{`), 0o644))
	_, _, err = jail.Defaults(ctx, h.Host, "")
	require.Error(t, err)
	_, _, err = jail.Defaults(ctx, h.Host, "nosuch")
	require.Error(t, err)
}
