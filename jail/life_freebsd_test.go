package jail_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// quick are properties of a jail whose start runs nothing.
func quick(more ...string) map[string]string {
	p := map[string]string{"exec_start": "none", "exec_stop": "none"}
	for i := 0; i < len(more); i += 2 {
		p[more[i]] = more[i+1]
	}
	return p
}

func realStart(t testing.TB, j *jail.Jail) {
	t.Helper()
	_, err := j.Start(context.Background(), jail.StartOptions{})
	require.NoError(t, err)
}

func realStop(t testing.TB, j *jail.Jail) {
	t.Helper()
	_, err := j.Stop(context.Background(), jail.StopOptions{})
	require.NoError(t, err)
}

// Below lists what is mounted below the jail's root: "type on /place".
func below(t testing.TB, h *host.Host, j *jail.Jail) (out []string) {
	t.Helper()
	ctx := context.Background()
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	mounts, err := h.Mounts(ctx)
	require.NoError(t, err)
	for _, m := range mounts {
		if rel, ok := strings.CutPrefix(m.Path, root+"/"); ok {
			out = append(out, m.Type+" on /"+rel)
		}
	}
	return out
}

func TestRealCreateAndRun(t *testing.T) {
	h := realHost(t)
	ctx := context.Background()
	j := realJail(t, h, "plain.with.dots", false, quick("mount_devfs", "0"))
	path, err := h.Mountpoint(ctx, j.Dataset())
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(path, "config.json"))
	require.False(t, j.IsBasejail())
	require.Equal(t, "jailtest-plain*with*dots", j.Identifier())

	require.Empty(t, below(t, h, j))
	realStart(t, j)
	running, err := j.Running(ctx)
	require.NoError(t, err)
	require.True(t, running)
	require.Empty(t, below(t, h, j), "mount_devfs=0")
	p, err := h.Kernel.JailGet(ctx, 0, kernel.ByName(j.Identifier()), "path", "host.hostuuid", "allow.mlock", "persist")
	require.NoError(t, err)
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	require.Equal(t, root, p.String("path"))
	require.False(t, p.Bool("allow.mlock"))
	uuid, err := j.HostUUID(ctx)
	require.NoError(t, err)
	require.Equal(t, uuid, p.String("host.hostuuid"))
	realStop(t, j)
	running, err = j.Running(ctx)
	require.NoError(t, err)
	require.False(t, running)
}

func TestRealDeviceMounts(t *testing.T) {
	h := realHost(t)
	for _, c := range []struct {
		devfs, fdescfs string
		want           []string
	}{
		{"0", "0", nil},
		{"1", "0", []string{"devfs on /dev"}},
		{"0", "1", []string{"fdescfs on /dev/fd"}},
		{"1", "1", []string{"devfs on /dev", "fdescfs on /dev/fd"}},
	} {
		t.Run("devfs="+c.devfs+" fdescfs="+c.fdescfs, func(t *testing.T) {
			j := realJail(t, h, "devices", false, quick("mount_devfs", c.devfs, "mount_fdescfs", c.fdescfs))
			realStart(t, j)
			require.Equal(t, c.want, below(t, h, j))
			realStop(t, j)
			require.Empty(t, below(t, h, j))
		})
	}
}

// A standalone jail becomes a basejail at its next start: every directory of
// the base system is the release's, read-only, and gone after the stop.
func TestRealBecomesABasejail(t *testing.T) {
	h := realHost(t)
	ctx := context.Background()
	j := realJail(t, h, "switch", false, quick())
	require.NoError(t, j.Config().Set("basejail", "yes"))
	require.NoError(t, j.Save(ctx))
	realStart(t, j)
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	for _, dir := range []string{"bin", "boot", "lib", "libexec", "rescue", "sbin", "usr/bin", "usr/include", "usr/lib", "usr/libexec", "usr/sbin", "usr/share", "usr/libdata"} {
		var fs syscall.Statfs_t
		require.NoError(t, syscall.Statfs(filepath.Join(root, dir), &fs))
		kind := make([]byte, 0, 16)
		for _, c := range fs.Fstypename {
			if c != 0 {
				kind = append(kind, byte(c))
			}
		}
		require.Equal(t, "nullfs", string(kind), dir)
		err := os.WriteFile(filepath.Join(root, dir, "written"), nil, 0o644)
		require.ErrorIs(t, err, syscall.EROFS, dir)
	}
	out, err := j.Exec(ctx, []string{"/bin/freebsd-version"}, jail.ExecOptions{})
	require.NoError(t, err)
	require.Zero(t, out.ExitCode, string(out.Stderr))
	realStop(t, j)
	require.Empty(t, below(t, h, j))
}

