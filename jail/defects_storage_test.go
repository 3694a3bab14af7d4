package jail_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/fault"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/zfsstore"
)

// Defects of libioc and losses of data that users of other jail managers have
// reported, each with a test of its name.

func own(t *testing.T, ctx context.Context, h *simhost.Host, name string) *config.Config {
	t.Helper()
	return loaded(t, ctx, h, name).Config()
}

// libioc renames the snapshot that a jail's root was cloned from, which is the
// release's @pN: the release then has lost that patch level.
func TestLibiocRenameKeepsTheReleasesSnapshot(t *testing.T) {
	ctx := context.Background()
	h := storageHost(t)
	before, err := h.Store.Get(ctx, "zroot/iocage/releases/"+testRelease+"/root@p0", zfsstore.GetOptions{})
	require.NoError(t, err)
	j := loaded(t, ctx, h, "web")
	_, err = j.Rename(ctx, jail.RenameOptions{Name: "shop"})
	require.NoError(t, err)
	require.Equal(t, "shop", j.Name())
	require.Equal(t, "shop", j.FullName())
	after, err := h.Store.Get(ctx, "zroot/iocage/releases/"+testRelease+"/root@p0", zfsstore.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, before.GUID, after.GUID)
	require.Contains(t, after.Clones, "zroot/iocage/jails/shop/root")

	id, _ := own(t, ctx, h, "shop").Raw("id")
	require.Equal(t, "shop", id)
	zfs, _ := own(t, ctx, h, "shop").Raw("jail_zfs_dataset")
	require.Equal(t, "zroot/iocage/jails/shop/data", zfs)
	_, err = j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	_, err = j.Rename(ctx, jail.RenameOptions{Name: "other"})
	require.ErrorIs(t, err, jail.ErrRunning)
}

func TestRenameRefuses(t *testing.T) {
	ctx := context.Background()
	h := storageHost(t)
	j := loaded(t, ctx, h, "web")
	for name, want := range map[string]error{
		"golden": jail.ErrExists, "web": jail.ErrExists, "": jail.ErrInvalidName, "a b": jail.ErrInvalidName, "a/b": jail.ErrInvalidName,
	} {
		_, err := j.Rename(ctx, jail.RenameOptions{Name: name})
		require.ErrorIs(t, err, want, "%q", name)
		require.Equal(t, "web", j.Name())
	}
}

// libioc replaces path prefixes of an fstab as text, so /jails/web is found in
// /jails/webb, and drops lines that it cannot read.
func TestLibiocRenameComparesWholeComponentsAndKeepsLines(t *testing.T) {
	ctx := context.Background()
	h := storageHost(t)
	j := loaded(t, ctx, h, "web")
	old := j.Path()
	text := "# a comment\n" + old + "/data\t" + old + "/root/mnt\tnullfs\trw\t0\t0\n" +
		old + "b/data /media nullfs ro # kept\nnot an fstab line\n" + old + " /jail\\040s nullfs ro 0 0"
	require.NoError(t, os.WriteFile(filepath.Join(old, "fstab"), []byte(text), 0o644))
	_, err := j.Rename(ctx, jail.RenameOptions{Name: "shop"})
	require.NoError(t, err)
	now := j.Path()
	require.Equal(t, filepath.Join(filepath.Dir(old), "shop"), now)
	data, err := os.ReadFile(filepath.Join(now, "fstab"))
	require.NoError(t, err)
	require.Equal(t, "# a comment\n"+now+"/data\t"+now+"/root/mnt\tnullfs\trw\t0\t0\n"+
		old+"b/data /media nullfs ro # kept\nnot an fstab line\n"+now+"\t/jail\\040s\tnullfs\tro\t0\t0", string(data))
}

