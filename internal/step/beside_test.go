package step_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// besideRow is a step and what somebody does in the meantime: once it is planned, once it
// is done and about to be undone, or after it was killed, before ("do") or after ("done").
// What is "onward" is done again then, and not undone.
type besideRow struct {
	stepRow
	when     string
	meantime func(t testing.TB, h *simhost.Host)
}

// TestStepsBesideOthers compares what a step says and changes, when somebody has changed
// something in the meantime, with testdata/operations/beside-others.txt: what is theirs
// stays.
func TestStepsBesideOthers(t *testing.T) {
	var text strings.Builder
	for _, row := range besideRows() {
		h := row.host(t)
		a := row.make(t, h)
		before := lookDevfs(t, h)
		s := newStage(t, h)
		do := func() {
			if row.meantime != nil {
				row.meantime(t, h)
			}
			before = lookDevfs(t, h)
		}
		when, onward := strings.CutPrefix(row.when, "onward ")
		s.onward = onward
		if when == "planned" {
			do()
		}
		err := s.run(t, a, func(p plan.Point) error {
			phase, killed := strings.CutPrefix(when, "killed ")
			switch {
			case killed && p.Phase == phase:
				return plan.ErrCrash
			case when == "undone" && p.Phase == "done":
				do()
				return errInjected
			}
			return nil
		})
		if strings.HasPrefix(when, "killed") {
			require.ErrorIs(t, err, plan.ErrCrash, row.name)
			do()
			err = s.resume(t)
		}
		fmt.Fprintf(&text, "== %s, %s\n", row.name, row.when)
		if err != nil {
			fmt.Fprintf(&text, "error %s\n", strings.ReplaceAll(clean(h, err.Error()), s.path, "JOURNAL"))
		}
		for _, e := range s.told(t) {
			if e.Head().State == events.Skipped {
				fmt.Fprintf(&text, "%s\n", clean(h, events.Line(e)))
			}
		}
		fmt.Fprintf(&text, "journal is left: %v\n%s", s.left(), shorten(difference(before, lookDevfs(t, h))))
	}
	golden(t, "beside others", text.String())
}

// lookDevfs is look, and the rulesets of devfs.
func lookDevfs(t testing.TB, h *simhost.Host) []string {
	lines := look(t, h)
	loaded, err := h.Sim.DevfsRulesets(t.Context())
	require.NoError(t, err)
	for _, n := range loaded {
		rules, err := h.Sim.DevfsRules(t.Context(), n)
		require.NoError(t, err)
		for _, r := range rules {
			lines = append(lines, fmt.Sprintf("ruleset %d %+v", n, r))
		}
	}
	slices.Sort(lines)
	return lines
}