func TestRealFstab(t *testing.T) {
	h := realHost(t)
	ctx := context.Background()
	j := realJail(t, h, "fstab", false, quick())
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	path, err := h.Mountpoint(ctx, j.Dataset())
	require.NoError(t, err)
	data := filepath.Join(t.TempDir(), "with space")
	require.NoError(t, os.MkdirAll(filepath.Join(data, "inner"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(root, "mnt/a b"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(data, "file"), []byte("shared"), 0o644))
	escaped := strings.ReplaceAll(data, " ", `\040`)
	text := "# kept\n\n" +
		escaped + "\t" + root + `/mnt/a\040b` + "\tnullfs\tro\t0\t0\n" +
		"tmpfs\t/mnt/a\\040b/inner\ttmpfs\trw,size=1m\t0\t0\n"
	require.NoError(t, os.WriteFile(filepath.Join(path, "fstab"), []byte(text), 0o644))
	realStart(t, j)
	require.Equal(t, []string{"nullfs on /mnt/a b", "tmpfs on /mnt/a b/inner", "devfs on /dev"}, below(t, h, j))
	out, err := j.Exec(ctx, []string{"/bin/cat", "/mnt/a b/file"}, jail.ExecOptions{})
	require.NoError(t, err)
	require.Equal(t, "shared", string(out.Stdout))
	realStop(t, j)
	require.Empty(t, below(t, h, j))
	kept, err := os.ReadFile(filepath.Join(path, "fstab"))
	require.NoError(t, err)
	require.Equal(t, text, string(kept))
}

func TestRealPermissionsWithAModule(t *testing.T) {
	h := realHost(t)
	ctx := context.Background()
	j := realJail(t, h, "perms", false, quick("allow_mlock", "1", "allow_mount_fusefs", "1"))
	realStart(t, j)
	p, err := h.Kernel.JailGet(ctx, 0, kernel.ByName(j.Identifier()), "allow.mlock", "allow.mount", "allow.mount.fusefs", "enforce_statfs", "allow.chflags")
	require.NoError(t, err)
	require.True(t, p.Bool("allow.mlock"))
	require.True(t, p.Bool("allow.mount.fusefs"))
	require.True(t, p.Bool("allow.mount"))
	require.Equal(t, 1, p.Int("enforce_statfs"))
	require.False(t, p.Bool("allow.chflags"))
	realStop(t, j)
}

func TestRealHooks(t *testing.T) {
	h := realHost(t)
	ctx := context.Background()
	dir := t.TempDir()
	env := func(name string) string { return "env > " + filepath.Join(dir, name) }
	j := realJail(t, h, "hooks", false, map[string]string{
		"exec_prestart": env("prestart"), "exec_created": env("created"), "exec_poststart": env("poststart"),
		"exec_prestop": env("prestop"), "exec_poststop": env("poststop"),
		"exec_start": "env > /tmp/start; i=0; while [ $i -lt 400 ]; do echo line $i; i=$((i+1)); done",
		"exec_stop":  "env > /tmp/stop", "notes": "a note",
		"user.exec_consolelog": filepath.Join(dir, "console.log"),
	})
	all, err := j.Start(ctx, jail.StartOptions{Env: map[string]string{"MINE": "yes"}})
	require.NoError(t, err)
	var stdout string
	for _, e := range all {
		if hook, ok := e.(events.JailHookStart); ok {
			stdout = hook.Stdout
		}
	}
	require.Equal(t, 400, strings.Count(stdout, "line "), "the whole output is in the final event")
	id, err := j.Identity(ctx)
	require.NoError(t, err)
	_, err = j.Stop(ctx, jail.StopOptions{Env: map[string]string{"MINE": "yes"}})
	require.NoError(t, err)
	log, err := os.ReadFile(filepath.Join(dir, "console.log"))
	require.NoError(t, err)
	require.Equal(t, stdout, string(log))
	require.True(t, strings.HasSuffix(stdout, "line 399\n"))

	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	for name, file := range map[string]string{
		"prestart": dir + "/prestart", "created": dir + "/created", "start": root + "/tmp/start", "poststart": dir + "/poststart",
		"prestop": dir + "/prestop", "stop": root + "/tmp/stop", "poststop": dir + "/poststop",
	} {
		data, err := os.ReadFile(file)
		require.NoError(t, err, name)
		vars := "\n" + string(data)
		require.Contains(t, vars, "\nIOC_NAME=hooks\n", name)
		require.Contains(t, vars, "\nIOC_NOTES=a note\n", name)
		require.Contains(t, vars, "\nIOC_JAIL_PATH="+root+"\n", name)
		require.Contains(t, vars, "\nJNAME="+j.Identifier()+"\n", name)
		require.Contains(t, vars, "\nMINE=yes\n", name)
		if name != "prestart" && name != "poststop" {
			require.Contains(t, vars, fmt.Sprintf("\nIOC_JID=%d\n", id.JID), name)
		}
	}
}

func TestRealHookFailsAndTimesOut(t *testing.T) {
	h := realHost(t)
	ctx := context.Background()
	for name, c := range map[string]struct {
		key, command string
		is           error
	}{
		"start fails":     {"exec_start", "echo no >&2; exit 3", nil},
		"start is killed": {"exec_start", "sleep 600", context.DeadlineExceeded},
		"host is killed":  {"exec_created", "sleep 600 & sleep 600", context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			j := realJail(t, h, "failing", true, quick("exec_timeout", "5", c.key, c.command))
			began := time.Now()
			_, err := j.Start(ctx, jail.StartOptions{})
			var hook *jail.HookError
			require.ErrorAs(t, err, &hook)
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
				require.Less(t, time.Since(began), 90*time.Second)
			} else {
				require.Equal(t, 3, hook.ExitCode)
				require.Contains(t, hook.Output, "no")
			}
			running, err := j.Running(ctx)
			require.NoError(t, err)
			require.False(t, running)
			require.Empty(t, below(t, h, j))
		})
	}
}