// libioc rewrites a clone's fstab to paths without /root, and copies
// host_hostuuid and MAC addresses.
func TestLibiocCloneIsItsOwnJail(t *testing.T) {
	ctx := context.Background()
	h := storageHost(t)
	clone, err := jail.New(ctx, h.Host, jail.Spec{Name: "second", Properties: map[string]string{"user.team": "web"}})
	require.NoError(t, err)
	_, err = clone.CloneFromJail(ctx, jail.CloneOptions{Jail: "web"})
	require.NoError(t, err)
	web, second := own(t, ctx, h, "web"), own(t, ctx, h, "second")
	a, _ := web.Raw("host_hostuuid")
	b, _ := second.Raw("host_hostuuid")
	require.NotEmpty(t, b)
	require.NotEqual(t, a, b)
	for key, want := range map[string]string{
		"id": "second", "user.team": "web", "jail_zfs_dataset": "zroot/iocage/jails/second/data", "interfaces": "vnet0:bridge0",
	} {
		got, _ := second.Raw(key)
		require.Equal(t, want, got, key)
	}
	require.True(t, web.Has("vnet0_mac"))
	require.False(t, second.Has("vnet0_mac"))
	require.False(t, second.Has("host_hostname"), "it was only the other's name")
	data, err := os.ReadFile(filepath.Join(clone.Path(), "fstab"))
	require.NoError(t, err)
	require.Contains(t, string(data), clone.Path()+"/data\t"+clone.Path()+"/root/mnt\t")
	require.Contains(t, string(data), loaded(t, ctx, h, "web").Path()+"b/data", "a sibling's path stays")

	// The snapshot goes with the clone.
	_, err = clone.Destroy(ctx, jail.DestroyOptions{})
	require.NoError(t, err)
	left, err := loaded(t, ctx, h, "web").Snapshots(ctx)
	require.NoError(t, err)
	require.Empty(t, left)
}

// libioc goes over all snapshots of the tree, newest first, and so ends at the
// oldest one, having destroyed the newer.
func TestLibiocRollbackEndsAtTheSnapshotAskedFor(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	for _, name := range []string{"one", "two", "three"} {
		require.NoError(t, os.WriteFile(filepath.Join(root, "etc/motd"), []byte(name), 0o644))
		_, err := j.CreateSnapshot(ctx, jail.SnapshotOptions{Name: name})
		require.NoError(t, err)
	}
	_, err = j.RollbackSnapshot(ctx, jail.RollbackOptions{Name: "two"})
	require.ErrorIs(t, err, jail.ErrNewerSnapshots)
	var refused *jail.SnapshotError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, []string{"zroot/iocage/jails/web@three", "zroot/iocage/jails/web/root@three"}, refused.Newer)

	_, err = j.RollbackSnapshot(ctx, jail.RollbackOptions{Name: "two", Newer: true})
	require.NoError(t, err)
	data, err := os.ReadFile(filepath.Join(root, "etc/motd"))
	require.NoError(t, err)
	require.Equal(t, "two", string(data))
	require.True(t, hasSnapshot(t, ctx, j, "one"))
	require.True(t, hasSnapshot(t, ctx, j, "two"))
	require.False(t, hasSnapshot(t, ctx, j, "three"))
	_, err = h.Store.Get(ctx, "zroot/iocage/releases/"+testRelease+"/root@p0", zfsstore.GetOptions{})
	require.NoError(t, err, "the release's own")
}

// libioc's guard of a rollback tests the wrong object and never refuses.
func TestLibiocRollbackRefusesARunningJail(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)
	_, err := j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	_, err = j.CreateSnapshot(ctx, jail.SnapshotOptions{Name: "live"})
	require.NoError(t, err, "a running jail can be snapshotted")
	_, err = j.RollbackSnapshot(ctx, jail.RollbackOptions{Name: "live"})
	require.ErrorIs(t, err, jail.ErrRunning)
}

// A rollback does not destroy what was cloned from a newer snapshot.
func TestRollbackSparesClones(t *testing.T) {
	ctx := context.Background()
	h := storageHost(t)
	snapshotted("one")(t, ctx, h)
	cloned(t, ctx, h)
	j := loaded(t, ctx, h, "web")
	_, err := j.RollbackSnapshot(ctx, jail.RollbackOptions{Name: "one", Newer: true})
	require.ErrorIs(t, err, jail.ErrDependants)
	loaded(t, ctx, h, "second")
}

