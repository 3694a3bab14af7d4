package jail_test

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// operationRow is one operation for the tests that go over all operations: the
// fault matrix and the comparison of plans with what the fakes were asked for. A
// new operation is a new row.
type operationRow struct {
	name string
	// setup makes the host, once for all runs of a test.
	setup func(t *testing.T) *simhost.Host
	// ready brings the host to where the operation begins, from wherever it is:
	// as setup left it, as an earlier run did, done, undone or rebooted.
	ready func(t *testing.T, ctx context.Context, h *simhost.Host)
	plan  func(ctx context.Context, h *simhost.Host) (*jail.Plan, error)
	run   func(ctx context.Context, h *simhost.Host) ([]events.IocEvent, error)
	// shared is a dataset made for all jails. It stays when it could not be
	// emptied, and harms nobody.
	shared string
	// halts marks a restart, which has two plans: a failure or crash between them,
	// or in the second, leaves the jail web stopped.
	halts bool
	// repairs marks a repair, which may stay when it is undone. repaired brings the host
	// to where it is then, if that is not where the operation ends.
	repairs  bool
	repaired readier
}

type (
	planner   = func(ctx context.Context, h *simhost.Host) (*jail.Plan, error)
	performer = func(ctx context.Context, h *simhost.Host) ([]events.IocEvent, error)
)

// on makes plan and run of a row from an operation of the jail called name, which
// is loaded anew each time; onNew from one of a jail that does not exist.
func on[O any](name string, o O, op func(*jail.JailGenerator, O) *jail.Operation) (planner, performer) {
	return methods(func(ctx context.Context, h *simhost.Host) (*jail.Jail, error) {
		return jail.Load(ctx, h.Host, name)
	}, o, op)
}

func onNew[O any](name string, o O, op func(*jail.JailGenerator, O) *jail.Operation) (planner, performer) {
	return methods(func(ctx context.Context, h *simhost.Host) (*jail.Jail, error) {
		return jail.New(ctx, h.Host, jail.Spec{Name: name})
	}, o, op)
}

func methods[O any](get func(context.Context, *simhost.Host) (*jail.Jail, error), o O,
	op func(*jail.JailGenerator, O) *jail.Operation,
) (planner, performer) {
	return func(ctx context.Context, h *simhost.Host) (*jail.Plan, error) {
			j, err := get(ctx, h)
			if err != nil {
				return nil, err
			}
			return op(j.Generator(), o).Plan(ctx)
		}, func(ctx context.Context, h *simhost.Host) ([]events.IocEvent, error) {
			j, err := get(ctx, h)
			if err != nil {
				return nil, err
			}
			made := op(j.Generator(), o)
			if read, ok := ctx.Value(readers{}).(func(*jail.Jail) func()); ok {
				defer read(j)()
			}
			return made.Run(ctx)
		}
}

// readers is the key of a context's function that begins to read the jail of an
// operation and returns what ends it.
type readers struct{}

// operations are all operations on a jail.
func operations() []operationRow {
	var rows []operationRow
	add := func(r operationRow) { rows = append(rows, r) }

	for _, r := range []operationRow{
		{name: "create", setup: plainHost, ready: absent("second")},
		{name: "create, the first ever", setup: bareHost, ready: noneEver, shared: "zroot/iocage/jails"},
	} {
		o := jail.CreateOptions{Release: testRelease}
		r.plan, r.run = onNew("second", o, (*jail.JailGenerator).Create)
		add(r)
	}
	for _, basejail := range []bool{false, true} {
		kind := map[bool]string{false: ", standalone", true: ", basejail"}[basejail]
		setup := func(t *testing.T) *simhost.Host {
			h, _ := faultHost(t, basejail)
			return h
		}

		r := operationRow{name: "start" + kind, setup: setup, ready: both(stopped("web"), bare("web", !basejail))}
		r.plan, r.run = on("web", jail.StartOptions{}, (*jail.JailGenerator).Start)
		add(r)

		r = operationRow{name: "start over what is left" + kind, setup: setup, ready: leftover("web"), repaired: recovered}
		r.plan, r.run = on("web", jail.StartOptions{}, (*jail.JailGenerator).Start)
		add(r)

		r = operationRow{name: "stop" + kind, setup: setup, ready: started("web")}
		r.plan, r.run = on("web", jail.StopOptions{}, (*jail.JailGenerator).Stop)
		add(r)

		r = operationRow{name: "destroy" + kind, setup: setup, ready: present("second", basejail)}
		r.plan, r.run = on("second", jail.DestroyOptions{}, (*jail.JailGenerator).Destroy)
		add(r)

		r = operationRow{name: "destroy by force" + kind, setup: setup}
		r.ready = func(t *testing.T, ctx context.Context, h *simhost.Host) {
			present("second", basejail)(t, ctx, h)
			started("second")(t, ctx, h)
		}
		r.plan, r.run = on("second", jail.DestroyOptions{Force: true}, (*jail.JailGenerator).Destroy)
		add(r)
	}
	rows = append(rows, basejailOperations()...)
	rows = append(rows, storageOperations()...)
	rows = append(rows, propertiesOperations()...)
	rows = append(rows, runningOperations()...)
	rows = append(rows, updateOperations()...)
	rows = append(rows, limitOperations()...)
	return append(rows, networkOperations()...)
}