func TestRealExecAndForkExec(t *testing.T) {
	h := realHost(t)
	ctx := context.Background()
	j := realJail(t, h, "exec", true, quick("host_hostname", "configured"))

	out, _, err := j.ForkExec(ctx, []string{"/bin/sh", "-c", "hostname; echo err >&2; exit 7"}, jail.ForkExecOptions{
		Properties: map[string]string{"host_hostname": "for-this-run"},
	})
	require.NoError(t, err)
	require.Equal(t, 7, out.ExitCode)
	require.Equal(t, "for-this-run\n", string(out.Stdout))
	require.Equal(t, "err\n", string(out.Stderr))
	running, err := j.Running(ctx)
	require.NoError(t, err)
	require.False(t, running)
	require.Empty(t, below(t, h, j))
	name, err := j.Effective().Text("host_hostname")
	require.NoError(t, err)
	require.Equal(t, "configured", name)

	_, _, err = j.ForkExec(ctx, []string{"/no/such/program"}, jail.ForkExecOptions{})
	require.ErrorIs(t, err, kernel.ErrNotFound)
	require.Empty(t, below(t, h, j))
	_, err = j.Start(ctx, jail.StartOptions{SingleCommand: "exit 4"})
	var hook *jail.HookError
	require.ErrorAs(t, err, &hook)
	require.Equal(t, 4, hook.ExitCode)
	require.Empty(t, below(t, h, j))

	realStart(t, j)
	out, err = j.Exec(ctx, []string{"/usr/bin/id", "-un"}, jail.ExecOptions{User: "nobody"})
	require.NoError(t, err)
	require.Equal(t, "nobody\n", string(out.Stdout), string(out.Stderr))
	out, err = j.Exec(ctx, []string{"/bin/sh", "-c", "exit 9"}, jail.ExecOptions{})
	require.NoError(t, err)
	require.Equal(t, 9, out.ExitCode)
	_, err = j.Exec(ctx, []string{"/usr/bin/true"}, jail.ExecOptions{User: "nosuchuser"})
	require.ErrorIs(t, err, kernel.ErrNotFound)
	realStop(t, j)
	_, err = j.Exec(ctx, []string{"/usr/bin/true"}, jail.ExecOptions{})
	require.ErrorIs(t, err, jail.ErrNotRunning)
}

