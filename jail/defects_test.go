package jail_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/fault"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// Defects of libioc and losses that users of other managers told of, one test
// each. None may come back.

// kernelSays is what the kernel has of a running jail.
func kernelSays(t *testing.T, h *simhost.Host, j *jail.Jail, want ...string) kernel.Params {
	t.Helper()
	p, err := h.Kernel.JailGet(context.Background(), 0, kernel.ByName(j.Identifier()), want...)
	require.NoError(t, err)
	return p
}

func start(t testing.TB, j *jail.Jail) []events.IocEvent {
	t.Helper()
	all, err := j.Start(context.Background(), jail.StartOptions{})
	require.NoError(t, err)
	return all
}

// hookHost is newHost with a program for hooks: "note FILE NAME..." adds a line
// to a file, with the values of the variables, or the words themselves.
func hookHost(t *testing.T) *simhost.Host {
	t.Helper()
	h, err := simhost.Open(simhost.Options{Dir: memoryDir(t), Programs: map[string]simkernel.Program{
		"note": func(_ context.Context, p *simkernel.Process) int {
			f, err := os.OpenFile(p.Argv[1], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
			if err != nil {
				return 1
			}
			defer f.Close()
			var words []string
			for _, w := range p.Argv[2:] {
				if strings.ToUpper(w) == w {
					w = p.Getenv(w)
				}
				words = append(words, w)
			}
			fmt.Fprintln(f, strings.Join(words, ":"))
			return 0
		},
	}})
	require.NoError(t, err)
	t.Cleanup(func() { h.Close() })
	fetch(t, h)
	return h
}

// programs puts programs of the simulated kernel into the jail.
func programs(t *testing.T, j *jail.Jail, names ...string) *jail.Jail {
	t.Helper()
	root, err := j.RootPath(context.Background())
	require.NoError(t, err)
	for _, name := range names {
		require.NoError(t, os.WriteFile(filepath.Join(root, "bin", name), []byte("#!sim "+name+"\n"), 0o755))
	}
	return j
}

// libioc sent allow.x with the value 0, which by its presence turned it on.
func TestDefectPermissionsSetToZeroWereGranted(t *testing.T) {
	h := newHost(t)
	j := newJail(t, h, "web", false, map[string]string{"allow_raw_sockets": "0", "allow_mlock": "0", "allow_chflags": "1"})
	start(t, j)
	p := kernelSays(t, h, j, "allow.raw_sockets", "allow.mlock", "allow.chflags", "allow.mount")
	require.False(t, p.Bool("allow.raw_sockets"))
	require.False(t, p.Bool("allow.mlock"))
	require.False(t, p.Bool("allow.mount"))
	require.True(t, p.Bool("allow.chflags"))
}

// libioc had new and inherit swapped: jails shared the host's System V IPC.
func TestDefectSysvIPCWasInherited(t *testing.T) {
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)
	start(t, j)
	for _, name := range []string{"sysvmsg", "sysvsem", "sysvshm"} {
		require.Equal(t, int(kernel.JailSysNew), kernelSays(t, h, j, name).Int(name), name)
	}
}

// A failing host hook left its event open and could not be forced over.
func TestDefectHostHookFailureBypassedForce(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, map[string]string{"exec_prestop": "echo why; false", "exec_poststop": "false"})
	start(t, j)
	all, err := j.Stop(ctx, jail.StopOptions{})
	var hook *jail.HookError
	require.ErrorAs(t, err, &hook)
	require.Equal(t, "prestop", hook.Hook)
	var told bool
	for _, e := range all {
		if e, ok := e.(events.JailHookPrestop); ok && e.Head().State == events.Failed {
			told = true
			require.Equal(t, "why\n", e.Stdout, "a failed hook keeps its output")
		}
	}
	require.True(t, told)
	running, err := j.Running(ctx)
	require.NoError(t, err)
	require.True(t, running)

	_, err = j.Stop(ctx, jail.StopOptions{Force: true})
	require.ErrorAs(t, err, &hook, "what came behind the removal is told")
	require.Equal(t, "poststop", hook.Hook)
	running, err = j.Running(ctx)
	require.NoError(t, err)
	require.False(t, running)
}

