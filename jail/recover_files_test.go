package jail_test

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/jail"
)

// Recover knew the temporary files beside config.json and fstab alone, not those
// of a UCL configuration and of resolv.conf.
func TestRecoverLeftTemporaryFiles(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)
	ucl, _, err := j.Config().Convert(config.UCL)
	require.NoError(t, err)
	require.NoError(t, ucl.ReplaceIn(j.Path()))
	require.NoError(t, os.Remove(filepath.Join(j.Path(), config.JSONFile+".old")))
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	linked := newJail(t, h, "linked", false, nil)
	other, err := linked.RootPath(ctx)
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(filepath.Join(other, "etc")))
	require.NoError(t, os.Symlink(filepath.Join(root, "etc"), filepath.Join(other, "etc")))
	before := world(t, h)
	for _, path := range []string{
		filepath.Join(j.Path(), ".config.0.tmp"), filepath.Join(j.Path(), ".config.json.1.tmp"),
		filepath.Join(j.Path(), ".fstab.0.tmp"), filepath.Join(root, "etc", ".saferoot-"+rand.Text()),
	} {
		require.NoError(t, os.WriteFile(path, []byte("half"), 0o600))
	}
	_, err = jail.Recover(ctx, h.Host)
	require.NoError(t, err)
	requireSame(t, before, world(t, h))
}
