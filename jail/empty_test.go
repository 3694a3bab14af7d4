package jail_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/release"
)

// An empty jail was taken for one with its configuration in ZFS properties, to
// which it was saved, and its start failed with words about that.
func TestEmptyJailWasTakenForOneInZFSProperties(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j, err := jail.New(ctx, h.Host, jail.Spec{Name: "web"})
	require.NoError(t, err)
	_, err = j.Create(ctx, jail.CreateOptions{Empty: true})
	require.NoError(t, err)
	var listed []*jail.Jail
	for j, err := range jail.List(ctx, h.Host) {
		require.NoError(t, err)
		listed = append(listed, j)
	}
	require.Len(t, listed, 1)
	for _, j := range []*jail.Jail{j, listed[0], loaded(t, ctx, h, "web")} {
		require.Empty(t, j.Config().Keys())
		require.Equal(t, config.JSON, j.Config().Format())
	}
	before := world(t, h)
	_, err = j.Start(ctx, jail.StartOptions{})
	require.ErrorIs(t, err, jail.ErrConfig)
	require.ErrorContains(t, err, j.RootDataset())
	_, err = j.Restart(ctx, jail.RestartOptions{Shutdown: true, Force: true})
	require.ErrorIs(t, err, jail.ErrConfig)
	requireSame(t, before, world(t, h))
	require.NoError(t, j.Config().Set("notes", "mine"))
	require.NoError(t, j.Save(ctx))
	require.FileExists(t, filepath.Join(j.Path(), config.JSONFile))
	_, err = loaded(t, ctx, h, "web").Destroy(ctx, jail.DestroyOptions{})
	require.NoError(t, err)
}

// A basejail made from scratch has no release: the start failed with a name that
// is empty, of nobody knows what.
func TestScratchBasejailNamesTheMissingProperty(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	for _, kind := range []string{"nullfs", "zfs"} {
		j, err := jail.New(ctx, h.Host, jail.Spec{Name: kind})
		require.NoError(t, err)
		_, err = j.Create(ctx, jail.CreateOptions{Scratch: true, Basejail: true, BasejailType: kind})
		require.NoError(t, err)
		before := world(t, h)
		_, err = j.Start(ctx, jail.StartOptions{})
		require.ErrorIs(t, err, jail.ErrConfig)
		var name *release.NameError
		require.ErrorAs(t, err, &name)
		require.ErrorContains(t, err, ": release: ")
		requireSame(t, before, world(t, h))
	}
}
