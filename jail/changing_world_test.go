package jail_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/fault"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/pause"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// changedWorld is a host on which an operation has crashed, and what somebody does to
// it by hand before the recovery.
type changedWorld struct {
	*simhost.Host
	row     operationRow
	kind    string // of the step that has crashed
	subject string // the jail of the journal
	journal string // its path
}

// worldChange is one thing that happens between a crash and the recovery.
type worldChange struct {
	name string
	// do does it, and returns the check of what Recover made of it: its error is the
	// argument. Without a check it could not be done here.
	do func(t *testing.T, w *changedWorld) (check func(error))
}

// worldChanges are the changes that the matrix tries.
var worldChanges = []worldChange{
	{"gone", func(t *testing.T, w *changedWorld) func(error) {
		if !w.destroyed(t) {
			return nil
		}
		return func(error) { require.Empty(t, w.mine(t), "made again") }
	}},
	{"replaced", func(t *testing.T, w *changedWorld) func(error) {
		if !w.destroyed(t) {
			return nil
		}
		w.foreign(t)
		return w.sameForeign(t)
	}},
	{"replaced, rebooted", func(t *testing.T, w *changedWorld) func(error) {
		require.NoError(t, w.Reboot())
		if !w.destroyed(t) {
			return nil
		}
		w.foreign(t)
		return w.sameForeign(t)
	}},
	{"renamed", func(t *testing.T, w *changedWorld) func(error) {
		if !w.renamed(t) {
			return nil
		}
		before := w.moved(t)
		return func(error) { requireSame(t, before, w.moved(t)) }
	}},
	{"renamed and replaced", func(t *testing.T, w *changedWorld) func(error) {
		if !w.renamed(t) {
			return nil
		}
		w.foreign(t)
		before, same := w.moved(t), w.sameForeign(t)
		return func(err error) {
			same(err)
			requireSame(t, before, w.moved(t))
		}
	}},
	{"name taken", func(t *testing.T, w *changedWorld) func(error) {
		if _, err := w.Store.Get(context.Background(), w.dataset(), zfsstore.GetOptions{}); !errors.Is(err, zfsstore.ErrNotFound) {
			require.NoError(t, err)
			return nil
		}
		w.foreign(t)
		same := w.sameForeign(t)
		return func(err error) {
			same(err)
			require.NoFileExists(t, w.journal, "the name is locked: %v", err)
		}
	}},
	{"written to since", func(t *testing.T, w *changedWorld) func(error) {
		return w.writtenSince(t)
	}},
	{"jail taken over", func(t *testing.T, w *changedWorld) func(error) {
		w.down(t)
		name := "ioc-" + strings.ReplaceAll(w.subject, ".", "*")
		path, err := w.Mountpoint(context.Background(), "zroot/bystander")
		require.NoError(t, err)
		runForeign(t, w.Host, name, path)
		before := used(t, w.Host, name)
		return func(error) { require.Equal(t, before, used(t, w.Host, name)) }
	}},
	{"stopped by hand", func(t *testing.T, w *changedWorld) func(error) {
		w.down(t)
		return func(err error) { require.NoError(t, err) }
	}},
	{"not mounted", func(t *testing.T, w *changedWorld) func(error) {
		w.down(t)
		ctx := context.Background()
		if w.Store.Unmount(ctx, w.dataset(), true) != nil {
			return nil
		}
		before := w.datasets(t, "")
		return func(error) { w.nothingGone(t, before) }
	}},
	{"pool exported", func(t *testing.T, w *changedWorld) func(error) {
		back := w.ZFS.Fail(t, fault.Fault{Err: zfsstore.ErrNoPool})
		return func(error) {
			back()
			_, err := jail.Recover(context.Background(), w.Host.Host)
			require.NoError(t, err, "once it is imported")
		}
	}},
	{"another process", func(t *testing.T, w *changedWorld) func(error) {
		ctx := context.Background()
		unlock, err := w.Lock(ctx, "ioc/jail/"+w.subject, "restore", host.BusyFail)
		require.NoError(t, err)
		before := w.datasets(t, "")
		return func(err error) {
			require.NoError(t, err)
			require.FileExists(t, w.journal)
			requireSame(t, before, w.datasets(t, ""))
			unlock()
		}
	}},
	damagedJournal("truncated", func(data []byte) []byte { return data[:len(data)/3] }),
	damagedJournal("garbage", func(data []byte) []byte { return []byte("\x00\x01garbage\nmore\n") }),
	damagedJournal("empty", func([]byte) []byte { return nil }),
	damagedJournal("newer version", func(data []byte) []byte {
		return bytes.Replace(data, []byte(`"version":1`), []byte(`"version":9`), 1)
	}),
	damagedJournal("unknown kind", func(data []byte) []byte {
		return bytes.Replace(data, []byte(`"kind":"`), []byte(`"kind":"future `), 1)
	}),
	{"journal duplicated", func(t *testing.T, w *changedWorld) func(error) {
		data, err := os.ReadFile(w.journal)
		require.NoError(t, err)
		copied := w.JournalPath("ioc", "jail", "copy")
		require.NoError(t, os.WriteFile(copied, data, 0o600))
		return func(err error) {
			require.ErrorIs(t, err, plan.ErrDamaged)
			require.ErrorContains(t, err, copied)
			require.FileExists(t, strings.TrimSuffix(copied, ".journal")+".bad")
			require.NoFileExists(t, w.journal)
		}
	}},
	{"journal comes back", func(t *testing.T, w *changedWorld) func(error) {
		ctx := context.Background()
		data, err := os.ReadFile(w.journal)
		require.NoError(t, err)
		_, err = jail.Recover(ctx, w.Host.Host)
		require.NoError(t, err)
		w.row.ready(t, ctx, w.Host)
		_, err = w.row.run(ctx, w.Host)
		require.NoError(t, err)
		before := world(t, w.Host)
		require.NoError(t, os.WriteFile(w.journal, data, 0o600))
		boot, err := w.Kernel.BootID(ctx)
		require.NoError(t, err)
		return func(err error) {
			if err == nil && !bytes.Contains(data, []byte(boot)) { // nothing of it outlives a reboot
				require.NoFileExists(t, w.journal)
				requireSame(t, before, world(t, w.Host))
				return
			}
			require.ErrorIs(t, err, plan.ErrEnded)
			require.ErrorContains(t, err, w.journal)
			aside := strings.TrimSuffix(w.journal, ".journal") + ".bad"
			require.FileExists(t, aside)
			require.NoError(t, os.Remove(aside))
			requireSame(t, before, world(t, w.Host))
		}
	}},
}

