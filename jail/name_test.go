package jail_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/jail"
)

// libioc's rule for names lets characters through that ZFS does not allow: a create, a
// clone or a rename then failed with what zfs(8) said of a dataset.
func TestNamesThatNoDatasetCanHave(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	web := newJail(t, h, "web", false, nil)
	for _, name := range []string{"a>b", "a!b", "a(b)c", "a[b", "a]b", "a{b", "a}b", "a^b", "a<b", "a,b", "Grönke"} {
		require.NoError(t, config.ValidName(name), "libioc takes it")
		before := world(t, h)
		_, err := jail.New(ctx, h.Host, jail.Spec{Name: name})
		require.ErrorIs(t, err, jail.ErrInvalidName, name)
		require.ErrorContains(t, err, "a dataset's name cannot have '")
		_, err = web.Rename(ctx, jail.RenameOptions{Name: name})
		require.ErrorIs(t, err, jail.ErrInvalidName, name)
		requireSame(t, before, world(t, h))
		_, err = jail.Load(ctx, h.Host, name)
		require.ErrorIs(t, err, jail.ErrNotFound)
	}
	for _, name := range []string{"A.b-c_d", "6f2c1a9e-0000-4000-8000-000000000000"} {
		newJail(t, h, name, false, nil)
	}
}
