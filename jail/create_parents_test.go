package jail_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/zfsstore"
)

// TestCreateWhileTheFirstOneFails: another create has made the dataset of all jails, fails
// and takes it back before this one makes its own in it. This one ended with
// zfsstore.ErrParentNotFound.
func TestCreateWhileTheFirstOneFails(t *testing.T) {
	const jails = "zroot/iocage/jails"
	for name, o := range map[string]jail.CreateOptions{"empty": {Empty: true}, "of a release": {Release: testRelease}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			h := bareHost(t)
			before := world(t, h)
			for _, fails := range []bool{true, false} {
				require.NoError(t, h.Store.Create(ctx, jails, zfsstore.CreateOptions{}))
				taken := false
				during := plan.WithFault(ctx, func(p plan.Point) error {
					switch {
					case p.Phase == "do" && p.Step.Kind == "create dataset" && !taken:
						taken = true
						assert.NoError(t, h.Store.Destroy(ctx, jails, zfsstore.DestroyOptions{}))
					case p.Phase == "done" && fails && taken:
						return errInjected
					}
					return nil
				})
				j, err := jail.New(ctx, h.Host, jail.Spec{Name: "web"})
				require.NoError(t, err)
				_, err = j.Create(during, o)
				require.True(t, taken)
				if fails {
					require.ErrorIs(t, err, errInjected)
					requireSame(t, before, world(t, h)) // it takes back what it made in its turn
					continue
				}
				require.NoError(t, err)
				loaded(t, ctx, h, "web")
			}
		})
	}
}