// damagedJournal is the change of a journal into one that cannot be understood, or that
// has nothing in it. A header that was cut was silently deleted, with all that the
// operation had done; its mark says that steps had begun.
func damagedJournal(name string, damage func([]byte) []byte) worldChange {
	return worldChange{"journal " + name, func(t *testing.T, w *changedWorld) func(error) {
		data, err := os.ReadFile(w.journal)
		require.NoError(t, err)
		damaged := damage(data)
		require.NotEqual(t, data, damaged)
		require.NoError(t, os.WriteFile(w.journal, damaged, 0o600))
		before := w.datasets(t, "")
		return func(err error) {
			requireSame(t, before, w.datasets(t, ""))
			require.NoFileExists(t, w.journal)
			aside := strings.TrimSuffix(w.journal, ".journal") + ".bad"
			var told *plan.DamagedError
			require.ErrorAs(t, err, &told)
			require.ErrorContains(t, err, w.journal)
			now, err := os.ReadFile(aside)
			require.NoError(t, err)
			require.Equal(t, string(damaged), string(now))
		}
	}}
}

// allChanges is set to try each change at every crash, which takes ten times as long.
// Otherwise they take turns.
const allChanges = "JAIL_ALL_CHANGES"

// TestChangingWorld lets every operation crash before and after each of its steps, and
// somebody change the world before the recovery. Nothing of others changes, no other
// jail is blocked, and what was found is told.
func TestChangingWorld(t *testing.T) {
	each := 2 // changes per crash
	switch {
	case os.Getenv(allChanges) != "":
		each = len(worldChanges)
	case brief():
		each = 1
	}
	var tried, steps, rows atomic.Int64
	t.Run("operations", func(t *testing.T) {
		for i, row := range operations() {
			if testing.Short() && i%6 != 0 {
				continue
			}
			rows.Add(1)
			t.Run(row.name, func(t *testing.T) {
				t.Parallel()
				h := row.setup(t)
				row.ready(t, t.Context(), h)
				p, err := row.plan(t.Context(), h)
				require.NoError(t, err)
				steps.Add(int64(len(p.Steps())))
				n := 5 * i // each operation begins with another one
				for step, s := range p.Steps() {
					for _, phase := range []string{"do", "done"} {
						for range each {
							change := worldChanges[n%len(worldChanges)]
							n++
							t.Run(fmt.Sprintf("%d %s/%s/%s", step, s.Kind, phase, change.name), func(t *testing.T) {
								if tryChange(t, row, step, s.Kind, phase, change) {
									tried.Add(1)
								}
							})
						}
					}
				}
			})
		}
	})
	t.Logf("%d operations, %d steps, %d changes tried", rows.Load(), steps.Load(), tried.Load())
	require.NotZero(t, tried.Load())
}

