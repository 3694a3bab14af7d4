package jail_test

import (
	"context"
	"errors"
	"os"
	"path"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/zfsstore"
)

// renameStore lets something happen when a dataset is renamed, once, and can be dead
// after it, as for a program that was killed.
type renameStore struct {
	zfsstore.Store
	from   string
	rename func(ctx context.Context, to string) error
	done   bool
	dead   bool
}

func (s *renameStore) Rename(ctx context.Context, from, to string, o zfsstore.RenameOptions) error {
	if s.dead {
		return plan.ErrCrash
	}
	if from == s.from && !s.done {
		s.done = true
		return s.rename(ctx, to)
	}
	return s.Store.Rename(ctx, from, to, o)
}

func (s *renameStore) Get(ctx context.Context, name string, o zfsstore.GetOptions) (zfsstore.Dataset, error) {
	if s.dead {
		return zfsstore.Dataset{}, plan.ErrCrash
	}
	if err := ctx.Err(); err != nil {
		return zfsstore.Dataset{}, err
	}
	return s.Store.Get(ctx, name, o)
}

func (s *renameStore) Mount(ctx context.Context, dataset string) error {
	if s.dead {
		return plan.ErrCrash
	}
	return s.Store.Mount(ctx, dataset)
}

// swap puts another dataset in the place of the one that is about to be renamed, which is
// renamed then.
func (s *renameStore) swap(ctx context.Context, to string) error {
	return errors.Join(
		s.Store.Rename(ctx, s.from, simhost.Pool+"/away", zfsstore.RenameOptions{}),
		s.Create(ctx, s.from, zfsstore.CreateOptions{}),
		s.Store.Rename(ctx, s.from, to, zfsstore.RenameOptions{}),
	)
}

// TestRenameOfAnothersDataset: a dataset that somebody puts in place of the jail's at the
// moment of zfs-rename(8) gets its name back. It kept the other one if the program was
// killed or the caller gave up just then, and if that was the rename of an undo.
func TestRenameOfAnothersDataset(t *testing.T) {
	for _, test := range []struct {
		name           string
		killed, gaveUp bool
		undo           bool
	}{
		{name: "killed", killed: true},
		{name: "caller gave up", gaveUp: true},
		{name: "undo", undo: true},
		{name: "undo, killed", undo: true, killed: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			h := newHost(t)
			web := newJail(t, h, "web", false, nil)
			store := &renameStore{Store: h.Store, from: web.Dataset()}
			store.rename = func(ctx context.Context, to string) error {
				err := store.swap(context.WithoutCancel(ctx), to)
				store.dead = test.killed
				if test.gaveUp {
					cancel()
				}
				return err
			}
			if test.undo {
				_, err := web.Rename(crashAt(ctx, "rename dataset", "done"), jail.RenameOptions{Name: "shop"})
				require.ErrorIs(t, err, plan.ErrCrash)
				store.from = path.Dir(web.Dataset()) + "/shop"
			}
			before := store.from
			h.Store = store
			var err error
			if test.undo {
				_, err = jail.Recover(ctx, h.Host)
			} else {
				_, err = web.Rename(ctx, jail.RenameOptions{Name: "shop"})
			}
			require.True(t, store.done)
			if test.killed {
				require.ErrorIs(t, err, plan.ErrCrash)
				store.dead = false
				_, err = jail.Recover(t.Context(), h.Host)
			}
			require.ErrorIs(t, err, jail.ErrReplaced)
			d, err := store.Get(t.Context(), before, zfsstore.GetOptions{})
			require.NoError(t, err)
			require.True(t, d.Mounted)
			_, err = jail.Recover(t.Context(), h.Host)
			require.NoError(t, err)
			h.Store = store.Store
			require.NoError(t, h.Store.Destroy(t.Context(), before, zfsstore.DestroyOptions{}))
			require.NoError(t, h.Store.Destroy(t.Context(), simhost.Pool+"/away", zfsstore.DestroyOptions{Recursive: true}))
		})
	}
}

// TestKilledRenameLeavesTheNewName: after a rename was killed, Recover took a dataset that
// somebody had made under the new name for one that the rename had moved, if the old name
// was free, and renamed it.
func TestKilledRenameLeavesTheNewName(t *testing.T) {
	for _, renamed := range []bool{false, true} {
		ctx := t.Context()
		h := newHost(t)
		web := newJail(t, h, "web", false, nil)
		shop := path.Dir(web.Dataset()) + "/shop"
		store := &renameStore{Store: h.Store, from: web.Dataset()}
		ours := web.Dataset()
		store.rename = func(ctx context.Context, to string) error {
			store.dead = true
			if renamed {
				ours = to
				return errors.Join(store.Store.Rename(ctx, store.from, to, zfsstore.RenameOptions{NoUnmount: true}), plan.ErrCrash)
			}
			return plan.ErrCrash
		}
		h.Store = store
		_, err := web.Rename(ctx, jail.RenameOptions{Name: "shop"})
		require.ErrorIs(t, err, plan.ErrCrash)
		require.True(t, store.done)
		store.dead = false
		require.NoError(t, h.Store.Destroy(ctx, ours, zfsstore.DestroyOptions{Recursive: true}))
		require.NoError(t, h.Store.Create(ctx, shop, zfsstore.CreateOptions{}))
		theirs, err := h.Store.Get(ctx, shop, zfsstore.GetOptions{})
		require.NoError(t, err)
		_, err = jail.Recover(ctx, h.Host)
		require.NoError(t, err)
		now, err := h.Store.Get(ctx, shop, zfsstore.GetOptions{})
		require.NoError(t, err)
		require.Equal(t, theirs.GUID, now.GUID)
		h.Store = store.Store
		require.NoError(t, h.Store.Destroy(ctx, shop, zfsstore.DestroyOptions{}))
	}
}

