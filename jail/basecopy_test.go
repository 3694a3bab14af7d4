package jail_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/release/releasetest"
	"github.com/libioc/go-libioc/zfsstore"
)

// copies are the names of the bases that were set aside.
func copies(t *testing.T, h *simhost.Host) (names []string) {
	t.Helper()
	sets, err := h.Store.List(context.Background(), "zroot/iocage/base", zfsstore.ListOptions{Depth: 1, Types: []zfsstore.Type{zfsstore.Filesystem}})
	require.NoError(t, err)
	for _, d := range sets {
		if name := strings.TrimPrefix(d.Name, "zroot/iocage/base/"); strings.HasPrefix(name, testRelease+"-") {
			names = append(names, name)
		}
	}
	return names
}

// copiedAgain has jails that were started from a base which was set aside since.
func copiedAgain(t *testing.T, names ...string) (h *simhost.Host, jails []*jail.Jail, former string) {
	t.Helper()
	h = newHost(t)
	fewBases(t, h)
	for _, name := range names {
		j := newJail(t, h, name, true, map[string]string{"basejail_type": "zfs", "exec_start": "none", "exec_stop": "none"})
		start(t, j)
		_, err := j.Stop(context.Background(), jail.StopOptions{})
		require.NoError(t, err)
		jails = append(jails, j)
	}
	copyBase(t, h)
	require.Len(t, copies(t, h), 1)
	return h, jails, copies(t, h)[0]
}

// TestCopyOfBaseGoesWithItsLastJail: a base that was set aside is destroyed with the last
// jail that was cloned from it: when that is destroyed, or moves to another base. Before,
// all copies stayed.
func TestCopyOfBaseGoesWithItsLastJail(t *testing.T) {
	ctx := context.Background()
	restart := func(t *testing.T, j *jail.Jail) { start(t, j) }
	destroy := func(t *testing.T, j *jail.Jail) {
		_, err := j.Destroy(ctx, jail.DestroyOptions{Force: true})
		require.NoError(t, err)
	}
	nullfs := func(t *testing.T, j *jail.Jail) {
		require.NoError(t, j.Config().Set("basejail_type", "nullfs"))
		require.NoError(t, j.Save(ctx))
		start(t, j)
	}
	for _, c := range []struct {
		name        string
		first, last func(t *testing.T, j *jail.Jail)
	}{
		{"destroy, destroy", destroy, destroy},
		{"start, destroy", restart, destroy},
		{"destroy, start", destroy, restart},
		{"start, start", restart, restart},
		{"start, start as nullfs", restart, nullfs},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, jails, former := copiedAgain(t, "web", "db")
			c.first(t, jails[0])
			require.Equal(t, []string{former}, copies(t, h), "a jail is cloned from it, though it does not run")
			require.NotEmpty(t, datasets(t, h, jails[1].BaseDataset()))
			c.last(t, jails[1])
			require.Empty(t, copies(t, h))
			_, err := h.Store.Get(ctx, baseOfRelease+"/bin", zfsstore.GetOptions{})
			require.NoError(t, err, "the base of the release is gone")
		})
	}
}