// libioc stamps snapshots with the hour of a 12-hour clock where the minute
// belongs, so that their names do not sort.
func TestLibiocSnapshotNamesSort(t *testing.T) {
	ctx := context.Background()
	now := time.Date(2026, 1, 2, 9, 58, 0, 0, time.UTC)
	h, err := simhost.Open(simhost.Options{Dir: memoryDir(t), Clock: func() time.Time { return now }})
	require.NoError(t, err)
	t.Cleanup(func() { h.Close() })
	fetch(t, h)
	j := newJail(t, h, "web", false, nil)
	var last string
	for range 4 {
		_, err := j.CreateSnapshot(ctx, jail.SnapshotOptions{})
		require.NoError(t, err)
		all, err := j.Snapshots(ctx)
		require.NoError(t, err)
		name := all[len(all)-1].Name
		require.Greater(t, name, last)
		last = name
		now = now.Add(61 * time.Minute)
	}
}

// libioc forces the template's basejail on what is made of it, and copies its
// UUID; a template must be one.
func TestLibiocTemplateLeavesTheCallersChoice(t *testing.T) {
	ctx := context.Background()
	h := storageHost(t)
	j, err := jail.New(ctx, h.Host, jail.Spec{Name: "second", Properties: map[string]string{"basejail": "no"}})
	require.NoError(t, err)
	_, err = j.Create(ctx, jail.CreateOptions{Template: "golden"})
	require.NoError(t, err)
	second, golden := own(t, ctx, h, "second"), own(t, ctx, h, "golden")
	require.False(t, loaded(t, ctx, h, "second").IsBasejail())
	require.True(t, loaded(t, ctx, h, "golden").IsBasejail())
	a, _ := golden.Raw("host_hostuuid")
	b, _ := second.Raw("host_hostuuid")
	require.NotEqual(t, a, b)
	require.NoError(t, loaded(t, ctx, h, "second").RequireNotTemplate())
	addr, _ := second.Raw("ip4_addr")
	require.Equal(t, "em0|192.0.2.9/24", addr)
	_, err = j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)

	third, err := jail.New(ctx, h.Host, jail.Spec{Name: "third"})
	require.NoError(t, err)
	_, err = third.Create(ctx, jail.CreateOptions{Template: "web"})
	require.ErrorIs(t, err, jail.ErrNotTemplate)
	_, err = third.Create(ctx, jail.CreateOptions{})
	require.ErrorIs(t, err, jail.ErrCreateFrom)
	_, err = third.Create(ctx, jail.CreateOptions{Empty: true, Scratch: true})
	require.ErrorIs(t, err, jail.ErrCreateFrom)
}

// ioc's create ignores --empty.
func TestIocCreateEmpty(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	for name, o := range map[string]jail.CreateOptions{"empty": {Empty: true}, "scratch": {Scratch: true}} {
		j, err := jail.New(ctx, h.Host, jail.Spec{Name: name})
		require.NoError(t, err)
		_, err = j.Create(ctx, o)
		require.NoError(t, err)
		_, err = h.Mountpoint(ctx, j.RootDataset())
		_, conf := os.Stat(filepath.Join(j.Path(), config.JSONFile))
		if o.Empty {
			require.ErrorIs(t, err, host.ErrNotMounted)
			require.ErrorIs(t, conf, os.ErrNotExist)
		} else {
			require.NoError(t, errors.Join(err, conf))
			loaded(t, ctx, h, name)
		}
	}
}

// libioc clones the newest patch level though another was pinned.
func TestLibiocCreateHonoursThePinnedPatchLevel(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	root := "zroot/iocage/releases/" + testRelease + "/root"
	for _, p := range []string{"@p1", "@p2"} {
		require.NoError(t, h.Store.Snapshot(ctx, root+p, zfsstore.SnapshotOptions{}))
	}
	for release, want := range map[string]string{testRelease: "@p2", testRelease + "-p1": "@p1"} {
		j, err := jail.New(ctx, h.Host, jail.Spec{Name: "web" + want[1:]})
		require.NoError(t, err)
		_, err = j.Create(ctx, jail.CreateOptions{Release: release})
		require.NoError(t, err)
		d, err := h.Store.Get(ctx, j.RootDataset(), zfsstore.GetOptions{})
		require.NoError(t, err)
		require.Equal(t, root+want, d.Origin)
		snapshot, err := loaded(t, ctx, h, j.Name()).ReleaseSnapshot(ctx)
		require.NoError(t, err)
		require.Equal(t, root+want, snapshot)
	}
}