func tryChange(t *testing.T, row operationRow, step int, kind, phase string, change worldChange) bool {
	t.Helper()
	ctx := context.Background()
	w := &changedWorld{Host: row.setup(t), row: row, kind: kind}
	bystander := w.bystander(t)
	row.ready(t, ctx, w.Host)
	_, err := row.run(plan.WithFault(ctx, at(step, phase, plan.ErrCrash)), w.Host)
	require.ErrorIs(t, err, plan.ErrCrash)
	journals, err := plan.Journals(w.JournalDir("ioc", "jail"))
	require.NoError(t, err)
	require.Len(t, journals, 1)
	w.subject, w.journal = journals[0], w.JournalPath("ioc", "jail", journals[0])
	check := change.do(t, w)
	if check == nil {
		return false
	}
	_, err = jail.Recover(ctx, w.Host.Host)
	check(err)
	requireSame(t, bystander, w.lines(t, "bystander"))
	free, err := jail.New(ctx, w.Host.Host, jail.Spec{Name: "free"})
	require.NoError(t, err)
	_, err = free.Create(ctx, jail.CreateOptions{Empty: true})
	require.NoError(t, err, "another jail is blocked")
	return true
}

// writtenSince writes a file to the jail's dataset and to its root. It stays, unless
// the dataset goes as a whole.
func (w *changedWorld) writtenSince(t *testing.T) func(error) {
	t.Helper()
	ctx := context.Background()
	guids := map[string]uint64{} // of datasets that were written to
	for _, dataset := range []string{w.dataset(), w.dataset() + "/root"} {
		path, err := w.Mountpoint(ctx, dataset)
		if err != nil {
			continue
		}
		if w.kind == "run updater" && len(guids) > 0 {
			continue // half updated: it goes back as a whole
		}
		d, err := w.Store.Get(ctx, dataset, zfsstore.GetOptions{Properties: []string{"readonly"}})
		require.NoError(t, err)
		if d.Properties["readonly"].Value == "on" {
			continue // nobody can write to it
		}
		guids[dataset] = w.guid(t, dataset)
		require.NoError(t, os.WriteFile(filepath.Join(path, "since"), []byte("since"), 0o600))
	}
	if len(guids) == 0 {
		return nil
	}
	return func(err error) {
		for dataset, guid := range guids {
			if guid != w.guid(t, dataset) {
				continue // it was to be destroyed, or was made by the operation
			}
			path, err := w.Mountpoint(ctx, dataset)
			require.NoError(t, err)
			require.FileExists(t, filepath.Join(path, "since"), "lost")
		}
		if err != nil {
			require.ErrorIs(t, err, jail.ErrChanged)
			require.ErrorContains(t, err, w.journal)
			require.FileExists(t, strings.TrimSuffix(w.journal, ".journal")+".bad")
		}
		require.NoFileExists(t, w.journal)
	}
}

// guid is that of a dataset, or 0.
func (w *changedWorld) guid(t *testing.T, dataset string) uint64 {
	t.Helper()
	d, err := w.Store.Get(context.Background(), dataset, zfsstore.GetOptions{})
	if !errors.Is(err, zfsstore.ErrNotFound) {
		require.NoError(t, err)
	}
	return d.GUID
}

func (w *changedWorld) dataset() string { return "zroot/iocage/jails/" + w.subject }

// bystander makes objects that no operation is about, and returns what they look like.
func (w *changedWorld) bystander(t *testing.T) []string {
	t.Helper()
	ctx := context.Background()
	require.NoError(t, w.Store.Create(ctx, "zroot/bystander", zfsstore.CreateOptions{Properties: map[string]string{"org.example:by": "bystander"}}))
	path, err := w.Mountpoint(ctx, "zroot/bystander")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(path, "file"), []byte("bystander"), 0o600))
	require.NoError(t, w.Store.Snapshot(ctx, "zroot/bystander@bystander", zfsstore.SnapshotOptions{}))
	_, err = w.Kernel.JailSet(ctx, kernel.JailCreate, kernel.String("name", "bystander"), kernel.String("path", path), kernel.Bool("persist", true))
	require.NoError(t, err)
	return slices.DeleteFunc(w.lines(t, "bystander"), func(s string) bool { return strings.HasPrefix(s, "jail ") })
}

// lines are those of the world that name something. Jails do not outlive a reboot.
func (w *changedWorld) lines(t *testing.T, name string) []string {
	t.Helper()
	return slices.DeleteFunc(world(t, w.Host), func(s string) bool {
		return !strings.Contains(s, name) || strings.HasPrefix(s, "jail ")
	})
}

