package jailtest

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/zfsstore"
)

// BaseOfRelease is the dataset that [CopyBase] copies the base directories to.
const BaseOfRelease = simhost.Dataset + "/base/" + Release + "/root"

// CopyBase makes the base datasets of [Release].
func CopyBase(t testing.TB, h *simhost.Host) {
	t.Helper()
	ctx := context.Background()
	rel, err := release.New(ctx, h.Host, Release, "")
	require.NoError(t, err)
	require.NoError(t, events.Wait(ctx, rel.CopyBase(ctx, release.CopyBaseOptions{})))
}

// FewBases makes base datasets of two directories, so that tests with many starts
// are quick.
func FewBases(t testing.TB, h *simhost.Host) {
	t.Helper()
	CopyBase(t, h)
	for _, dir := range release.Basedirs() {
		if dir == "bin" || dir == "usr/bin" {
			continue
		}
		if err := h.Store.Destroy(context.Background(), BaseOfRelease+"/"+dir, zfsstore.DestroyOptions{}); err != nil {
			require.ErrorIs(t, err, zfsstore.ErrNotFound)
		}
	}
}

// ToProperties moves a jail's configuration to ZFS properties, where
// iocage_legacy 1.7 has it.
func ToProperties(t testing.TB, h *simhost.Host, j *jail.Jail) {
	t.Helper()
	ctx := context.Background()
	j, err := jail.Load(ctx, h.Host, j.Name())
	require.NoError(t, err)
	own, _, err := j.Config().Convert(config.ZFS)
	require.NoError(t, err)
	props, err := own.Properties()
	require.NoError(t, err)
	require.NoError(t, h.Store.Set(ctx, j.Dataset(), props))
	require.NoError(t, os.Remove(filepath.Join(j.Path(), config.JSONFile)))
}