// Remaining bytes of a command's output were lost when it ended.
func TestDefectOutputWasTruncated(t *testing.T) {
	h := newHost(t)
	var lines []string
	for i := range 400 {
		lines = append(lines, fmt.Sprintf("echo line %d", i))
	}
	script := strings.Join(lines, "; ")
	j := programs(t, newJail(t, h, "web", false, map[string]string{"exec_start": script, "exec_poststart": script}), "sh", "echo")
	got := map[string]int{}
	for _, e := range start(t, j) {
		if e.Head().State != events.Done {
			continue
		}
		switch e := e.(type) {
		case events.JailHookStart:
			got["start"] = strings.Count(e.Stdout, "\n")
		case events.JailHookPoststart:
			got["poststart"] = strings.Count(e.Stdout, "\n")
		}
	}
	out, err := j.Exec(context.Background(), []string{"/bin/sh", "-c", script}, jail.ExecOptions{})
	require.NoError(t, err)
	got["exec"] = strings.Count(string(out.Stdout), "\n")
	require.Equal(t, map[string]int{"start": 400, "poststart": 400, "exec": 400}, got)
}

// Overrides of fork_exec were written into the jail's configuration.
func TestDefectForkExecOverridesLeaked(t *testing.T) {
	ctx := context.Background()
	h := hookHost(t)
	j := newJail(t, h, "web", false, map[string]string{"host_hostname": "own"})
	seen := filepath.Join(t.TempDir(), "created")
	before := world(t, h)
	out, all, err := j.ForkExec(ctx, []string{"/bin/freebsd-version"}, jail.ForkExecOptions{
		Properties: map[string]string{"host_hostname": "other", "exec_created": "note " + seen + " IOC_HOST_HOSTNAME", "resolver": "/dev/null"},
	})
	require.NoError(t, err)
	require.Zero(t, out.ExitCode)
	require.Equal(t, testRelease+"\n", string(out.Stdout))
	require.NotEmpty(t, all)
	data, err := os.ReadFile(seen)
	require.NoError(t, err)
	require.Equal(t, "other\n", string(data), "hooks of the run see the override")
	own, err := j.Effective().Text("host_hostname")
	require.NoError(t, err)
	require.Equal(t, "own", own)
	require.False(t, j.Config().Changed())
	requireSame(t, withoutDevices(before), withoutDevices(world(t, h)))
}

// withoutDevices leaves /dev out, which stays as a directory.
func withoutDevices(lines []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return strings.Contains(l, "/root/dev") })
}

// Numbers of computed rulesets were the count of rulesets plus one, which
// collided; and a missing ruleset was a KeyError.
func TestDefectRulesetNumbersCollided(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	rules := "[mine=1000]\nadd hide\n[gap=1002]\nadd hide\nadd path null unhide\n"
	require.NoError(t, os.WriteFile(h.Files().DevfsRules, []byte(rules), 0o644))
	// 1001 is taken in the kernel, by a program that wrote no file.
	require.NoError(t, h.Kernel.DevfsAddRule(ctx, 1001, kernel.DevfsRule{Hide: true}))
	var jails []*jail.Jail
	for i := range 8 {
		p := map[string]string{"bpf": "1"}
		if i%2 == 1 {
			p["allow_vmm"] = "1"
		}
		jails = append(jails, newJail(t, h, fmt.Sprintf("web%d", i), false, p))
	}
	var group sync.WaitGroup
	for _, j := range jails {
		group.Go(func() {
			_, err := j.Start(ctx, jail.StartOptions{})
			require.NoError(t, err)
		})
	}
	group.Wait()
	numbers := map[int]int{}
	for _, j := range jails {
		n := kernelSays(t, h, j, "devfs_ruleset").Int("devfs_ruleset")
		require.NotContains(t, []int{0, 4, 1000, 1001, 1002}, n)
		numbers[n]++
		there, err := h.Kernel.DevfsRules(ctx, uint16(n))
		require.NoError(t, err)
		require.Equal(t, "bpf*", there[slices.IndexFunc(there, func(r kernel.DevfsRule) bool { return r.Path == "bpf*" })].Path)
	}
	require.Len(t, numbers, 2, "equal rules are one ruleset, different ones are two")

	j := newJail(t, h, "missing", false, map[string]string{"devfs_ruleset": "4711"})
	_, err := j.Start(ctx, jail.StartOptions{})
	require.ErrorIs(t, err, jail.ErrConfig)
}

