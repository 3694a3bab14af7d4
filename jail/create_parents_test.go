package jail_test

import (
	"context"
	"errors"
	"path"
	"testing"
	"time"

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

// parentlessStore lets somebody destroy a dataset before another is cloned into it.
type parentlessStore struct {
	zfsstore.Store
	parent string
}

func (s parentlessStore) Clone(ctx context.Context, snapshot, target string, o zfsstore.CloneOptions) error {
	if path.Dir(target) == s.parent {
		err := s.Destroy(ctx, s.parent, zfsstore.DestroyOptions{Recursive: true})
		if err != nil && !errors.Is(err, zfsstore.ErrNotFound) {
			return err
		}
	}
	return s.Store.Clone(ctx, snapshot, target, o)
}

// TestCloneWhoseDatasetWasDestroyed: a clone of a jail ran until its context ended when
// somebody had destroyed its dataset before its root was cloned.
func TestCloneWhoseDatasetWasDestroyed(t *testing.T) {
	h := newHost(t)
	newJail(t, h, "web", false, nil)
	second, err := jail.New(t.Context(), h.Host, jail.Spec{Name: "second"})
	require.NoError(t, err)
	h.Store = parentlessStore{h.Store, second.Dataset()}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err = second.CloneFromJail(ctx, jail.CloneOptions{Jail: "web"})
	require.ErrorIs(t, err, zfsstore.ErrParentNotFound)
	require.NoError(t, ctx.Err())
}
