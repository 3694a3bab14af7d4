package step

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/fault"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
	"github.com/libioc/go-libioc/zfsstore"
	"github.com/libioc/go-libioc/zfsstore/simzfs"
)

// beforeCreate is a store in which somebody does something before a dataset is made.
type beforeCreate struct {
	zfsstore.Store
	do func(name string)
}

func (s beforeCreate) Create(ctx context.Context, name string, o zfsstore.CreateOptions) error {
	s.do(name)
	return s.Store.Create(ctx, name, o)
}

// TestCreateInParents: parents that were taken back in the meantime are made again.
func TestCreateInParents(t *testing.T) {
	step := CreateDataset{Dataset: "zroot/p/q/new", Parents: []string{"zroot/p", "zroot/p/q"}, Made: byUs}

	t.Run("missing", func(t *testing.T) {
		h := newHost(t)
		require.NoError(t, perform(t, h, step).err)
		require.True(t, exists(t, h, step.Dataset))
	})
	t.Run("taken back again", func(t *testing.T) {
		h := newHost(t)
		again := true
		h.Store = beforeCreate{h.ZFS, func(name string) {
			if name == "zroot/p/q" && again {
				again = false
				require.NoError(t, h.ZFS.Destroy(t.Context(), "zroot/p", zfsstore.DestroyOptions{}))
			}
		}}
		require.NoError(t, perform(t, h, step).err)
		require.False(t, again)
		require.True(t, exists(t, h, step.Dataset))
	})
	t.Run("nothing to make them in", func(t *testing.T) {
		h := newHost(t)
		ctx, cancel := context.WithCancel(t.Context())
		made := 0
		h.Store = beforeCreate{h.ZFS, func(string) {
			if made++; made > 3 {
				cancel() // or else it would try forever
			}
		}}
		lost := step
		lost.Parents = lost.Parents[1:]
		err := probed(t, h, func(_ context.Context, e Env, c *plan.Call) error { return lost.Do(ctx, e, c) })
		require.ErrorIs(t, err, zfsstore.ErrParentNotFound)
		require.Equal(t, 2, made, "the dataset and its parent, once")
	})
	for _, op := range []string{"zroot/p", "zroot/p/q"} {
		t.Run("refused "+op, func(t *testing.T) {
			h := newHost(t)
			h.ZFS.Fail(t, fault.Fault{Op: simzfs.OpCreate, Match: op, Err: errProbe})
			require.ErrorIs(t, perform(t, h, step).err, errProbe)
			require.False(t, exists(t, h, step.Dataset))
		})
	}
}

// TestDatasetStepsFail: a call that fails is the step's failure.
func TestDatasetStepsFail(t *testing.T) {
	snapshot := func(t testing.TB, h *simhost.Host) {
		makes(t, h, "zroot/web")
		require.NoError(t, h.ZFS.Snapshot(t.Context(), "zroot/web@one", zfsstore.SnapshotOptions{}))
	}
	cloned := func(t testing.TB, h *simhost.Host) {
		snapshot(t, h)
		require.NoError(t, h.ZFS.Clone(t.Context(), "zroot/web@one", "zroot/clone", zfsstore.CloneOptions{}))
	}
	clone := Clone{Made: byUs, Clones: []CloneTarget{{"zroot/web@one", "zroot/new"}}}
	for _, c := range []struct {
		name    string
		setup   func(t testing.TB, h *simhost.Host)
		step    func(t testing.TB, h *simhost.Host) plan.Action[Env]
		zfs, op string
	}{
		{"create dataset", nil, same(CreateDataset{Dataset: "zroot/new", Made: byUs}), "", simkernel.OpGetfsstat},
		{"clone", snapshot, same(clone), simzfs.OpClone, ""},
		{"clone root", snapshot, same(ForkRoot{Root: "zroot/web", Snapshot: "fork", Target: "zroot/new", Made: byUs}), "", simkernel.OpGetfsstat},
		{"rename dataset", snapshot, func(t testing.TB, h *simhost.Host) plan.Action[Env] {
			return RenameDataset{From: "zroot/web", To: "zroot/new", GUID: guidIn(t, h, "zroot/web")}
		}, "", simkernel.OpGetfsstat},
		{"promote", cloned, func(t testing.TB, h *simhost.Host) plan.Action[Env] {
			return Promote{Dataset: "zroot/clone", GUID: guidIn(t, h, "zroot/clone"), Origin: "zroot/web"}
		}, simzfs.OpPromote, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHost(t)
			if c.setup != nil {
				c.setup(t, h)
			}
			a := c.step(t, h)
			f := fault.Fault{Op: c.op, Nth: 1, Err: errProbe}
			if c.op != "" {
				h.Sim.Fail(t, f)
			} else {
				f.Op = c.zfs
				h.ZFS.Fail(t, f)
			}
			require.ErrorIs(t, perform(t, h, a).err, errProbe)
			require.False(t, exists(t, h, "zroot/new"))
		})
	}
}