func plainHost(t *testing.T) *simhost.Host { return newHost(t) }

// faultHost is a host with a fetched release and a jail that has all kinds of
// mounts, so that starting it has all kinds of steps.
func faultHost(t *testing.T, basejail bool) (*simhost.Host, *jail.Jail) {
	t.Helper()
	h := newHost(t)
	j := newJail(t, h, "web", basejail, map[string]string{
		"mount_fdescfs": "yes", "exec_prestart": "true", "exec_created": "true",
		"exec_poststart": "true", "exec_prestop": "true", "exec_poststop": "true",
		"devfs_ruleset": "100", "mount_procfs": "1", "mount_linprocfs": "1",
	})
	ctx := context.Background()
	path, err := h.Mountpoint(ctx, j.Dataset())
	require.NoError(t, err)
	data := t.TempDir()
	line := fmt.Sprintf("%s\t%s/root/mnt\tnullfs\trw\t0\t0\n", data, path)
	require.NoError(t, os.WriteFile(filepath.Join(path, "fstab"), []byte(line), 0o644))
	// An old resolv.conf has to come back.
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(root, "etc/resolv.conf"), []byte("nameserver 192.0.2.1\n"), 0o640))
	rules := "[ours=100]\nadd hide\nadd path null unhide\nadd path fd unhide\nadd path 'fd/*' unhide\n"
	require.NoError(t, os.WriteFile(h.Files().DevfsRules, []byte(rules), 0o644))
	return h, j
}

// bareHost has a release without a snapshot and has never had a jail, so that
// creating one has all steps there are.
func bareHost(t *testing.T) *simhost.Host {
	t.Helper()
	h := newHost(t)
	require.NoError(t, h.Store.Destroy(context.Background(),
		"zroot/iocage/releases/"+testRelease+"/root@p0", zfsstore.DestroyOptions{}))
	return h
}

type readier func(t *testing.T, ctx context.Context, h *simhost.Host)

func absent(name string) readier {
	return func(t *testing.T, ctx context.Context, h *simhost.Host) {
		// An empty jail has no configuration, so it cannot be loaded.
		j, err := jail.New(ctx, h.Host, jail.Spec{Name: name})
		require.NoError(t, err)
		if _, err = j.Destroy(ctx, jail.DestroyOptions{Force: true}); err != nil {
			require.ErrorIs(t, err, jail.ErrNotFound)
		}
	}
}

// noneEver is a host as bareHost made it.
func noneEver(t *testing.T, ctx context.Context, h *simhost.Host) {
	absent("second")(t, ctx, h)
	for _, name := range []string{"zroot/iocage/jails", "zroot/iocage/releases/" + testRelease + "/root@p0"} {
		if err := h.Store.Destroy(ctx, name, zfsstore.DestroyOptions{}); err != nil {
			require.ErrorIs(t, err, zfsstore.ErrNotFound)
		}
	}
}

