package step_test

import (
	"context"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/zfsstore"
)

// datasetScenarios are about a jail's datasets: clones, names, snapshots, templates.
func datasetScenarios() []scenario {
	web := jails + "/web"
	lines := "# ours\n$DIR/data\t$DIR/iocage/jails/web/root/mnt\tnullfs\trw\t0\t0\n$DIR/iocage/jails/webb\t/media\tnullfs\tro,noauto\t0\t0\n"
	rename := func(from, to string) act {
		return onJail("rename "+from+" to "+to, from, func(g *jail.JailGenerator) *jail.Operation {
			return g.Rename(jail.RenameOptions{Name: to})
		})
	}
	snapshot := func(name string) act {
		return onJail("snapshot "+name, "web", func(g *jail.JailGenerator) *jail.Operation {
			return g.CreateSnapshot(jail.SnapshotOptions{Name: name})
		})
	}
	forget := func(name string) act {
		return onJail("destroy snapshot "+name, "web", func(g *jail.JailGenerator) *jail.Operation {
			return g.DestroySnapshot(jail.SnapshotOptions{Name: name})
		})
	}
	rollBack := func(o jail.RollbackOptions) act {
		return onJail("roll back to "+o.Name, "web", func(g *jail.JailGenerator) *jail.Operation { return g.RollbackSnapshot(o) })
	}
	promote := func(name string) act {
		return onJail("promote "+name, name, func(g *jail.JailGenerator) *jail.Operation { return g.Promote(jail.PromoteOptions{}) })
	}
	template := func(name string, on bool) act {
		return onJail(map[bool]string{true: "make a template of ", false: "make a jail of "}[on]+name, name, func(g *jail.JailGenerator) *jail.Operation {
			return g.SetTemplate(jail.TemplateOptions{Template: on})
		})
	}
	copyTo := func(dataset string, over bool) act {
		return onJail("clone web to "+dataset, "web", func(g *jail.JailGenerator) *jail.Operation {
			return g.CloneToDataset(jail.CloneToDatasetOptions{Dataset: dataset, DeleteExisting: over})
		})
	}
	return []scenario{
		{"rename", bareHost, []act{
			scratch("web", plain("host_hostname", "web", "jail_zfs_dataset", web+"/data")), dataset(web+"/data", nil),
			write(web, "fstab", lines),
			rename("web", "shop"), rename("shop", "web"), remove(web, "fstab"), rename("web", "shop"),
			start("shop"), refused(rename("shop", "web"), jail.ErrRunning),
		}},
		{"rename is interrupted", bareHost, []act{
			scratch("web", plain()), write(web, "fstab", lines),
			crashed(rename("web", "shop"), 0, "done"), dataset(web, nil), refused(recovered(), jail.ErrReplaced),
			crashed(rename("shop", "www"), 1, "done"),
			byHand("zfs rename www to mine", renames(jails+"/www", jails+"/mine")), recovered(),
			crashed(rename("mine", "www"), 1, "done"), write(jails+"/www", "config.json", "{}"), refused(recovered(), jail.ErrChanged),
		}},
		{"clone", bareHost, []act{
			scratch("web", plain("user.team", "db")), write(rootOfWeb, "etc/motd", "web\n"), write(web, "fstab", lines),
			create("copy", jail.CreateOptions{Jail: "web"}, nil), snapshot("before"),
			onNew("clone web@before as old", "old", func(g *jail.JailGenerator) *jail.Operation {
				return g.CloneFromJail(jail.CloneOptions{Jail: "web", Snapshot: "before"})
			}),
			refused(forget("before"), zfsstore.ErrHasDependents), promote("old"), destroy("web"),
		}},
		{"clone to a dataset", bareHost, []act{
			scratch("web", plain()), write(rootOfWeb, "etc/motd", "web\n"),
			copyTo("zroot/copy", false), refused(copyTo("zroot/copy", false), zfsstore.ErrExists),
			write("zroot/copy", "mine", "mine\n"), copyTo("zroot/copy", true),
		}},
		{"snapshots", bareHost, []act{
			scratch("web", plain("user.team", "db")), write(rootOfWeb, "etc/motd", "older\n"), snapshot("older"),
			write(rootOfWeb, "etc/motd", "newer\n"), set("web", map[string]string{"user.team": "www"}), snapshot("newer"),
			refused(rollBack(jail.RollbackOptions{Name: "older"}), jail.ErrNewerSnapshots),
			rollBack(jail.RollbackOptions{Name: "older", Newer: true}),
			set("web", map[string]string{"user.team": "ftp"}),
			rollBack(jail.RollbackOptions{Name: "older", Configuration: true}), forget("older"),
		}},
		{"snapshots and others", bareHost, []act{
			scratch("web", plain()), snapshot("older"), hold(web + "/root@older"),
			refused(forget("older"), zfsstore.ErrBusy),
			write(rootOfWeb, "motd", "before\n"),
			crashed(rollBack(jail.RollbackOptions{Name: "older"}), 0, "do"), recovered(),
			crashed(rollBack(jail.RollbackOptions{Name: "older"}), 0, "done"), recovered(),
			write(rootOfWeb, "motd", "before\n"),
			crashed(rollBack(jail.RollbackOptions{Name: "older"}), 0, "done"),
			write(rootOfWeb, "since", "since\n"), refused(recovered(), jail.ErrChanged),
		}},
		{"template", bareHost, []act{
			scratch("web", plain("user.team", "db")), template("web", true), refused(start("web"), jail.ErrTemplate),
			create("shop", jail.CreateOptions{Template: "web"}, nil), template("web", false),
		}},
		{"dataset in use", bareHost, []act{
			scratch("web", plain()), dataset(web+"/data", nil),
			byHand("jail -c in the data", inJail(web+"/data")), refused(destroy("web"), syscall.EBUSY), refused(rename("web", "shop"), syscall.EBUSY),
		}},
		{"empty jail", bareHost, []act{
			create("web", jail.CreateOptions{Empty: true}, nil), refused(start("web"), jail.ErrConfig), destroy("web"),
		}},
		{"destroyed in the meantime", bareHost, []act{
			scratch("web", plain()), crashed(destroy("web"), 0, "done"),
			byHand("zfs destroy", destroys(web)), dataset(web, nil), recovered(),
			byHand("zfs destroy", destroys(web)),
			crashed(scratch("web", plain()), 1, "done"), dataset(web+"/mine", nil), refused(recovered(), zfsstore.ErrHasChildren),
		}},
	}
}