// libioc compares the host's UUID as text with an object, so a jail with
// hostid_strict_check never starts again.
func TestLibiocHostIDStrictCheck(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, map[string]string{"hostid_strict_check": "yes"})
	require.NoError(t, j.RequireHostID(ctx))
	id, _ := j.Config().Raw("hostid")
	require.NoError(t, j.Config().Set("hostid", strings.ToUpper(id)))
	require.NoError(t, j.RequireHostID(ctx), "whatever the spelling")
	require.NoError(t, j.Config().Set("hostid", "00000000-0000-0000-0000-000000000001"))
	require.ErrorIs(t, j.RequireHostID(ctx), jail.ErrHostID)
}

// libioc promotes whatever has an origin: a release's snapshots move into the
// jail.
func TestLibiocPromoteLeavesTheRelease(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)
	_, err := j.Promote(ctx, jail.PromoteOptions{})
	require.ErrorIs(t, err, zfsstore.ErrNotClone)
	_, err = h.Store.Get(ctx, "zroot/iocage/releases/"+testRelease+"/root@p0", zfsstore.GetOptions{})
	require.NoError(t, err)
}

// A jail that something was cloned from names all of it, and goes once it is
// promoted.
func TestDestroyNamesDependants(t *testing.T) {
	ctx := context.Background()
	h := storageHost(t)
	cloned(t, ctx, h)
	web := loaded(t, ctx, h, "web")
	before := world(t, h)
	_, err := web.Destroy(ctx, jail.DestroyOptions{})
	require.ErrorIs(t, err, jail.ErrDependants)
	require.ErrorIs(t, err, zfsstore.ErrHasDependents)
	var all *jail.DependantsError
	require.ErrorAs(t, err, &all)
	require.Len(t, all.Dependants, 3, "the dataset, root and data")
	var one *host.ClonedError
	require.ErrorAs(t, err, &one)
	requireSame(t, before, world(t, h))

	_, err = loaded(t, ctx, h, "second").Promote(ctx, jail.PromoteOptions{})
	require.NoError(t, err)
	_, err = web.Destroy(ctx, jail.DestroyOptions{})
	require.NoError(t, err)
	_, err = loaded(t, ctx, h, "second").Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
}

// iocage#399: a rollback removed config.json.
func TestIocage399RollbackKeepsTheConfiguration(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)
	path := filepath.Join(j.Path(), config.JSONFile)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.Remove(path)) // a snapshot of before the file came to be
	require.NoError(t, h.Store.Snapshot(ctx, j.Dataset()+"@early", zfsstore.SnapshotOptions{Recursive: true}))
	require.NoError(t, os.WriteFile(path, data, 0o644))
	_, err = j.RollbackSnapshot(ctx, jail.RollbackOptions{Name: "early"})
	require.NoError(t, err)
	now, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(data), string(now))
	loaded(t, ctx, h, "web")
}

// iocage#520: a snapshot of a running jail could not be cloned.
func TestIocage520CloneOfASnapshot(t *testing.T) {
	ctx := context.Background()
	h := storageHost(t)
	web := loaded(t, ctx, h, "web")
	root, err := web.RootPath(ctx)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(root, "etc/motd"), []byte("then"), 0o644))
	snapshotted("then")(t, ctx, h)
	require.NoError(t, os.WriteFile(filepath.Join(root, "etc/motd"), []byte("now"), 0o644))
	require.NoError(t, web.Config().Set("user.team", "now"))
	require.NoError(t, web.Save(ctx))
	j, err := jail.New(ctx, h.Host, jail.Spec{Name: "second"})
	require.NoError(t, err)
	_, err = j.CloneFromJail(ctx, jail.CloneOptions{Jail: "web", Snapshot: "then"})
	require.NoError(t, err)
	path, err := j.RootPath(ctx)
	require.NoError(t, err)
	data, err := os.ReadFile(filepath.Join(path, "etc/motd"))
	require.NoError(t, err)
	require.Equal(t, "then", string(data))
	team, _ := j.Config().Raw("user.team")
	require.Equal(t, "db", team)
	third, err := jail.New(ctx, h.Host, jail.Spec{Name: "third"})
	require.NoError(t, err)
	_, err = third.CloneFromJail(ctx, jail.CloneOptions{Jail: "web", Snapshot: "never"})
	require.ErrorIs(t, err, jail.ErrSnapshotNotFound)
}