// TestCopyOfBaseStays: a copy that somebody needs stays, and the operation on the jail
// succeeds.
func TestCopyOfBaseStays(t *testing.T) {
	ctx := context.Background()
	destroy := func(t *testing.T, h *simhost.Host, j *jail.Jail) {
		t.Helper()
		all, err := j.Destroy(ctx, jail.DestroyOptions{Force: true})
		require.NoError(t, err)
		told := ""
		for _, e := range all {
			told += e.Head().Message
		}
		require.Equal(t, len(copies(t, h)), strings.Count(told, " stays: "), told)
	}

	t.Run("a jail names it", func(t *testing.T) {
		h, jails, former := copiedAgain(t, "web")
		pinned := newJail(t, h, "pinned", true, map[string]string{"basejail_type": "zfs", "exec_start": "none", "exec_stop": "none"})
		require.NoError(t, pinned.Config().Set("release", former))
		require.NoError(t, pinned.Save(ctx))
		destroy(t, h, jails[0])
		require.Equal(t, []string{former}, copies(t, h))
		start(t, pinned) // it can be used
		d, err := h.Store.Get(ctx, pinned.BaseDataset()+"/bin", zfsstore.GetOptions{})
		require.NoError(t, err)
		require.Contains(t, d.Origin, former)
		start(t, newJail(t, h, "other", true, map[string]string{"basejail_type": "zfs"}))
		destroy(t, h, loaded(t, ctx, h, "other"))
		require.Equal(t, []string{former}, copies(t, h))
		destroy(t, h, pinned)
		require.Empty(t, copies(t, h))
	})

	t.Run("a jail that never started names it", func(t *testing.T) {
		h, jails, former := copiedAgain(t, "web")
		pinned := newJail(t, h, "pinned", true, map[string]string{"basejail_type": "zfs"})
		require.NoError(t, pinned.Config().Set("release", former))
		require.NoError(t, pinned.Save(ctx))
		destroy(t, h, jails[0])
		require.Equal(t, []string{former}, copies(t, h))
		destroy(t, h, pinned)
		require.Empty(t, copies(t, h))
	})

	t.Run("another program's clone", func(t *testing.T) {
		h, jails, former := copiedAgain(t, "web")
		require.NoError(t, h.Store.Clone(ctx, "zroot/iocage/base/"+former+"/root/bin@ioc-base", "zroot/mine", zfsstore.CloneOptions{}))
		destroy(t, h, jails[0])
		require.Equal(t, []string{former}, copies(t, h))
		require.NotEmpty(t, datasets(t, h, "zroot/mine"))
	})

	t.Run("mounted elsewhere", func(t *testing.T) {
		h, jails, former := copiedAgain(t, "web")
		from, err := h.Mountpoint(ctx, "zroot/iocage/base/"+former+"/root/bin")
		require.NoError(t, err)
		at := t.TempDir()
		_, err = h.Sim.Nmount(ctx, kernel.MountRequest{Type: "nullfs", From: from, Path: at})
		require.NoError(t, err)
		before := datasets(t, h, "zroot/iocage/base/"+former)
		destroy(t, h, jails[0])
		require.Equal(t, before, datasets(t, h, "zroot/iocage/base/"+former))
		mounts, err := h.Mounts(ctx)
		require.NoError(t, err)
		_, ok := mounts.At(at)
		require.True(t, ok, "unmounted by force")
	})

	t.Run("a dataset of somebody else is in it", func(t *testing.T) {
		h, jails, former := copiedAgain(t, "web")
		mine := "zroot/iocage/base/" + former + "/mine"
		require.NoError(t, h.Store.Create(ctx, mine, zfsstore.CreateOptions{}))
		destroy(t, h, jails[0])
		require.Equal(t, []string{mine}, datasets(t, h, mine))
	})

	t.Run("made by hand", func(t *testing.T) {
		h, jails, _ := copiedAgain(t, "web")
		const mine = testRelease + "-20260102T030405.000Z"
		require.NoError(t, h.Store.Create(ctx, "zroot/iocage/base/"+mine, zfsstore.CreateOptions{}))
		destroy(t, h, jails[0])
		require.Equal(t, []string{mine}, copies(t, h))
	})

	t.Run("of a release with such a name", func(t *testing.T) {
		h, jails, _ := copiedAgain(t, "web")
		const odd = testRelease + "-20260102T030405.000Z"
		rel, err := release.New(ctx, h.Host, odd, "")
		require.NoError(t, err)
		require.NoError(t, releasetest.Fetch(ctx, h.Host, odd))
		require.NoError(t, events.Wait(ctx, rel.CopyBase(ctx, release.CopyBaseOptions{})))
		destroy(t, h, jails[0])
		require.Equal(t, []string{odd}, copies(t, h))
	})
}

// TestCopyOfBaseWhileTheReleaseIsBusy: the former base of a CopyBase that was interrupted,
// or still runs, stays: its undo puts it back.
func TestCopyOfBaseWhileTheReleaseIsBusy(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	fewBases(t, h)
	web := zfsBasejail(t, h, "web")
	start(t, web)
	want := datasets(t, h, baseOfRelease)
	rel, err := release.New(ctx, h.Host, testRelease, "")
	require.NoError(t, err)
	crash := plan.WithFault(ctx, func(p plan.Point) error {
		if p.Step.Kind == "copy base" && p.Phase == "do" {
			return plan.ErrCrash
		}
		return nil
	})
	require.ErrorIs(t, events.Wait(ctx, rel.CopyBase(crash, release.CopyBaseOptions{})), plan.ErrCrash)
	former := copies(t, h)
	require.Len(t, former, 1)

	busy, cancel := context.WithCancel(ctx)
	cancel()
	unlock, err := h.Lock(ctx, "ioc/release/"+testRelease, "test", host.BusyFail)
	require.NoError(t, err)
	dataset := "zroot/iocage/base/" + former[0]
	require.ErrorIs(t, rel.DropFormerBase(busy, dataset, jail.Dependants(h.Host)), host.ErrBusy)
	unlock()
	require.ErrorIs(t, rel.DropFormerBase(ctx, dataset, jail.Dependants(h.Host)), host.ErrBusy)

	_, err = web.Destroy(ctx, jail.DestroyOptions{Force: true})
	require.NoError(t, err)
	require.Equal(t, former, copies(t, h))
	_, err = release.Recover(ctx, h.Host, jail.NewRunner(h.Host))
	require.NoError(t, err)
	require.Empty(t, copies(t, h))
	require.Subset(t, datasets(t, h, baseOfRelease), want, "the base was not put back")
}