// The poststop hook did not get the caller's environment.
func TestDefectPoststopLackedTheEnvironment(t *testing.T) {
	ctx := context.Background()
	h := hookHost(t)
	seen := filepath.Join(t.TempDir(), "poststop")
	j := newJail(t, h, "web", false, map[string]string{"exec_poststop": "note " + seen + " MINE"})
	start(t, j)
	_, err := j.Stop(ctx, jail.StopOptions{Env: map[string]string{"MINE": "secret"}})
	require.NoError(t, err)
	data, err := os.ReadFile(seen)
	require.NoError(t, err)
	require.Equal(t, "secret\n", string(data))
}

// exec_fib and exec_jail_user had no effect.
func TestDefectExecPropertiesHadNoEffect(t *testing.T) {
	ctx := context.Background()
	var fib int
	var user uint32
	h, err := simhost.Open(simhost.Options{
		Dir:    memoryDir(t),
		Kernel: func(o *simkernel.Options) { o.Sysctls = map[string]string{"net.fibs": "4"} },
		Programs: map[string]simkernel.Program{"sh": func(_ context.Context, p *simkernel.Process) int {
			fib, user = p.FIB, p.User()
			return 0
		}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { h.Close() })
	fetch(t, h)
	j := newJail(t, h, "web", false, map[string]string{"exec_fib": "3", "exec_jail_user": "daemon"})
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(root, "etc/passwd"), []byte("daemon:*:1:1::/:/\n"), 0o644))
	start(t, j)
	require.Equal(t, 3, fib)
	require.Equal(t, uint32(1), user)
	require.NoError(t, j.Config().Set("exec_fib", "9"))
	_, err = j.Restart(ctx, jail.RestartOptions{})
	require.ErrorContains(t, err, "net.fibs")
}

// stepOf is the number of a plan's first step of a kind.
func stepOf(t *testing.T, p *jail.Plan, kind string) int {
	t.Helper()
	step := slices.IndexFunc(p.Steps(), func(s jail.PlanStep) bool { return s.Kind == kind })
	require.GreaterOrEqual(t, step, 0, kind)
	return step
}

// startByAnother makes a jail of that name and root as another program does.
func startByAnother(t *testing.T, h *simhost.Host, j *jail.Jail) {
	t.Helper()
	ctx := context.Background()
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	_, err = h.Kernel.JailSet(ctx, kernel.JailCreate, kernel.String("name", j.Identifier()), kernel.String("path", root), kernel.Bool("persist", true))
	require.NoError(t, err)
}

// pot#202: the clean-up of a start that died stopped the jail which somebody
// had started meanwhile.
func TestLossCleanupStoppedAnothersJail(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, map[string]string{"exec_poststart": "true"})
	p, err := j.Generator().ForkExec([]string{"/bin/freebsd-version"}, jail.ForkExecOptions{}).Plan(ctx)
	require.NoError(t, err)
	remove := stepOf(t, p, "remove jail")
	_, _, err = j.ForkExec(plan.WithFault(ctx, at(remove, "do", plan.ErrCrash)), []string{"/bin/freebsd-version"}, jail.ForkExecOptions{})
	require.ErrorIs(t, err, plan.ErrCrash)
	id, err := j.Identity(ctx)
	require.NoError(t, err)
	require.NoError(t, h.Kernel.JailRemove(ctx, id))
	startByAnother(t, h, j)
	_, _ = jail.Recover(ctx, h.Host)
	running, err := j.Running(ctx)
	require.NoError(t, err)
	require.True(t, running)
}