// onNew is an operation of a jail that does not exist yet.
func onNew(name, jailName string, op func(g *jail.JailGenerator) *jail.Operation) act {
	return act{name: name, op: func(ctx context.Context, h *simhost.Host) (*jail.Operation, error) {
		j, err := jail.New(ctx, h.Host, jail.Spec{Name: jailName})
		if err != nil {
			return nil, err
		}
		return op(j.Generator()), nil
	}}
}

func renames(from, to string) func(t testing.TB, h *simhost.Host) {
	return func(t testing.TB, h *simhost.Host) {
		require.NoError(t, h.ZFS.Rename(t.Context(), from, to, zfsstore.RenameOptions{}))
	}
}

func destroys(name string) func(t testing.TB, h *simhost.Host) {
	return func(t testing.TB, h *simhost.Host) {
		require.NoError(t, h.ZFS.Destroy(t.Context(), name, zfsstore.DestroyOptions{Recursive: true}))
	}
}

// hold keeps a snapshot, as somebody does who sends it.
func hold(snapshot string) act {
	return byHand("zfs hold "+snapshot, func(t testing.TB, h *simhost.Host) {
		require.NoError(t, h.ZFS.Hold(t.Context(), snapshot, "sent", false))
	})
}

// snapshots takes a snapshot.
func snapshots(name string) func(t testing.TB, h *simhost.Host) {
	return func(t testing.TB, h *simhost.Host) {
		require.NoError(t, h.ZFS.Snapshot(t.Context(), name, zfsstore.SnapshotOptions{}))
	}
}