// Bastille#966: destroyed jails came back after a reboot.
func TestBastille966DestroyedJailsStayDestroyed(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", true, nil)
	_, err := j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	_, err = j.Destroy(ctx, jail.DestroyOptions{Force: true})
	require.NoError(t, err)
	require.NoError(t, h.Reboot())
	_, err = jail.Recover(ctx, h.Host)
	require.NoError(t, err)
	for j := range jail.List(ctx, h.Host) {
		t.Errorf("%s is back", j.Name())
	}
}

// Bastille#1205, #903: a create went on after zfs create had failed.
func TestBastille1205CreateEndsWithTheFirstFailure(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	for _, op := range []string{"create", "clone"} {
		before := world(t, h)
		h.ZFS.ForgetCalls()
		cancel := h.ZFS.Fail(t, fault.Fault{Op: op, Err: errInjected})
		_, err := second(ctx, h).Create(ctx, jail.CreateOptions{Release: testRelease})
		cancel()
		require.ErrorIs(t, err, errInjected)
		requireSame(t, before, world(t, h))
		failed := false
		for _, c := range h.ZFS.Calls() {
			require.False(t, failed && (c.Op == "create" || c.Op == "clone"), "went on with %v", c.Args)
			failed = failed || c.Op == op
		}
		require.True(t, failed)
	}
}

// iocage#407, #936, #1050, libioc#622, cbsd#777: mounts that a stop has left
// kept the jail from being destroyed.
func TestIocage407DestroyTakesLeftMountsAway(t *testing.T) {
	ctx := context.Background()
	h, j := faultHost(t, true)
	_, err := j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	id, err := j.Identity(ctx)
	require.NoError(t, err)
	require.NoError(t, h.Kernel.JailRemove(ctx, id)) // by somebody else: the mounts stay
	_, err = j.Destroy(ctx, jail.DestroyOptions{})
	require.NoError(t, err)
	mounts, err := h.Mounts(ctx)
	require.NoError(t, err)
	for _, m := range mounts {
		require.NotContains(t, m.Path, "jails/web")
	}
}

// What an interrupted rename left is cleared by the next operation on either
// name, before anything runs under the wrong one.
func TestInterruptedRenameIsClearedUnderBothNames(t *testing.T) {
	for _, through := range []string{"web", "shop"} {
		t.Run(through, func(t *testing.T) {
			ctx := context.Background()
			h := storageHost(t)
			j := loaded(t, ctx, h, "web")
			_, err := j.Rename(plan.WithFault(ctx, at(0, "done", plan.ErrCrash)), jail.RenameOptions{Name: "shop"})
			require.ErrorIs(t, err, plan.ErrCrash)
			found := loaded(t, ctx, h, "shop")
			if through == "web" {
				found = j
			}
			_, err = found.Start(ctx, jail.StartOptions{})
			if through == "web" {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, jail.ErrNotFound, "it has its old name back")
			}
			id, _ := own(t, ctx, h, "web").Raw("id")
			require.Equal(t, "web", id)
			require.NoFileExists(t, h.JournalPath("ioc", "jail", "web"))
		})
	}
}

// The jail that is being cloned is locked: it is not renamed or rolled back
// under the clone.
func TestCloneLocksItsSource(t *testing.T) {
	ctx := context.Background()
	h := storageHost(t)
	web := loaded(t, ctx, h, "web")
	j, err := jail.New(ctx, h.Host, jail.Spec{Name: "second"})
	require.NoError(t, err)
	_, err = j.CloneFromJail(plan.WithFault(ctx, func(p plan.Point) error {
		if p.Phase == "do" {
			_, err := web.Rename(ctx, jail.RenameOptions{Name: "shop"})
			assert.ErrorIs(t, err, jail.ErrBusy)
		}
		return nil
	}), jail.CloneOptions{Jail: "web"})
	require.NoError(t, err)
}

