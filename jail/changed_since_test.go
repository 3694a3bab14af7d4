package jail_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/host/fault"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
)

// setAside recovers from an interrupted operation on web of which something has to be
// left to a person: the error names the journal, which is set aside, and the next
// recovery has nothing to say.
func setAside(t *testing.T, h *simhost.Host, cause error) {
	t.Helper()
	ctx := context.Background()
	_, err := jail.Recover(ctx, h.Host)
	require.ErrorIs(t, err, cause)
	var told *plan.DamagedError
	require.ErrorAs(t, err, &told)
	require.Equal(t, h.JournalPath("ioc", "jail", "web"), told.Path)
	require.NoFileExists(t, told.Path)
	require.FileExists(t, told.Aside)
	_, err = jail.Recover(ctx, h.Host)
	require.NoError(t, err, "told once")
}

// TestInterruptedRollback: a rollback that was interrupted is not begun again, and what
// was written since stays. It was rolled back once more, and that was lost.
func TestInterruptedRollback(t *testing.T) {
	for _, test := range []struct {
		name    string
		phase   string
		written bool
		motd    string
		err     error
	}{
		{"before it", "do", true, "newer", nil},
		{"after it", "done", false, "older", nil},
		{"after it, written to since", "done", true, "older", jail.ErrChanged},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			h := newHost(t)
			web := newJail(t, h, "web", false, nil)
			root, err := web.RootPath(ctx)
			require.NoError(t, err)
			write := func(name, text string) {
				require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o644))
			}
			write("motd", "older")
			_, err = web.CreateSnapshot(ctx, jail.SnapshotOptions{Name: "before"})
			require.NoError(t, err)
			write("motd", "newer")
			_, err = web.RollbackSnapshot(plan.WithFault(ctx, at(0, test.phase, plan.ErrCrash)), jail.RollbackOptions{Name: "before"})
			require.ErrorIs(t, err, plan.ErrCrash)
			if test.written {
				write("since", "months of data")
			}
			if test.err != nil {
				setAside(t, h, test.err)
			} else {
				_, err = jail.Recover(ctx, h.Host)
				require.NoError(t, err)
			}
			if test.written {
				require.FileExists(t, filepath.Join(root, "since"))
			}
			now, err := os.ReadFile(filepath.Join(root, "motd"))
			require.NoError(t, err)
			require.Equal(t, test.motd, string(now))
			_, err = loaded(t, ctx, h, "web").Start(ctx, jail.StartOptions{})
			require.NoError(t, err)
		})
	}
}

// TestInterruptedUpdateRollsBackOnce: a root that was rolled back and written to since is
// not rolled back again, nor one that no updater has changed yet. Both lost what had been
// written.
func TestInterruptedUpdateRollsBackOnce(t *testing.T) {
	for _, test := range []struct {
		name string
		step int  // after which the update is interrupted
		back bool // it was rolled back, but the recovery has not ended
	}{
		{"no updater has run", 0, false},
		{"rolled back", 1, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			row := updateOperations()[0]
			require.Equal(t, "update", row.name)
			h := row.setup(t)
			row.ready(t, ctx, h)
			_, err := row.run(plan.WithFault(ctx, at(test.step, "done", plan.ErrCrash)), h)
			require.ErrorIs(t, err, plan.ErrCrash)
			if test.back {
				works := h.ZFS.Fail(t, fault.Fault{Op: "destroy", Match: "*root@update-*", Err: errInjected})
				_, err := jail.Recover(ctx, h.Host)
				works()
				require.ErrorIs(t, err, errInjected)
			}
			root, err := loaded(t, ctx, h, "web").RootPath(ctx)
			require.NoError(t, err)
			since := filepath.Join(root, "since")
			require.NoError(t, os.WriteFile(since, nil, 0o644))
			if test.back {
				setAside(t, h, jail.ErrChanged)
			} else {
				_, err = jail.Recover(ctx, h.Host)
				require.NoError(t, err)
			}
			require.FileExists(t, since)
			_, err = loaded(t, ctx, h, "web").Start(ctx, jail.StartOptions{})
			require.NoError(t, err)
		})
	}
}

