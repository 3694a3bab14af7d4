package jail_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/zfsstore"
)

// lateStore lets somebody replace a dataset when all of the library has looked, as late
// as at the call that destroys it.
type lateStore struct {
	zfsstore.Store
	dataset string
	made    zfsstore.Dataset
}

func (s *lateStore) Destroy(ctx context.Context, name string, o zfsstore.DestroyOptions) error {
	if name == s.dataset && s.made.GUID == 0 {
		err := errors.Join(
			s.Rename(ctx, name, simhost.Pool+"/away", zfsstore.RenameOptions{}),
			s.Create(ctx, name, zfsstore.CreateOptions{}),
		)
		if err == nil {
			s.made, err = s.Get(ctx, name, zfsstore.GetOptions{})
		}
		if err != nil {
			return err
		}
	}
	return s.Store.Destroy(ctx, name, o)
}

// TestReplacedAsLateAsDestroy: a destroy, and the undo of a create, destroyed the dataset
// that somebody had made in the jail's place between the look at the guid and the call.
func TestReplacedAsLateAsDestroy(t *testing.T) {
	for _, undo := range []bool{false, true} {
		h := newHost(t)
		web := newJail(t, h, "web", false, nil)
		store := &lateStore{Store: h.Store, dataset: web.Dataset()}
		if undo {
			_, err := web.Destroy(t.Context(), jail.DestroyOptions{})
			require.NoError(t, err)
			crash := plan.WithFault(t.Context(), func(p plan.Point) error {
				if p.Step.Kind == "clone" && p.Phase == "do" {
					return plan.ErrCrash
				}
				return nil
			})
			again, err := jail.New(t.Context(), h.Host, jail.Spec{Name: "web"})
			require.NoError(t, err)
			_, err = again.Create(crash, jail.CreateOptions{Release: testRelease})
			require.ErrorIs(t, err, plan.ErrCrash)
		}
		h.Store = store
		var err error
		if undo {
			_, err = jail.Recover(t.Context(), h.Host)
		} else {
			_, err = web.Destroy(t.Context(), jail.DestroyOptions{})
		}
		require.NoError(t, err)
		h.Store = store.Store
		require.NotZero(t, store.made.GUID)
		now, err := h.Store.Get(t.Context(), store.dataset, zfsstore.GetOptions{})
		require.NoError(t, err)
		require.Equal(t, store.made.GUID, now.GUID)
		require.True(t, now.Mounted)
		require.NoError(t, h.Store.Destroy(t.Context(), store.dataset, zfsstore.DestroyOptions{}))
		require.NoError(t, h.Store.Destroy(t.Context(), simhost.Pool+"/away", zfsstore.DestroyOptions{Recursive: true}))
	}
}

// hastyStore lets somebody replace a dataset as soon as it was made.
type hastyStore struct {
	zfsstore.Store
	dataset, at string // at is where the other one is mounted
}

func (s *hastyStore) Create(ctx context.Context, name string, o zfsstore.CreateOptions) error {
	err := s.Store.Create(ctx, name, o)
	if err != nil || name != s.dataset || s.at != "" {
		return err
	}
	err = errors.Join(
		s.Rename(ctx, name, simhost.Pool+"/away", zfsstore.RenameOptions{}),
		s.Store.Create(ctx, name, zfsstore.CreateOptions{}),
	)
	d, gerr := s.Get(ctx, name, zfsstore.GetOptions{})
	s.at = d.Mountpoint
	return errors.Join(err, gerr)
}

// TestReplacedAsSoonAsMade: a create took what somebody had put in place of the dataset
// that it had just made for its own, and wrote its configuration there.
func TestReplacedAsSoonAsMade(t *testing.T) {
	h := newHost(t)
	web, err := jail.New(t.Context(), h.Host, jail.Spec{Name: "web"})
	require.NoError(t, err)
	store := &hastyStore{Store: h.Store, dataset: web.Dataset()}
	h.Store = store
	_, err = web.Create(t.Context(), jail.CreateOptions{Release: testRelease})
	require.ErrorIs(t, err, jail.ErrReplaced)
	entries, err := os.ReadDir(store.at)
	require.NoError(t, err)
	require.Empty(t, entries)
}