// After a crash between a step's intent and its effect somebody else makes a
// dataset of the name: it is not destroyed for the journal's.
func TestRecoverLeavesWhatSomebodyElseMade(t *testing.T) {
	ctx := context.Background()
	h := storageHost(t)
	for _, c := range []struct {
		step    int
		name    string
		prepare func() error
		run     func(ctx context.Context) error
	}{
		{
			step: 0, name: "zroot/iocage/jails/second",
			run: func(ctx context.Context) error {
				_, err := second(context.Background(), h).Create(ctx, jail.CreateOptions{Release: testRelease})
				return err
			},
		},
		{
			step: 0, name: "zroot/iocage/jails/web@now",
			run: func(ctx context.Context) error {
				_, err := loaded(t, context.Background(), h, "web").CreateSnapshot(ctx, jail.SnapshotOptions{Name: "now"})
				return err
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.ErrorIs(t, c.run(plan.WithFault(ctx, at(c.step, "do", plan.ErrCrash))), plan.ErrCrash)
			if strings.Contains(c.name, "@") {
				require.NoError(t, h.Store.Snapshot(ctx, c.name, zfsstore.SnapshotOptions{}))
			} else {
				require.NoError(t, h.Store.Create(ctx, c.name, zfsstore.CreateOptions{}))
			}
			_, err := jail.Recover(ctx, h.Host)
			require.NoError(t, err)
			_, err = h.Store.Get(ctx, c.name, zfsstore.GetOptions{})
			require.NoError(t, err, "it was destroyed")
		})
	}
}

func TestLoadByShortUUID(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	const a, b = "6f2c1a9e-0000-4000-8000-000000000001", "6f2c1a9e-0000-4000-8000-000000000002"
	newJail(t, h, a, false, nil)
	j := loaded(t, ctx, h, "6f2c1a9e")
	require.Equal(t, a, j.Name())
	require.Equal(t, "6f2c1a9e", j.HumanReadableName())
	require.Equal(t, a, loaded(t, ctx, h, "ioc/6F2C1A9E").Name())
	newJail(t, h, b, false, nil)
	_, err := jail.Load(ctx, h.Host, "6f2c1a9e")
	require.ErrorIs(t, err, jail.ErrAmbiguous)
	var many *jail.AmbiguousError
	require.ErrorAs(t, err, &many)
	require.Equal(t, []string{"ioc/" + a, "ioc/" + b}, many.Matches)
	require.Equal(t, b, loaded(t, ctx, h, b).Name())
	newJail(t, h, "6f2c1a9e", false, nil)
	require.Equal(t, "6f2c1a9e", loaded(t, ctx, h, "6f2c1a9e").Name(), "the whole name wins")
	_, err = jail.Load(ctx, h.Host, "6f2c1a9f")
	require.ErrorIs(t, err, jail.ErrNotFound)
}

func TestCloneToDatasetRefuses(t *testing.T) {
	ctx := context.Background()
	h := storageHost(t)
	ownDataset("zroot/copy")(t, ctx, h)
	j := loaded(t, ctx, h, "web")
	for name, want := range map[string]error{
		"zroot/iocage/jails/x": jail.ErrReserved, "zroot/iocage/releases": jail.ErrReserved, "zroot/iocage": jail.ErrReserved,
		"zroot": jail.ErrReserved, "tank/x": zfsstore.ErrCrossPool, "zroot/copy": zfsstore.ErrExists,
	} {
		before := world(t, h)
		_, err := j.CloneToDataset(ctx, jail.CloneToDatasetOptions{Dataset: name})
		require.ErrorIs(t, err, want, name)
		requireSame(t, before, world(t, h))
	}
}

type fakeProvisioner struct{ err error }

func (p fakeProvisioner) Provision(ctx context.Context, j *jail.Jail, o jail.ProvisionRequest) error {
	o.Progress(events.PuppetApplyEvent{Jail: j.FullName()})
	if _, err := j.Start(ctx, jail.StartOptions{}); err != nil { // no lock is in the way
		return err
	}
	_, err := j.Stop(ctx, jail.StopOptions{})
	return errors.Join(err, p.err)
}