// iocage#407, libioc#622, cbsd#777: what a stop could not unmount stayed, and
// destroy failed with "busy" for ever.
func TestLossStopLeftMounts(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", true, nil)
	start(t, j)
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(root, "mnt"), 0o755))
	_, err = h.Kernel.Nmount(ctx, kernel.MountRequest{Type: "tmpfs", From: "tmpfs", Path: filepath.Join(root, "mnt")})
	require.NoError(t, err)
	_, err = j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	mounts, err := h.Mounts(ctx)
	require.NoError(t, err)
	require.Empty(t, mounts.Below(root))
	_, err = j.Destroy(ctx, jail.DestroyOptions{})
	require.NoError(t, err)
}

// cbsd#291: rc ran twice in one jail, and its daemons destroyed their data.
func TestLossRcRanTwice(t *testing.T) {
	ctx := context.Background()
	h := hookHost(t)
	log := filepath.Join(t.TempDir(), "starts")
	j := newJail(t, h, "web", false, map[string]string{"exec_poststart": "note " + log + " x"})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			other, err := jail.Load(ctx, h.Host, "web")
			require.NoError(t, err)
			_, err = other.Start(ctx, jail.StartOptions{Busy: jail.BusyWait})
			if err != nil {
				require.ErrorIs(t, err, jail.ErrRunning)
			}
		})
	}
	group.Wait()
	data, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Equal(t, "x\n", string(data))
	_, err = j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
}

// Journals held the environment of hooks, with what the caller had in it.
func TestDefectJournalsHeldSecrets(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	t.Setenv("TOKEN_OF_THE_CALLER", "hunter2")
	j := newJail(t, h, "web", false, map[string]string{"exec_clean": "0", "exec_poststart": "true", "exec_poststop": "true"})
	path := h.JournalPath("ioc", "jail", "web")
	looked := 0
	watch := plan.WithFault(ctx, func(plan.Point) error {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NotContains(t, string(data), "hunter2")
		require.NotContains(t, string(data), "IOC_")
		looked++
		return nil
	})
	secret := map[string]string{"PASSWORD": "hunter2"}
	_, err := j.Start(watch, jail.StartOptions{Env: secret})
	require.NoError(t, err)
	_, err = j.Restart(watch, jail.RestartOptions{Env: secret, Shutdown: true})
	require.NoError(t, err)
	_, err = j.Stop(watch, jail.StopOptions{Env: secret})
	require.NoError(t, err)
	_, _, err = j.ForkExec(watch, []string{"/bin/freebsd-version"}, jail.ForkExecOptions{Env: secret})
	require.NoError(t, err)
	require.NotZero(t, looked)
}

// A hook that another run's journal names gets the jail's environment, not the
// one of whoever recovers.
func TestRecoveredHookHasNotTheRecoverersVariables(t *testing.T) {
	ctx := context.Background()
	h := hookHost(t)
	seen := filepath.Join(t.TempDir(), "poststop")
	j := newJail(t, h, "web", false, map[string]string{"exec_poststop": "note " + seen + " IOC_NAME MINE"})
	start(t, j)
	p, err := j.Generator().Stop(jail.StopOptions{}).Plan(ctx)
	require.NoError(t, err)
	hook := slices.IndexFunc(p.Steps(), func(s jail.PlanStep) bool { return s.Kind == "run hook" && strings.Contains(s.Detail, "poststop") })
	_, err = j.Stop(plan.WithFault(ctx, at(hook, "do", plan.ErrCrash)), jail.StopOptions{Env: map[string]string{"MINE": "first"}})
	require.ErrorIs(t, err, plan.ErrCrash)
	_, err = j.Start(ctx, jail.StartOptions{Env: map[string]string{"MINE": "second"}})
	require.NoError(t, err)
	data, err := os.ReadFile(seen)
	require.NoError(t, err)
	require.Equal(t, "web:\n", string(data))
}