// same is a step that is the same on every host.
func same(a plan.Action[Env]) func(testing.TB, *simhost.Host) plan.Action[Env] {
	return func(testing.TB, *simhost.Host) plan.Action[Env] { return a }
}

// TestRenameIsNotUndone: a dataset whose former name is taken keeps the new one. If the
// operation itself has put something there, that is undone first, some time.
func TestRenameIsNotUndone(t *testing.T) {
	for _, c := range []struct {
		name   string
		step   *CreateDataset
		theirs string // what somebody makes in the meantime
		left   bool   // for a later recovery
	}{
		{"by somebody else", &CreateDataset{Dataset: "zroot/other", Made: byUs}, "zroot/web", false},
		{"by the operation", &CreateDataset{Dataset: "zroot/web", Made: byUs}, "zroot/web/theirs", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHost(t)
			makes(t, h, "zroot/web")
			guid := guidIn(t, h, "zroot/web")
			out := takeBack(t, h, func() { makes(t, h, c.theirs) }, RenameDataset{From: "zroot/web", To: "zroot/shop", GUID: guid}, *c.step)
			require.ErrorIs(t, out.err, errProbe)
			require.ErrorContains(t, out.err, "undo rename dataset")
			require.Equal(t, c.left, out.left)
			require.Equal(t, guid, guidIn(t, h, "zroot/shop"))
		})
	}
}