func TestProvision(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, map[string]string{"provision.method": "puppet", "provision.source": "/srv/puppet"})
	methods := map[string]jail.Provisioner{"puppet": fakeProvisioner{}}
	all, err := j.Provision(ctx, jail.ProvisionOptions{Methods: methods})
	require.NoError(t, err)
	require.Equal(t, "JailProvisioning", events.TypeOf(all[len(all)-1]))
	require.Equal(t, "PuppetApplyEvent", events.TypeOf(all[1]))
	methods["puppet"] = fakeProvisioner{errInjected}
	_, err = j.Provision(ctx, jail.ProvisionOptions{Methods: methods})
	require.ErrorIs(t, err, errInjected)
	_, err = j.Provision(ctx, jail.ProvisionOptions{})
	require.ErrorIs(t, err, jail.ErrProvisionMethod)
	require.NoError(t, j.Config().Set("provision.source", "none"))
	_, err = j.Provision(ctx, jail.ProvisionOptions{Methods: methods})
	require.ErrorIs(t, err, jail.ErrProvisionSource)
}

func TestMembers(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", true, nil)
	for key, want := range map[string]string{
		"name": "web", "running": "no", "jid": "-", "release": testRelease, "basejail": "yes", "user.none": "", "ip4_addr": "-", "boot": "no",
	} {
		got, err := j.GetString(key)
		require.NoError(t, err, key)
		require.Equal(t, want, got, key)
	}
	_, err := j.GetString("nonsense")
	require.ErrorIs(t, err, config.ErrUnknownProperty)
	require.True(t, key.Basejail.Of(j.Effective()))
	rel, err := j.Release(ctx)
	require.NoError(t, err)
	require.Equal(t, testRelease, rel.FullName())
	require.Equal(t, j.Path()+"/launch-scripts/prestart.sh", j.HookScriptPath("prestart"))
	require.Equal(t, j.Path()+"/launch-scripts/.env", j.ScriptEnvPath())
	for kind, want := range map[string]jail.StorageBackend{"none": jail.NullFSBasejail, "nullfs": jail.NullFSBasejail, "zfs": jail.ZFSBasejail} {
		require.NoError(t, j.Config().Set("basejail_type", kind))
		got, err := j.StorageBackend()
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	require.NoError(t, j.Config().SetRaw("basejail_type", "unionfs"))
	require.ErrorIs(t, j.RequireStorageBackend(), jail.ErrConfig)
	file, err := j.Fstab(ctx)
	require.NoError(t, err)
	require.Empty(t, file.Entries())

	require.NoError(t, j.RequireExisting(ctx))
	require.ErrorIs(t, j.RequireNotExisting(ctx), jail.ErrExists)
	require.NoError(t, j.RequireStopped(ctx))
	require.ErrorIs(t, j.RequireRunning(ctx), jail.ErrNotRunning)
	require.ErrorIs(t, j.RequireTemplate(), jail.ErrNotTemplate)
	require.NoError(t, j.RequireNotTemplate())
	none := second(ctx, h)
	require.ErrorIs(t, none.RequireExisting(ctx), jail.ErrNotFound)
	require.NoError(t, none.RequireNotExisting(ctx))
}

// A legacy jail's ZFS properties are saved where they were read.
func TestSaveOfZFSProperties(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)
	require.NoError(t, os.Remove(filepath.Join(j.Path(), config.JSONFile)))
	require.NoError(t, h.Store.Set(ctx, j.Dataset(), map[string]string{
		"org.freebsd.iocage:host_hostname": "old", "org.freebsd.iocage:notes": "kept", "org.freebsd.iocage:boot": "on",
	}))
	j = loaded(t, ctx, h, "web")
	require.NoError(t, j.Config().Set("host_hostname", "new"))
	j.Config().Unset("boot")
	require.NoError(t, j.Save(ctx))
	d, err := h.Store.Get(ctx, j.Dataset(), zfsstore.GetOptions{Properties: []string{zfsstore.AllProperties}})
	require.NoError(t, err)
	require.Equal(t, "new", d.Properties["org.freebsd.iocage:host_hostname"].Value)
	require.Equal(t, "kept", d.Properties["org.freebsd.iocage:notes"].Value)
	require.NotContains(t, d.Properties, "org.freebsd.iocage:boot")
	require.NoFileExists(t, filepath.Join(j.Path(), config.JSONFile))
	require.False(t, loaded(t, ctx, h, "web").Config().Changed(), fmt.Sprint(d.Properties))
}