// A permission whose file system is not there names its module; one whose
// module cannot be had is refused with the remedy.
func TestMissingModules(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, map[string]string{"allow_mount_fusefs": "1"})
	start(t, j)
	require.True(t, kernelSays(t, h, j, "allow.mount.fusefs").Bool("allow.mount.fusefs"))
	loaded, err := h.Kernel.ModuleLoaded(ctx, "fusefs")
	require.NoError(t, err)
	require.True(t, loaded)
	other := newJail(t, h, "other", false, map[string]string{"allow_vmm": "1"})
	h.Sim.Fail(t, fault.Fault{Op: simkernel.OpKldload, Match: "vmm", Nth: 1, Err: &kernel.CallError{Op: "kldload", Subject: "vmm", Err: kernel.ErrNotFound}})
	_, err = other.Start(ctx, jail.StartOptions{})
	var missing *jail.ParamError
	require.ErrorAs(t, err, &missing)
	require.Equal(t, "vmm", missing.Module)
	require.ErrorIs(t, err, kernel.ErrNotFound)
	require.ErrorIs(t, err, jail.ErrConfig)
}

// What a command in the jail says is added to the console log, which must not
// lie in the jail.
func TestConsoleLog(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	log := filepath.Join(t.TempDir(), "console.log")
	j := programs(t, newJail(t, h, "web", false, map[string]string{"exec_start": "echo one", "exec_stop": "echo two", "user.exec_consolelog": log}), "echo")
	start(t, j)
	_, err := j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	data, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Equal(t, "one\ntwo\n", string(data))
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	require.NoError(t, j.Config().Set("user.exec_consolelog", filepath.Join(root, "var/log/console")))
	_, err = j.Start(ctx, jail.StartOptions{})
	require.ErrorIs(t, err, jail.ErrConfig)
}

// A one-shot jail that a crash left is cleared by Recover, and its command's
// failure still takes the jail down.
func TestForkExecTakesTheJailDown(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := programs(t, newJail(t, h, "web", false, nil), "sleep")
	_, _, err := j.ForkExec(ctx, []string{"/no/such"}, jail.ForkExecOptions{})
	require.ErrorIs(t, err, kernel.ErrNotFound)
	require.Empty(t, strings.Join(invariants(h), "\n"))
	_, err = j.Start(ctx, jail.StartOptions{SingleCommand: "exit 3"})
	var hook *jail.HookError
	require.ErrorAs(t, err, &hook)
	require.Equal(t, 3, hook.ExitCode)
	require.Empty(t, strings.Join(invariants(h), "\n"))
	late, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	_, err = j.Start(late, jail.StartOptions{SingleCommand: "sleep 600"})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Empty(t, strings.Join(invariants(h), "\n"))
}

// The datasets of jail_zfs_dataset must be there and be jailed.
func TestSharedDatasetsAreChecked(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := shareWith(t, h, "web", nil)
	_, err := j.Start(ctx, jail.StartOptions{})
	require.ErrorIs(t, err, jail.ErrDatasetNotJailed)
	require.ErrorContains(t, err, "zfs set jailed=on zroot/shared")
	require.NoError(t, j.Config().Set("jail_zfs_dataset", "zroot/nothing"))
	_, err = j.Start(ctx, jail.StartOptions{})
	var share *jail.ShareError
	require.ErrorAs(t, err, &share)
	require.Equal(t, "zroot/nothing", share.Dataset)
	require.ErrorIs(t, err, jail.ErrDatasetNotAvailable)
}

func TestSoftRestartGoesOn(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	log := filepath.Join(t.TempDir(), "log")
	j := programs(t, newJail(t, h, "web", false, map[string]string{
		"exec_start": "echo start", "exec_stop": "echo stop; false", "user.exec_consolelog": log,
	}), "echo", "false")
	_, err := j.Restart(ctx, jail.RestartOptions{})
	require.ErrorIs(t, err, jail.ErrNotRunning)
	start(t, j)
	before, err := j.Identity(ctx)
	require.NoError(t, err)
	_, err = j.Restart(ctx, jail.RestartOptions{})
	var hook *jail.HookError
	require.ErrorAs(t, err, &hook)
	require.Equal(t, "stop", hook.Hook)
	_, err = j.Restart(ctx, jail.RestartOptions{Force: true})
	require.NoError(t, err)
	after, err := j.Identity(ctx)
	require.NoError(t, err)
	require.Equal(t, before, after)
	data, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Equal(t, "start\nstop\nstart\nstop\nstart\n", string(data))
}