// mine are the lines about the jail's dataset.
func (w *changedWorld) mine(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(w.lines(t, w.dataset()), func(s string) bool {
		rest := s[strings.Index(s, w.dataset())+len(w.dataset()):]
		return rest != "" && !strings.ContainsRune("/@ ", rune(rest[0])) || strings.Contains(s, ".operations")
	})
}

// sameForeign checks that what is in the jail's place stays as it is now.
func (w *changedWorld) sameForeign(t *testing.T) func(error) {
	before := w.mine(t)
	require.NotEmpty(t, before)
	return func(error) { requireSame(t, before, w.mine(t)) }
}

// datasets are the lines about datasets and their files, without journals and marks.
func (w *changedWorld) datasets(t *testing.T, prefix string) []string {
	t.Helper()
	return slices.DeleteFunc(world(t, w.Host), func(s string) bool {
		return !strings.HasPrefix(s, "dataset ") && !strings.HasPrefix(s, "property ") || !strings.Contains(s, prefix)
	})
}

// nothingGone checks that the datasets of others still exist.
func (w *changedWorld) nothingGone(t *testing.T, before []string) {
	t.Helper()
	now := w.datasets(t, "")
	for _, line := range before {
		if !strings.Contains(line, w.dataset()) && strings.HasPrefix(line, "dataset filesystem") && !strings.Contains(line, "clones=") {
			require.Contains(t, now, line)
		}
	}
}

// down ends the jail as jail(8) does, and unmounts what is below its root.
func (w *changedWorld) down(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	id, err := w.Kernel.JailIdentify(ctx, 0, kernel.ByName("ioc-"+w.subject))
	if err == nil {
		require.NoError(t, w.Kernel.JailRemove(ctx, id))
	} else {
		require.ErrorIs(t, err, kernel.ErrNotFound)
	}
	mounts, err := w.Mounts(ctx)
	require.NoError(t, err)
	root, ok := mounts.Dataset(w.dataset() + "/root")
	if !ok {
		return
	}
	for _, m := range mounts.Below(root) {
		require.NoError(t, w.Kernel.UnmountFSID(ctx, m.FSID, kernel.MntForce))
	}
}

// destroyed destroys the jail's dataset by hand, if there is one and nothing was cloned
// from it.
func (w *changedWorld) destroyed(t *testing.T) bool {
	t.Helper()
	w.down(t)
	ctx := context.Background()
	err := pause.While(ctx, zfsstore.ErrBusy, time.Millisecond, 12, func(int) error { // until its processes have ended
		return w.Store.Destroy(ctx, w.dataset(), zfsstore.DestroyOptions{Recursive: true})
	})
	if errors.Is(err, zfsstore.ErrHasDependents) || errors.Is(err, zfsstore.ErrNotFound) {
		return false
	}
	require.NoError(t, err)
	return true
}

// renamed renames the jail's dataset by hand, if there is one.
func (w *changedWorld) renamed(t *testing.T) bool {
	t.Helper()
	w.down(t)
	ctx := context.Background()
	err := pause.While(ctx, zfsstore.ErrBusy, time.Millisecond, 12, func(int) error {
		return w.Store.Rename(ctx, w.dataset(), "zroot/moved", zfsstore.RenameOptions{})
	})
	if errors.Is(err, zfsstore.ErrNotFound) {
		return false
	}
	require.NoError(t, err)
	return true
}

// moved are the lines about what renamed has moved. What was cloned from it may be the
// operation's own.
func (w *changedWorld) moved(t *testing.T) (out []string) {
	t.Helper()
	for _, s := range w.lines(t, "zroot/moved") {
		s, _, _ = strings.Cut(s, " clones=")
		place, _, _ := strings.Cut(s, " origin=")
		if strings.Contains(place, "zroot/moved") && !strings.Contains(place, "@ioc-clone-") { // that goes with its last clone
			out = append(out, s)
		}
	}
	return out
}

// foreign makes another jail in the jail's place, as a restore does.
func (w *changedWorld) foreign(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	for _, dataset := range []string{w.dataset(), w.dataset() + "/root"} {
		require.NoError(t, w.Store.Create(ctx, dataset, zfsstore.CreateOptions{Parents: true}))
		path, err := w.Mountpoint(ctx, dataset)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(path, "precious"), []byte("months of data"), 0o600))
	}
	path, err := w.Mountpoint(ctx, w.dataset())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(path, "config.json"), []byte(`{"id": "restored"}`), 0o600))
	for _, name := range []string{"now", "before", "after"} { // those of the rows about snapshots
		require.NoError(t, w.Store.Snapshot(ctx, w.dataset()+"@"+name, zfsstore.SnapshotOptions{Recursive: true}))
	}
}