func TestRealRestart(t *testing.T) {
	h := realHost(t)
	ctx := context.Background()
	j := realJail(t, h, "restart", true, map[string]string{
		"exec_start": "echo start >> /tmp/log", "exec_stop": "echo stop >> /tmp/log",
	})
	realStart(t, j)
	before, err := j.Identity(ctx)
	require.NoError(t, err)
	_, err = j.Restart(ctx, jail.RestartOptions{})
	require.NoError(t, err)
	after, err := j.Identity(ctx)
	require.NoError(t, err)
	require.Equal(t, before, after, "a soft restart keeps the jail")
	_, err = j.Restart(ctx, jail.RestartOptions{Shutdown: true})
	require.NoError(t, err)
	after, err = j.Identity(ctx)
	require.NoError(t, err)
	require.NotEqual(t, before.JID, after.JID)
	realStop(t, j)
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	log, err := os.ReadFile(root + "/tmp/log")
	require.NoError(t, err)
	require.Equal(t, "start\nstop\nstart\nstop\nstart\nstop\n", string(log))
}

// A process that ends on SIGTERM gets the time for it.
func TestRealStopTimeout(t *testing.T) {
	h := realHost(t)
	j := realJail(t, h, "term", true, map[string]string{
		"exec_stop": "none", "stop_timeout": "60",
		"exec_start": `(trap 'sleep 1; echo gently > /tmp/end; exit' TERM; while :; do sleep 0.2; done) >/dev/null 2>&1 &`,
	})
	realStart(t, j)
	realStop(t, j)
	root, err := j.RootPath(context.Background())
	require.NoError(t, err)
	data, err := os.ReadFile(root + "/tmp/end")
	require.NoError(t, err)
	require.Equal(t, "gently\n", string(data))
}

func TestRealComputedRuleset(t *testing.T) {
	h := realHost(t)
	ctx := context.Background()
	number := func(j *jail.Jail) int {
		p, err := h.Kernel.JailGet(ctx, 0, kernel.ByName(j.Identifier()), "devfs_ruleset")
		require.NoError(t, err)
		return p.Int("devfs_ruleset")
	}
	devices := func(j *jail.Jail) string {
		out, err := j.Exec(ctx, []string{"/bin/ls", "/dev"}, jail.ExecOptions{})
		require.NoError(t, err)
		return "\n" + string(out.Stdout)
	}
	plain := realJail(t, h, "rules-plain", true, quick())
	bpf := realJail(t, h, "rules-bpf", true, quick("bpf", "1"))
	// devfsrules_jail shows /dev/zfs already, devfsrules_jail_vnet /dev/pf too.
	zfs := realJail(t, h, "rules-zfs", true, quick("allow_mount_zfs", "1", "bpf", "1"))
	vnet := realJail(t, h, "rules-vnet", true, quick("devfs_ruleset", "5", "bpf", "1"))
	for _, j := range []*jail.Jail{plain, bpf, zfs, vnet} {
		realStart(t, j)
	}
	require.Equal(t, 4, number(plain))
	require.NotContains(t, devices(plain), "\nbpf")
	require.NotContains(t, devices(plain), "\nmem\n")
	require.GreaterOrEqual(t, number(bpf), 1000)
	require.Contains(t, devices(bpf), "\nbpf")
	require.NotContains(t, devices(bpf), "\nmem\n")
	require.Contains(t, devices(zfs), "\nzfs\n")
	require.Equal(t, number(bpf), number(zfs), "the same rules are the same ruleset")
	require.Contains(t, devices(vnet), "\nbpf")
	require.GreaterOrEqual(t, number(vnet), 1000)
	require.NotEqual(t, number(bpf), number(vnet))
	was := number(bpf)
	_, err := bpf.Restart(ctx, jail.RestartOptions{Shutdown: true})
	require.NoError(t, err)
	require.Equal(t, was, number(bpf), "the same rules are the same ruleset")
}