// TestHeldTree: what holds a tree is looked for from its deepest file system up. File
// systems of the tree itself do not count.
func TestHeldTree(t *testing.T) {
	ctx := context.Background()
	tmpfs := func(at string) func(t testing.TB, h *simhost.Host) {
		return func(t testing.TB, h *simhost.Host) {
			path := filepath.Join(mountedAt(t, h, "zroot/a"), at)
			require.NoError(t, os.Mkdir(path, 0o755))
			_, err := h.Sim.Nmount(ctx, kernel.MountRequest{Type: "tmpfs", From: "tmpfs", Path: path})
			require.NoError(t, err)
		}
	}
	jailIn := func(dataset string) func(t testing.TB, h *simhost.Host) {
		return func(t testing.TB, h *simhost.Host) { runs(t, h, "one", dataset) }
	}
	busy := func(t testing.TB, h *simhost.Host) {
		id := runs(t, h, "one", "zroot/a/b")
		process(t, h, id, "sleeper")
		process(t, h, id, "sleeper")
	}
	dies := func(t testing.TB, h *simhost.Host) {
		id := runs(t, h, "one", "zroot/a/b")
		_, err := h.Sim.HoldDying(id)
		require.NoError(t, err)
		require.NoError(t, h.Sim.JailRemove(ctx, id))
	}
	for _, c := range []struct {
		name  string
		setup func(t testing.TB, h *simhost.Host)
		at    string // which dataset is held
		check func(t testing.TB, held *jailerr.HeldError)
	}{
		{"nothing", nil, "zroot/a", func(t testing.TB, held *jailerr.HeldError) { require.Empty(t, held.Mounts) }},
		{"mount below", tmpfs("b/m"), "zroot/a/b", func(t testing.TB, held *jailerr.HeldError) { require.Len(t, held.Mounts, 1) }},
		{"mount above", tmpfs("m"), "zroot/a", func(t testing.TB, held *jailerr.HeldError) { require.Len(t, held.Mounts, 1) }},
		{"jail", jailIn("zroot/a/b"), "zroot/a/b", func(t testing.TB, held *jailerr.HeldError) { require.Equal(t, []string{"one"}, held.Jails) }},
		{"processes", busy, "zroot/a/b", func(t testing.TB, held *jailerr.HeldError) { require.Len(t, held.Processes, 2) }},
		{"dying jail", dies, "zroot/a/b", func(t testing.TB, held *jailerr.HeldError) { require.Equal(t, []string{"one"}, held.Dying) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHost(t)
			makes(t, h, "zroot/a", "zroot/a/b")
			if c.setup != nil {
				c.setup(t, h)
			}
			err := heldTree(ctx, envOf(h), "zroot/a", errProbe)
			held, ok := errors.AsType[*jailerr.HeldError](err)
			require.True(t, ok, "%v", err)
			require.ErrorIs(t, err, errProbe)
			require.Equal(t, mountedAt(t, h, c.at), held.Path)
			c.check(t, held)
		})
	}

	h := newHost(t)
	require.Equal(t, errProbe, heldTree(ctx, envOf(h), "zroot/nosuch", errProbe), "nothing is mounted")
	makes(t, h, "zroot/a")
	kernelFails(t, h, simkernel.OpJailGet)
	runs := heldTree(ctx, envOf(h), "zroot/a", os.ErrPermission)
	require.ErrorIs(t, runs, os.ErrPermission)
}

// TestUnmountTreeMountsAgain: when one file system of a tree cannot be unmounted, those
// that were are mounted again, also one whose unmount was only said to have failed.
func TestUnmountTreeMountsAgain(t *testing.T) {
	for _, after := range []bool{false, true} {
		h := newHost(t)
		makes(t, h, "zroot/other", "zroot/a", "zroot/a/b", "zroot/a/b/c")
		restore := h.ZFS.Fail(t, fault.Fault{Op: simzfs.OpUnmount, Match: "zroot/a/b", Err: errProbe, After: after})
		unmounted, err := unmountTree(t.Context(), envOf(h), "zroot/a")
		restore()
		require.ErrorIs(t, err, errProbe)
		require.Empty(t, unmounted)
		for _, name := range []string{"zroot/a", "zroot/a/b", "zroot/a/b/c"} {
			require.NotEmpty(t, mountedAt(t, h, name), "%s, after %v", name, after)
		}
	}
}

// TestNamesAreChecked: a plan with a name that ZFS cannot have is refused, wherever it is.
func TestNamesAreChecked(t *testing.T) {
	good := CreateDataset{Dataset: "zroot/new"}
	for _, bad := range []plan.Action[Env]{
		CreateDataset{Dataset: "zroot/a b!"}, Snapshot{Snapshot: "zroot/a@b@c"}, SaveRoot{Snapshot: "zroot/a@"},
		Clone{Clones: []CloneTarget{{"zroot/a@one", "zroot/b"}, {"zroot/a@one", "zroot//c"}}},
		ForkRoot{Root: "zroot/a", Snapshot: "one", Target: "/zroot"}, MoveRoot{To: "zroot/"}, RenameDataset{To: "zroot/%"},
	} {
		var l List
		l.Add(good, bad)
		_, err := l.Plan("test", "web", nil)
		require.ErrorIs(t, err, zfsstore.ErrInvalidName, "%#v", bad)
	}
	var l List
	l.Add(good, RemoveJail{})
	_, err := l.Plan("test", "web", nil)
	require.NoError(t, err)
}