func present(name string, basejail bool) readier {
	return func(t *testing.T, ctx context.Context, h *simhost.Host) {
		_, err := jail.Load(ctx, h.Host, name)
		if err != nil {
			require.ErrorIs(t, err, jail.ErrNotFound)
			newJail(t, h, name, basejail, map[string]string{"exec_prestop": "true", "exec_poststop": "true"})
		}
	}
}

// stopped also takes back what a start leaves: the resolv.conf that came with
// the jail, the ruleset in the kernel. The module of linprocfs is loaded, so that
// the plan is the same after a reboot.
func stopped(name string) readier {
	return func(t *testing.T, ctx context.Context, h *simhost.Host) {
		j, err := jail.Load(ctx, h.Host, name)
		require.NoError(t, err)
		if j.Status().Running {
			_, err = j.Stop(ctx, jail.StopOptions{})
			require.NoError(t, err)
		}
		root, err := j.RootPath(ctx)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(root, "etc/resolv.conf"), []byte("nameserver 192.0.2.1\n"), 0o640))
		require.NoError(t, os.Chmod(filepath.Join(root, "etc/resolv.conf"), 0o640))
		require.NoError(t, h.Kernel.DevfsDeleteRules(ctx, 100))
		require.NoError(t, h.Kernel.ModuleLoad(ctx, "linprocfs"))
	}
}

// bare takes the mount points of a stopped jail away, so that a start makes them
// and its undo has to remove them; and its resolv.conf, if asked.
func bare(name string, resolver bool) readier {
	return func(t *testing.T, ctx context.Context, h *simhost.Host) {
		root, err := loaded(t, ctx, h, name).RootPath(ctx)
		require.NoError(t, err)
		gone := []string{"dev", "usr/lib32", "proc", "compat/linux/proc", "compat/linux", "compat"}
		if resolver {
			gone = append(gone, "etc/resolv.conf")
		}
		for _, name := range gone {
			if err := os.Remove(filepath.Join(root, name)); err != nil {
				require.ErrorIs(t, err, os.ErrNotExist)
			}
		}
	}
}

// leftover is a jail that ended without a stop: what it had mounted still is.
func leftover(name string) readier {
	return func(t *testing.T, ctx context.Context, h *simhost.Host) {
		started(name)(t, ctx, h)
		id, err := loaded(t, ctx, h, name).Identity(ctx)
		require.NoError(t, err)
		require.NoError(t, h.Kernel.JailRemove(ctx, id))
	}
}

// recovered is a host from which all leftovers were cleared.
func recovered(t *testing.T, ctx context.Context, h *simhost.Host) {
	_, err := jail.Recover(ctx, h.Host)
	require.NoError(t, err)
}

// down stops the jail as a user does.
func down(name string) readier {
	return func(t *testing.T, ctx context.Context, h *simhost.Host) {
		j, err := jail.Load(ctx, h.Host, name)
		require.NoError(t, err)
		_, err = j.Stop(ctx, jail.StopOptions{Force: true})
		require.NoError(t, err)
	}
}

func started(name string) readier {
	return func(t *testing.T, ctx context.Context, h *simhost.Host) {
		j, err := jail.Load(ctx, h.Host, name)
		require.NoError(t, err)
		if !j.Status().Running {
			_, err = j.Start(ctx, jail.StartOptions{})
			require.NoError(t, err)
		}
	}
}

// reading are the calls of the fakes that change nothing.
var reading = map[string]bool{
	"get": true, "list": true, "zpool": true,
	"getfsstat": true, "jail_get": true, "jail_params": true, "sysctl": true, "bootid": true,
	"features": true, "modfind": true, "devfs_rules": true, "devfs_rulesets": true, "process_list": true,
	"cpuset_getaffinity": true, "getifaddrs": true, "BRDGGIFS": true, "NET_RT_DUMP": true,
	"SIOCGIFAFLAG_IN6": true, "rctl_get_rules": true, "rctl_get_racct": true, "ipfw_list": true,
	"pfctl_status": true, "pfctl_rules": true, "pfctl_anchors": true,
}

// changes are the calls that the fakes were asked for since the last reset and
// that change something: "zfs create zroot/x", "nmount ...".
func changes(h *simhost.Host) []string {
	var out []string
	for _, c := range h.ZFS.Calls() {
		if !reading[c.Op] {
			out = append(out, "zfs "+strings.Join(c.Args, " "))
		}
	}
	for _, c := range h.Sim.Calls() {
		if !reading[c.Op] {
			out = append(out, c.String())
		}
	}
	h.ZFS.ForgetCalls()
	h.Sim.ResetCalls()
	return out
}