// TestUpgradeLeavesAnothersRoot: an upgrade moved away a root that somebody had put in
// place of the jail's while the updater ran.
func TestUpgradeLeavesAnothersRoot(t *testing.T) {
	ctx := t.Context()
	row := updateOperations()[1]
	require.Equal(t, "upgrade", row.name)
	h := row.setup(t)
	row.ready(t, ctx, h)
	root := loaded(t, ctx, h, "web").RootDataset()
	var theirs zfsstore.Dataset
	_, err := row.run(plan.WithFault(ctx, func(p plan.Point) error {
		if p.Step.Kind != "move root" || p.Phase != "do" || theirs.GUID != 0 {
			return nil
		}
		assert.NoError(t, h.Store.Rename(ctx, root, simhost.Pool+"/away", zfsstore.RenameOptions{}))
		assert.NoError(t, h.Store.Create(ctx, root, zfsstore.CreateOptions{}))
		var err error
		theirs, err = h.Store.Get(ctx, root, zfsstore.GetOptions{})
		assert.NoError(t, err)
		return nil
	}), h)
	require.ErrorIs(t, err, jail.ErrReplaced)
	d, err := h.Store.Get(ctx, root, zfsstore.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, theirs.GUID, d.GUID)
}

// TestRenameMountsAgain: a jail whose rename was undone stayed unmounted if zfs(8) had
// been killed after it had unmounted the jail, before or after it renamed it.
func TestRenameMountsAgain(t *testing.T) {
	for _, renamed := range []bool{false, true} {
		ctx := t.Context()
		h := newHost(t)
		web := newJail(t, h, "web", false, nil)
		require.NoError(t, h.Store.Create(ctx, web.RootDataset()+"/db", zfsstore.CreateOptions{}))
		before := world(t, h)
		store := &renameStore{Store: h.Store, from: web.Dataset()}
		store.rename = func(ctx context.Context, to string) error {
			store.dead = true
			err := store.Unmount(ctx, store.from, false)
			if renamed {
				err = errors.Join(err, store.Store.Rename(ctx, store.from, to, zfsstore.RenameOptions{NoUnmount: true}))
			}
			return errors.Join(err, plan.ErrCrash)
		}
		h.Store = store
		_, err := web.Rename(ctx, jail.RenameOptions{Name: "shop"})
		require.ErrorIs(t, err, plan.ErrCrash)
		store.dead = false
		_, err = h.Mountpoint(ctx, web.RootDataset())
		require.Error(t, err)
		_, err = jail.Recover(ctx, h.Host)
		require.NoError(t, err)
		requireSame(t, before, world(t, h))
		h.Store = store.Store
	}
}

// TestUndoOfAnUnmountedJail: the configuration of a jail whose rename was undone kept the
// new name if the jail's dataset was not mounted, and the journal was gone.
func TestUndoOfAnUnmountedJail(t *testing.T) {
	ctx := t.Context()
	h := newHost(t)
	web := newJail(t, h, "web", false, nil)
	_, err := web.Rename(crashAt(ctx, "write configuration", "done"), jail.RenameOptions{Name: "shop"})
	require.ErrorIs(t, err, plan.ErrCrash)
	require.NoError(t, h.Store.Unmount(ctx, path.Dir(web.Dataset())+"/shop", false))
	_, err = jail.Recover(ctx, h.Host)
	require.ErrorIs(t, err, host.ErrNotMounted)
	require.FileExists(t, h.JournalPath("ioc", "jail", "web"))
	_, err = jail.Recover(ctx, h.Host) // the undo of the rename has mounted it
	require.NoError(t, err)
	require.Equal(t, "web", configID(t, loaded(t, ctx, h, "web")))
}

// TestReplacedAsSoonAsRenamed: a rename wrote its configuration into a dataset that
// somebody had put in place of the jail's as soon as that had its new name.
func TestReplacedAsSoonAsRenamed(t *testing.T) {
	ctx := t.Context()
	h := newHost(t)
	web := newJail(t, h, "web", false, nil)
	shop := path.Dir(web.Dataset()) + "/shop"
	_, err := web.Rename(plan.WithFault(ctx, func(at plan.Point) error {
		if at.Step.Kind == "rename dataset" && at.Phase == "done" {
			assert.NoError(t, h.Store.Rename(ctx, shop, simhost.Pool+"/away", zfsstore.RenameOptions{}))
			assert.NoError(t, h.Store.Create(ctx, shop, zfsstore.CreateOptions{}))
		}
		return nil
	}), jail.RenameOptions{Name: "shop"})
	require.ErrorIs(t, err, jail.ErrReplaced)
	path, err := h.Mountpoint(ctx, shop)
	require.NoError(t, err)
	entries, err := os.ReadDir(path)
	require.NoError(t, err)
	require.Empty(t, entries)
}