// TestRenameFindsItsOldNameTaken: a rename that cannot be undone, because somebody has
// made another jail of the old name, is finished and told. The journal stayed, and both
// names were locked until somebody removed it.
func TestRenameFindsItsOldNameTaken(t *testing.T) {
	for step, kind := range []string{"rename dataset", "write configuration", "update fstab"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			h := newHost(t)
			web := newJail(t, h, "web", false, nil)
			path := web.Path()
			require.NoError(t, os.MkdirAll(filepath.Join(path, "data"), 0o755))
			root, err := web.RootPath(ctx)
			require.NoError(t, err)
			require.NoError(t, os.MkdirAll(filepath.Join(root, "mnt"), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(path, "fstab"), []byte(path+"/data "+root+"/mnt nullfs ro 0 0\n"), 0o644))
			_, err = web.Rename(plan.WithFault(ctx, at(step, "done", plan.ErrCrash)), jail.RenameOptions{Name: "www"})
			require.ErrorIs(t, err, plan.ErrCrash)
			w := &changedWorld{Host: h, subject: "web", journal: h.JournalPath("ioc", "jail", "web")}
			w.foreign(t)
			same := w.sameForeign(t)
			setAside(t, h, jail.ErrReplaced)
			same(nil)
			www := loaded(t, ctx, h, "www")
			require.Equal(t, "www", configID(t, www))
			_, err = www.Start(ctx, jail.StartOptions{})
			require.NoError(t, err)
			lines, err := os.ReadFile(filepath.Join(www.Path(), "fstab"))
			require.NoError(t, err)
			require.NotContains(t, string(lines), path+"/")
			_, err = loaded(t, ctx, h, "web").CreateSnapshot(ctx, jail.SnapshotOptions{Name: "free"})
			require.NoError(t, err)
		})
	}
}

func configID(t *testing.T, j *jail.Jail) string {
	t.Helper()
	id, ok := j.Config().Raw("id")
	require.True(t, ok)
	return id
}

// TestKeepsAnEdit: what somebody has edited since the interrupted operation wrote it, or
// between the plan and the write, stays and is told. The edit was lost.
func TestKeepsAnEdit(t *testing.T) {
	set := func(ctx context.Context, web *jail.Jail) error {
		_, err := web.Set(ctx, map[string]string{"host_hostname": "new"}, jail.SetOptions{})
		return err
	}
	rollback := func(ctx context.Context, web *jail.Jail) error {
		_, err := web.RollbackSnapshot(ctx, jail.RollbackOptions{Name: "before"})
		return err
	}
	start := func(ctx context.Context, web *jail.Jail) error {
		_, err := web.Start(ctx, jail.StartOptions{})
		return err
	}
	for _, test := range []struct {
		kind, phase string
		file        string // below the jail's dataset
		run         func(ctx context.Context, web *jail.Jail) error
	}{
		{"save configuration", "done", "config.json", set},
		{"write configuration", "do", "config.json", rollback},
		{"write configuration", "done", "config.json", rollback},
		{"write resolv.conf", "done", "root/etc/resolv.conf", start},
	} {
		t.Run(test.kind+" "+test.phase, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			h := newHost(t)
			web := newJail(t, h, "web", false, nil)
			_, err := web.CreateSnapshot(ctx, jail.SnapshotOptions{Name: "before"})
			require.NoError(t, err)
			_, err = web.Set(ctx, map[string]string{"notes": "newer"}, jail.SetOptions{})
			require.NoError(t, err)
			require.ErrorIs(t, test.run(crashAt(ctx, test.kind, test.phase), web), plan.ErrCrash)
			file := filepath.Join(web.Path(), test.file)
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			edited := append(data, '\n', '\n')
			require.NoError(t, os.WriteFile(file, edited, 0o644))
			if test.kind == "write resolv.conf" {
				_, err = jail.Recover(ctx, h.Host) // the jail can do that itself
				require.NoError(t, err)
			} else {
				setAside(t, h, jail.ErrChanged)
			}
			now, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, string(edited), string(now))
		})
	}
	t.Run("set properties", func(t *testing.T) {
		t.Parallel()
		ctx := t.Context()
		h := propertiesHost(t)
		web := loaded(t, ctx, h, "web")
		require.ErrorIs(t, set(crashAt(ctx, "set properties", "done"), web), plan.ErrCrash)
		require.NoError(t, h.Store.Set(ctx, web.Dataset(), map[string]string{config.PropertyPrefix + "host_hostname": "byhand"}))
		setAside(t, h, jail.ErrChanged)
		name, _ := loaded(t, ctx, h, "web").Config().GetString("host_hostname")
		require.Equal(t, "byhand", name)
	})
	t.Run("between plan and write", func(t *testing.T) {
		t.Parallel()
		ctx := t.Context()
		h := newHost(t)
		web := newJail(t, h, "web", false, nil)
		file := filepath.Join(web.Path(), "config.json")
		edited, err := os.ReadFile(file)
		require.NoError(t, err)
		edited = append(edited, '\n', '\n')
		err = set(plan.WithFault(ctx, func(p plan.Point) error {
			if p.Step.Kind == "save configuration" && p.Phase == "do" {
				return os.WriteFile(file, edited, 0o644)
			}
			return nil
		}), web)
		require.ErrorIs(t, err, jail.ErrChanged)
		require.NoFileExists(t, h.JournalPath("ioc", "jail", "web"))
		now, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, string(edited), string(now))
	})
}