// TestPlanIsWhatRuns compares, for every operation, the printed plan with the
// steps that then run and with what the fakes are asked for in the meantime: planning
// changes nothing, exactly the planned steps run in their order, and each step
// changes only what its line of the plan names. Together they have every kind of step.
func TestPlanIsWhatRuns(t *testing.T) {
	seen := stepKinds{planned: map[string]bool{}}
	t.Run("operations", func(t *testing.T) {
		for i, row := range operations() {
			if testing.Short() && i%4 != 1 { // TestFaultMatrix has others
				continue
			}
			t.Run(row.name, func(t *testing.T) {
				t.Parallel()
				ctx := context.Background()
				h := row.setup(t)
				for _, how := range []string{"the plan", "the operation"} {
					row.ready(t, ctx, h)
					changes(h)
					before := world(t, h)
					p, err := row.plan(ctx, h)
					require.NoError(t, err)
					seen.add(t, row.name, p)
					printed := p.String()
					require.Empty(t, changes(h), "planning changed something")
					requireSame(t, before, world(t, h))

					var ran strings.Builder
					count := 0
					var was scene
					fmt.Fprint(&ran, strings.SplitAfter(printed, "\n")[0])
					ctx := plan.WithFault(ctx, func(at plan.Point) error {
						if at.Phase != "done" {
							assert.Empty(t, changes(h), "between steps")
							was = sceneOf(t, h)
							return nil
						}
						count++
						fmt.Fprintf(&ran, "%3d. %s: %s\n", count, at.Step.Kind, at.Step.Detail)
						for _, change := range changes(h) {
							assert.NoError(t, was.announced(h, change, at.Step)) // this is not the test's goroutine
						}
						return nil
					})
					if how == "the plan" {
						_, err = p.Run(ctx)
					} else {
						_, err = row.run(ctx, h)
					}
					require.NoError(t, err, how)
					require.Equal(t, printed, ran.String())
					require.Empty(t, changes(h), "after the last step")
				}
			})
		}
	})
	if !testing.Short() {
		seen.requireAll(t)
	}
}

// scene is what was there before a step, for calls that do not say by name what
// they are about.
type scene struct {
	mounts    host.MountTable
	processes map[int]kernel.Process // by pid
	jails     map[int]string         // by jid
}

func sceneOf(t *testing.T, h *simhost.Host) scene {
	ctx := context.Background()
	s := scene{processes: map[int]kernel.Process{}, jails: map[int]string{0: "the host"}}
	var err error
	s.mounts, err = h.Mounts(ctx)
	assert.NoError(t, err) // this is not the test's goroutine
	for p, err := range h.Sim.JailList(ctx, 0) {
		assert.NoError(t, err)
		s.jails[p.Int("jid")] = p.String("name")
	}
	for jid := range s.jails {
		list, err := h.Sim.ProcessList(ctx, jid)
		assert.NoError(t, err)
		for _, p := range list {
			s.processes[p.PID] = p
		}
	}
	h.Sim.ResetCalls()
	return s
}

// unmountAnnounced reports whether a file system is one that the step's line is
// about: one that it names, or below the root it names and, where it names
// places, at or below one.
func (was scene) unmountAnnounced(id, line string, s plan.Step) error {
	if s.Kind == "unmount what is left" {
		named := strings.Split(s.Detail, ", ")
		if !slices.ContainsFunc(was.mounts, func(m kernel.Mounted) bool {
			return m.FSID.String() == id && slices.Contains(named, m.Type+" on "+m.Path)
		}) {
			return fmt.Errorf("step %q (%s) does not name %q", s.Kind, s.Detail, line)
		}
		return nil
	}
	_, rest, ok := strings.Cut(s.Detail, "below the root of ")
	dataset, places, _ := strings.Cut(rest, " ")
	root, mounted := was.mounts.Dataset(dataset)
	if !ok || !mounted {
		return fmt.Errorf("step %q (%s) names no root for %q", s.Kind, s.Detail, line)
	}
	for _, m := range was.mounts {
		if m.FSID.String() != id {
			continue
		}
		at, below := strings.CutPrefix(m.Path, root+"/")
		for _, place := range strings.Split(places, ", ") {
			place = strings.TrimPrefix(place, "/")
			if below && (place == "" || at == place || strings.HasPrefix(at, place+"/")) {
				return nil
			}
		}
		return fmt.Errorf("step %q (%s) unmounts %s on %s", s.Kind, s.Detail, m.Type, m.Path)
	}
	return fmt.Errorf("step %q unmounts what was not mounted: %s", s.Kind, line)
}