func besideRows() []besideRow {
	web := jails + "/web"
	const undone, planned, killedBefore, killedAfter = "undone", "planned", "killed do", "killed done"
	snapshot := snapshots(rootOfWeb + "@one")
	of := func(name string, setup func(t testing.TB, h *simhost.Host), a action, when string, meantime func(t testing.TB, h *simhost.Host)) besideRow {
		return besideRow{stepRow{name, setup, always(a)}, when, meantime}
	}
	jailOf := func(hostname string) func(t testing.TB, h *simhost.Host) {
		return func(t testing.TB, h *simhost.Host) {
			_, err := h.Sim.JailSet(t.Context(), kernel.JailCreate, kernel.String("name", "ioc-web"), kernel.Bool("persist", true),
				kernel.String("path", jailtest.Mountpoint(t, h, rootOfWeb)), kernel.String("host.hostname", hostname))
			require.NoError(t, err)
		}
	}
	cloneTo := func(from, to string) func(t testing.TB, h *simhost.Host) {
		return func(t testing.TB, h *simhost.Host) {
			require.NoError(t, h.ZFS.Clone(t.Context(), from, to, zfsstore.CloneOptions{}))
		}
	}
	promoteOf := func(name string) func(t testing.TB, h *simhost.Host) {
		return func(t testing.TB, h *simhost.Host) { require.NoError(t, h.ZFS.Promote(t.Context(), name)) }
	}
	unmounts := func(name string) func(t testing.TB, h *simhost.Host) {
		return func(t testing.TB, h *simhost.Host) { require.NoError(t, h.ZFS.Unmount(t.Context(), name, true)) }
	}
	all := func(list ...func(t testing.TB, h *simhost.Host)) func(t testing.TB, h *simhost.Host) {
		return func(t testing.TB, h *simhost.Host) {
			for _, f := range list {
				f(t, h)
			}
		}
	}
	makes := func(name string) func(t testing.TB, h *simhost.Host) { return dataset(name, nil).hand }
	writes := func(dataset, file, text string) func(t testing.TB, h *simhost.Host) {
		return write(dataset, file, text).hand
	}
	byGUID := func(name string, setup func(t testing.TB, h *simhost.Host), of string, a func(guid uint64) action, when string, meantime func(t testing.TB, h *simhost.Host)) besideRow {
		return besideRow{stepRow{name, setup, func(t testing.TB, h *simhost.Host) action { return a(guid(t, h, of)) }}, when, meantime}
	}
	createJail := step.CreateJail{Name: "ioc-web", RootDataset: rootOfWeb, Params: []step.Param{
		{Name: "name", Data: []byte("ioc-web\x00")}, {Name: "persist"}, {Name: "host.hostname", Data: []byte("web\x00")},
	}}
	created := step.CreateDataset{Dataset: "zroot/new", Made: madeBy}
	sharedOne := step.CreateDataset{Dataset: "zroot/new", Shared: true, Made: madeBy}
	clone := step.Clone{Made: madeBy, Clones: []step.CloneTarget{{Snapshot: rootOfWeb + "@one", Target: "zroot/new"}}}
	rename := func(guid uint64) action { return step.RenameDataset{From: web, To: jails + "/shop", GUID: guid} }
	promote := func(guid uint64) action { return step.Promote{Dataset: "zroot/clone", GUID: guid, Origin: rootOfWeb} }
	cloned := all(snapshot, cloneTo(rootOfWeb+"@one", "zroot/clone"))
	base := func(guid uint64) action { return step.DropBase{Dataset: web, GUID: guid} }
	taken := step.Snapshot{Snapshot: rootOfWeb + "@new", Made: madeBy}
	sharedSnapshot := step.Snapshot{Snapshot: rootOfWeb + "@new", Made: madeBy, Shared: true}
	saved := step.SaveRoot{Snapshot: rootOfWeb + "@new", Jail: "ioc-web", Made: madeBy}
	mounts := step.MountFstab{Mounts: step.Mounts{RootDataset: rootOfWeb, Mounts: []step.Mount{
		{Type: "tmpfs", From: "tmpfs", At: "a", Make: true}, {Type: "nullfs", From: "/nosuch/source", At: "a", Optional: true},
	}}}
	properties := step.SetProperties{Dataset: web, Was: jails + "/old", Set: map[string]string{"user:a": "1"}, Inherit: []string{"user:b"}}
	configuration := step.WriteConfig{Dataset: web, File: "config.json", Data: []byte("{}"), Old: &step.Before{Data: []byte("old"), Had: true}}
	plainFile := step.WriteConfig{Dataset: web, File: "config.json", Data: []byte("{}")}
	fork := step.ForkRoot{Root: rootOfWeb, Snapshot: "fork", Target: web + "/next", Made: madeBy}
	share := step.Share{Name: "ioc-web", RootDataset: rootOfWeb, Datasets: []string{shared}}
	removed := step.RemoveJail{Name: "ioc-web", Identity: kernel.Identity{JID: 77, Name: "ioc-web"}}
	unmount := step.Unmount{RootDataset: rootOfWeb}
	hook := step.RunHook{Hook: "start", Command: "true", Inside: true, Name: "ioc-web", RootDataset: rootOfWeb}
	last, other := hook, hook
	last.Last, other.Hook, other.Inside = true, "other", false
	ruleset := step.LoadRuleset{Number: 100, Rules: []kernel.DevfsRule{{Number: 100, Hide: true}, {Number: 200, Path: "null", Unhide: true}}}
	computed := step.LoadRuleset{Number: 4, Rules: ruleset.Rules, Computed: true, Named: []uint16{5}}
	ruled := func(number uint16, rules ...kernel.DevfsRule) func(t testing.TB, h *simhost.Host) {
		return func(t testing.TB, h *simhost.Host) {
			require.NoError(t, h.Sim.DevfsDeleteRules(t.Context(), number))
			for _, r := range rules {
				require.NoError(t, h.Sim.DevfsAddRule(t.Context(), number, r))
			}
		}
	}
	loads := func(t testing.TB, h *simhost.Host) { require.NoError(t, h.Sim.ModuleLoad(t.Context(), "linprocfs")) }
	linked := step.MountFstab{Mounts: step.Mounts{RootDataset: rootOfWeb, Mounts: []step.Mount{{Type: "tmpfs", From: "tmpfs", At: "a/b", Make: true}}}}
	unmountsAt := func(dataset, at string) func(t testing.TB, h *simhost.Host) {
		return func(t testing.TB, h *simhost.Host) {
			mounts, err := h.Mounts(t.Context())
			require.NoError(t, err)
			for _, m := range mounts.Below(jailtest.Mountpoint(t, h, dataset)) {
				if strings.HasSuffix(m.Path, "/"+at) {
					require.NoError(t, h.Sim.UnmountFSID(t.Context(), m.FSID, 0))
				}
			}
		}
	}
	writesFstab := writes(web, "fstab", "/old/data /mnt nullfs rw 0 0\n")
	children := func(t testing.TB, h *simhost.Host) {
		_, err := h.Sim.JailSet(t.Context(), kernel.JailUpdate, kernel.String("name", "ioc-web"), kernel.Int("children.max", 2))
		require.NoError(t, err)
		_, err = h.Sim.JailSet(t.Context(), kernel.JailCreate, kernel.String("name", "ioc-web.child"), kernel.Bool("persist", true),
			kernel.String("path", jailtest.Mountpoint(t, h, rootOfWeb)))
		require.NoError(t, err)
	}
	return []besideRow{
		of("create jail", jailOf("web"), createJail, planned, nil),
		of("create jail", nil, createJail, killedBefore, jailOf("web")),
		of("create jail", nil, createJail, killedBefore, jailOf("other")),
		of("create jail", nil, createJail, killedBefore, nil),
		of("create dataset", nil, created, undone, all(destroys("zroot/new"), makes("zroot/new"))),
		of("create dataset", nil, created, undone, makes("zroot/new/below")),
		of("create dataset", nil, created, planned, makes("zroot/new")),
		of("create shared dataset", nil, sharedOne, undone, makes("zroot/new/below")),
		of("create shared dataset", nil, sharedOne, undone, writes("zroot/new", "mine", "mine\n")),
		of("create shared dataset", nil, sharedOne, undone, unmounts("zroot/new")),
		of("create shared dataset", nil, sharedOne, planned, makes("zroot/new")),
		of("clone", snapshot, clone, undone, makes("zroot/new/below")),
		of("clone", snapshot, clone, undone, destroys("zroot/new")),
		byGUID("rename dataset", nil, web, rename, undone, makes(web)),
		byGUID("rename dataset", nil, web, rename, undone, all(destroys(jails+"/shop"), makes(jails+"/shop"))),
		byGUID("rename dataset", nil, web, rename, planned, all(destroys(web), makes(web))),
		byGUID("rename dataset", nil, web, rename, planned, inJail(web)),
		byGUID("promote", cloned, "zroot/clone", promote, undone, promoteOf(rootOfWeb)),
		byGUID("promote", cloned, "zroot/clone", promote, undone, destroys(rootOfWeb)),
		byGUID("promote", cloned, "zroot/clone", promote, planned, all(destroys("zroot/clone"), cloneTo(rootOfWeb+"@one", "zroot/clone"))),
		byGUID("destroy former base", nil, web, base, planned, nil),
		byGUID("destroy former base", property(web, step.BaseProperty, "1").hand, web, base, planned, destroys(web)),
		byGUID("destroy dataset", nil, web, func(guid uint64) action { return step.DestroyDataset{Dataset: web, GUID: guid} }, planned, all(destroys(web), makes(web))),
		of("snapshot", nil, taken, undone, cloneTo(rootOfWeb+"@new", "zroot/clone")),
		of("snapshot", nil, taken, undone, all(destroys(rootOfWeb+"@new"), snapshots(rootOfWeb+"@new"))),
		of("shared snapshot", nil, sharedSnapshot, undone, cloneTo(rootOfWeb+"@new", "zroot/clone")),
		of("shared snapshot", nil, sharedSnapshot, planned, snapshots(rootOfWeb+"@new")),
		of("defer destroy", nil, step.ForgetSnapshot(taken), planned, nil),
		of("save root", nil, saved, undone, jailOf("web")),
		of("save root", nil, saved, undone, all(destroys(rootOfWeb+"@new"), snapshots(rootOfWeb+"@new"))),
		of("forget saved root", nil, step.ForgetRoot(saved), planned, snapshots(rootOfWeb+"@new")),
		of("mount", nil, mounts, undone, writes(rootOfWeb, "a/mine", "mine\n")),
		of("mount", nil, mounts, killedAfter, all(writes(rootOfWeb, "b/mine", "mine\n"), inJail(rootOfWeb+"/b"))),
		of("set properties", property(web, "user:b", "was").hand, properties, undone, property(web, "user:a", "mine").hand),
		of("set properties", property(web, "user:b", "was").hand, properties, undone, property(web, "user:b", "was").hand),
		of("set properties", nil, properties, undone, renames(web, jails+"/old")),
		of("set properties", nil, properties, undone, all(destroys(web), makes(web))),
		of("write configuration", nil, configuration, planned, nil),
		of("write configuration", nil, configuration, planned, writes(web, "config.json", "old")),
		of("write configuration", nil, plainFile, undone, writes(web, "config.json", "mine")),
		of("write configuration", nil, plainFile, undone, destroys(web)),
		of("write configuration", nil, plainFile, killedAfter, all(unmounts(rootOfWeb), unmounts(web))),
		of("write configuration", nil, plainFile, undone, all(destroys(web), makes(web))),
		of("write configuration", nil, plainFile, "onward killed done", nil),
		of("write configuration", nil, plainFile, "onward killed do", destroys(web)),
		of("write configuration", nil, plainFile, "onward killed done", all(destroys(web), makes(web))),
		of("write configuration", nil, plainFile, "onward killed done", writes(web, "config.json", "mine")),
		of("update fstab", writesFstab, step.MoveFstab{Dataset: web, From: "/old"}, "onward killed do", all(unmounts(rootOfWeb), unmounts(web))),
		of("set properties", nil, properties, "onward killed done", property(web, "user:b", "mine").hand),
		of("set properties", nil, properties, "onward killed done", destroys(web)),
		of("clone root", nil, fork, undone, renames(web+"/next", web+"/mine")),
		of("clone root", nil, fork, planned, makes(web+"/next")),
		of("share datasets", jailOf("web"), share, undone, nil),
		of("share datasets", nil, share, planned, nil),
		of("remove jail", jailOf("web"), removed, planned, nil),
		of("remove jail", nil, removed, planned, nil),
		of("unmount", nil, unmount, killedBefore, inJail(rootOfWeb)),
		of("unmount", nil, unmount, planned, all(unmounts(rootOfWeb))),
		of("unmount", makes(rootOfWeb+"/mine"), unmount, planned, nil),
		of("unmount", makes(rootOfWeb+"/mine"), step.Unmount{RootDataset: rootOfWeb, Listed: []string{"mine"}}, planned, nil),
		of("unmount", makes(rootOfWeb+"/mine"), step.Unmount{RootDataset: rootOfWeb, Shared: []string{rootOfWeb}}, planned, nil),
		of("unmount what is left", nil, step.UnmountLeft{RootDataset: rootOfWeb}, planned, inJail(rootOfWeb)),
		of("unmount what is left", nil, step.UnmountLeft{RootDataset: rootOfWeb}, planned, nil),
		of("load module", loads, step.LoadModule{Module: "linprocfs", Param: "mount_linprocfs"}, planned, nil),
		of("load module", nil, step.LoadModule{Module: "nosuch", Param: "mount_nosuch"}, planned, nil),
		of("load devfs ruleset", nil, ruleset, planned, ruled(100, kernel.DevfsRule{Number: 100, Path: "mine", Unhide: true})),
		of("load devfs ruleset", nil, ruleset, planned, ruled(100, ruleset.Rules[0])),
		of("load computed ruleset", nil, computed, planned, ruled(7, ruleset.Rules...)),
		of("load computed ruleset", nil, computed, planned, ruled(4, kernel.DevfsRule{Number: 100, Path: "mine", Unhide: true})),
		of("mount devfs", ruled(100, ruleset.Rules...), step.MountDevfs{Mounts: step.Mounts{RootDataset: rootOfWeb, Mounts: []step.Mount{
			{Type: "devfs", From: "devfs", At: "dev", Make: true, Options: []kernel.MountOption{{Name: step.RulesetOption, Value: "100"}}},
		}}}, killedAfter, nil),
		of("mount", nil, linked, planned, link(rootOfWeb, "a", "/etc").hand),
		of("mount", nil, mounts, killedAfter, all(unmountsAt(rootOfWeb, "a"), destroys(web))),
		of("mount", nil, mounts, killedAfter, all(unmountsAt(rootOfWeb, "a"), unmounts(rootOfWeb))),
		of("mount", nil, mounts, killedAfter, all(unmountsAt(rootOfWeb, "a"), destroys(rootOfWeb), makes(rootOfWeb))),
		of("mount", nil, mounts, killedBefore, nil),
		of("update fstab", writesFstab, step.MoveFstab{Dataset: web, From: "/nosuch"}, planned, nil),
		of("update fstab", nil, step.MoveFstab{Dataset: web, From: "/old"}, planned, nil),
		{stepRow{"remove jail with children", all(jailOf("web"), children), func(t testing.TB, h *simhost.Host) action {
			id, err := h.Sim.JailIdentify(t.Context(), 0, kernel.ByName("ioc-web"))
			require.NoError(t, err)
			return step.RemoveJail{Name: "ioc-web", Identity: id}
		}}, planned, nil},
		of("set properties", nil, properties, killedBefore, nil),
		byGUID("destroy snapshots", snapshot, rootOfWeb+"@one", func(guid uint64) action {
			return step.DestroySnapshots{Snapshots: []step.GUIDOf{{Name: rootOfWeb + "@one", GUID: guid}}}
		}, planned, all(destroys(rootOfWeb+"@one"), snapshot)),
		byGUID("roll back", snapshot, rootOfWeb+"@one", func(guid uint64) action {
			return step.Rollback{Snapshots: []step.GUIDOf{{Name: rootOfWeb + "@one", GUID: guid}}}
		}, planned, all(destroys(rootOfWeb+"@one"), snapshot)),
		byGUID("roll back", snapshot, rootOfWeb+"@one", func(guid uint64) action {
			return step.Rollback{Snapshots: []step.GUIDOf{{Name: rootOfWeb + "@one", GUID: guid}}}
		}, killedAfter, all(destroys(rootOfWeb+"@one"), snapshot)),
		of("run hook", nil, hook, planned, nil), of("run hook", nil, last, planned, nil), of("run hook", nil, other, planned, nil),
		of("run command", nil, step.RunCommand{Argv: []string{"/bin/sh"}, Name: "ioc-web", RootDataset: rootOfWeb, Must: true}, planned, nil),
	}
}