func TestRealSharedDatasets(t *testing.T) {
	h := realHost(t)
	ctx := context.Background()
	sources, err := h.Sources(ctx)
	require.NoError(t, err)
	shared := sources[0].Dataset + "/shared"
	missing := realJail(t, h, "share-missing", true, quick("jail_zfs", "yes", "jail_zfs_dataset", shared))
	_, err = missing.Start(ctx, jail.StartOptions{})
	require.ErrorIs(t, err, jail.ErrDatasetNotAvailable)

	require.NoError(t, h.Store.Create(ctx, shared, zfsstore.CreateOptions{NoMount: true, Properties: map[string]string{"mountpoint": "/mnt"}}))
	t.Cleanup(func() {
		require.NoError(t, h.Store.Destroy(ctx, shared, zfsstore.DestroyOptions{Recursive: true}))
	})
	_, err = missing.Start(ctx, jail.StartOptions{})
	require.ErrorIs(t, err, jail.ErrDatasetNotJailed)
	require.ErrorContains(t, err, "zfs set jailed=on "+shared)

	require.NoError(t, h.Store.Set(ctx, shared, map[string]string{"jailed": "on"}))
	j := missing
	realStart(t, j)
	out, err := j.Exec(ctx, []string{"/sbin/zfs", "list", "-H", "-o", "name"}, jail.ExecOptions{})
	require.NoError(t, err)
	require.Contains(t, string(out.Stdout), shared+"\n", string(out.Stderr))
	out, err = j.Exec(ctx, []string{"/sbin/zfs", "create", shared + "/inner"}, jail.ExecOptions{})
	require.NoError(t, err)
	require.Zero(t, out.ExitCode, string(out.Stderr))
	require.Contains(t, below(t, h, j), "zfs on /mnt")
	require.Contains(t, below(t, h, j), "zfs on /mnt/inner")
	realStop(t, j)
	require.Empty(t, below(t, h, j))
	realStart(t, j)
	require.Contains(t, below(t, h, j), "zfs on /mnt/inner", "zfs mount -a in the jail")
	realStop(t, j)
	require.Empty(t, below(t, h, j))
}

// TestRealHostileRaces is TestHostileRaces on the real kernel, in small: what
// getfsstat(2) tells decides.
func TestRealHostileRaces(t *testing.T) {
	h := realHost(t)
	ctx := context.Background()
	j := realJail(t, h, "hostile", false, quick("mount_fdescfs", "1"))
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	v := newVictim(t)
	stop := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		inside, err := os.OpenRoot(root)
		if err != nil {
			return
		}
		defer inside.Close()
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			for _, place := range []string{"dev", "etc"} {
				if inside.Rename(place, ".aside") == nil {
					_ = inside.Symlink(v.dir+"/"+place, place)
					_ = inside.Remove(place)
					if inside.Rename(".aside", place) != nil {
						_ = inside.RemoveAll(".aside")
					}
				}
			}
		}
	}()
	started := 0
	for range 100 {
		_, err := j.Start(ctx, jail.StartOptions{})
		v.untouched(t, h, "")
		if err == nil {
			started++
			realStop(t, j)
		}
	}
	close(stop)
	<-ended
	if _, err := j.Stop(ctx, jail.StopOptions{Force: true}); err != nil && !errors.Is(err, jail.ErrNotRunning) {
		require.NoError(t, err)
	}
	v.untouched(t, h, "")
	t.Logf("measured: %d of 100 starts succeeded beside the swaps", started)
}