// signalAnnounced reports whether only processes of the jail that the step names
// have ended.
func (was scene) signalAnnounced(h *simhost.Host, line string, s plan.Step) error {
	name, ok := strings.CutPrefix(s.Detail, "jail_remove ")
	if strings.Contains(s.Detail, "end dhclient") {
		name, ok = strings.Fields(s.Detail)[0], true
	}
	if !ok {
		return fmt.Errorf("step %q (%s) does not announce %q", s.Kind, s.Detail, line)
	}
	for jid, jail := range was.jails {
		list, err := h.Sim.ProcessList(context.Background(), jid)
		if err != nil {
			return err
		}
		here := map[int]bool{}
		for _, p := range list {
			here[p.PID] = true
		}
		for pid, p := range was.processes {
			if p.JID == jid && jail != name && !here[pid] {
				return fmt.Errorf("step %q (%s) ends process %d (%s) of %s", s.Kind, s.Detail, pid, p.Command, jail)
			}
		}
	}
	h.Sim.ResetCalls()
	return nil
}

// wholeTree is a dataset of which a step names all that is below too.
var wholeTree = regexp.MustCompile(`(\S+) with children and snapshots`)

// announced reports whether a step's line in the plan names what a change is
// about.
func (was scene) announced(h *simhost.Host, change string, s plan.Step) error {
	if s.Kind == "run updater" {
		return announcedByUpdater(change, s)
	}
	words := strings.Fields(change)
	var named []string
	switch words[0] {
	case "zfs":
		for _, w := range words[2:] {
			// A rename goes by a name of the dataset's guid.
			if strings.HasPrefix(w, simhost.Pool) && (words[2] != "rename" || !strings.HasPrefix(path.Base(w), ".")) {
				named = append(named, w)
			}
		}
		if len(named) == 0 {
			return fmt.Errorf("which dataset? %s", change)
		}
	case "nmount":
		_, at, _ := strings.Cut(words[3], "/root/")
		named = append(named, words[1], words[2], "/"+at)
	case "jail_set":
		for _, w := range words {
			if name, ok := strings.CutPrefix(w, "name="); ok {
				named = append(named, strings.Trim(name, `"`))
			}
		}
	case "jail_remove":
		named = append(named, "jail_remove")
	case "unmount":
		return was.unmountAnnounced(words[1], change, s)
	case "devfs_add", "devfs_delete", "devfs_apply":
		named = append(named, words[1])
	case "kldload":
		named = append(named, words[1])
	case "run":
		named = append(named, words[len(words)-1])
	case "process_signal", "process_wait":
		return was.signalAnnounced(h, change, s)
	}
	if err, known := networkAnnounced(words, s); known {
		return err
	}
	if len(named) == 0 {
		return fmt.Errorf("nothing is known of %q", change)
	}
	for _, name := range named {
		if slices.ContainsFunc(wholeTree.FindAllStringSubmatch(s.Detail, -1), func(all []string) bool { return strings.HasPrefix(name, all[1]+"/") }) {
			continue
		}
		// zroot/x@s with children names zroot/x/y@s.
		if all, _, ok := strings.Cut(s.Detail, " with children"); ok {
			of, snapshot, _ := strings.Cut(all, "@")
			if below, same := strings.CutSuffix(name, "@"+snapshot); same && strings.HasPrefix(below, of+"/") {
				continue
			}
		}
		if !strings.Contains(s.Kind+" "+s.Detail, name) {
			return fmt.Errorf("step %q (%s) does not name %s of %q", s.Kind, s.Detail, name, change)
		}
	}
	return nil
}
