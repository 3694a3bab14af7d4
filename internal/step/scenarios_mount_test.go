package step_test

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/fstab"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// mountScenarios are about what is mounted below a jail's root, and devices.
func mountScenarios() []scenario {
	devices := map[string]string{
		"mount_fdescfs": "yes", "mount_procfs": "1", "mount_linprocfs": "1", "devfs_ruleset": "100",
		"exec_start": "none", "exec_stop": "none",
	}
	return []scenario{
		{"devices", devicesHost, []act{
			scratch("web", devices),
			once(start("web")), hasRules(100, 4),
			stop("web"),
			remove(rootOfWeb, "proc"), remove(rootOfWeb, "dev"),
			start("web"), ended("web"), once(start("web")), ended("web"), recovered(), destroy("web"),
		}},
		{"computed devices", bareHost, []act{
			scratch("web", map[string]string{"bpf": "1", "allow_mount_fusefs": "1", "exec_start": "none", "exec_stop": "none"}),
			once(start("web")), stop("web"), start("web"), stop("web"),
		}},
		{"basejail", plainHost, []act{
			create("web", jail.CreateOptions{Basejail: true}, plain()),
			start("web"), ended("web"), once(start("web")), stop("web"), destroy("web"),
		}},
		{"basejail of datasets", fewBasesHost, []act{
			create("web", jail.CreateOptions{Basejail: true, BasejailType: "zfs"}, plain()),
			start("web"), stop("web"),
			byHand("copy the base again", func(t testing.TB, h *simhost.Host) { jailtest.FewBases(t, h) }),
			start("web"), destroy("web"),
		}},
		{"fstab", bareHost, []act{
			dataset("zroot/data", nil), write("zroot/data", "inner/file", "data\n"),
			scratch("web", plain()), directory("mnt"), directory("tmp"), directory("media"),
			write(jails+"/web", "fstab", "$DIR/data\t/mnt\tnullfs\trw\t0\t0\ntmpfs\t$DIR/iocage/jails/web/root/tmp\ttmpfs\trw,size=1m\t0\t0\n"),
			start("web"), stop("web"),
			write(jails+"/web", "fstab", "$DIR/data\t/nosuch\tnullfs\trw\t0\t0\n"),
			refused(start("web"), kernel.ErrNotFound),
			remove(rootOfWeb, "tmp"),
			write(jails+"/web", "fstab", "$DIR/nosuch\t/mnt\tnullfs\trw\t0\t0\n"),
			refused(start("web"), kernel.ErrNotFound),
		}},
		{"mount and unmount", bareHost, []act{
			dataset("zroot/data", nil), write("zroot/data", "inner/file", "data\n"),
			scratch("web", plain()), directory("mnt"), directory("tmp"), directory("media"), start("web"),
			mount("web", "data", "/mnt", false), mount("web", "data/inner", "/media", true),
			dataset("zroot/more", nil), mount("web", "more", "/mnt/inner", false),
			unmount("web", jail.UnmountOptions{Destinations: []string{"/media"}, Temporary: true}),
			unmount("web", jail.UnmountOptions{Destinations: []string{"/mnt", "/mnt/inner"}}),
			refused(unmount("web", jail.UnmountOptions{Destinations: []string{"/mnt"}}), fstab.ErrDestinationNotFound),
			mount("web", "data", "/mnt", false), stop("web"),
		}},
		{"mount in use", bareHost, []act{
			dataset("zroot/data", nil),
			scratch("web", plain()), directory("mnt"), start("web"), mount("web", "data", "/mnt", false),
			byHand("jail -c in /mnt", inJail(rootOfWeb+"/mnt")),
			refused(unmount("web", jail.UnmountOptions{Destinations: []string{"/mnt"}}), syscall.EBUSY),
			unmount("web", jail.UnmountOptions{Destinations: []string{"/mnt"}, Force: true}),
		}},
	}
}

// devicesHost has a ruleset of devfs.rules(5) that is not loaded.
func devicesHost(t testing.TB) *simhost.Host {
	h := bareHost(t)
	rules := "[ours=100]\nadd hide\nadd path null unhide\nadd path fd unhide\nadd path 'fd/*' unhide\n"
	require.NoError(t, os.WriteFile(h.Files().DevfsRules, []byte(rules), 0o644))
	return h
}

// fewBasesHost has base datasets of two directories.
func fewBasesHost(t testing.TB) *simhost.Host {
	h := bareHost(t)
	jailtest.Fetch(t, h)
	jailtest.FewBases(t, h)
	return h
}

// hasRules requires a ruleset in the kernel.
func hasRules(number uint16, n int) act {
	return byHand("look for the ruleset", func(t testing.TB, h *simhost.Host) {
		rules, err := h.Sim.DevfsRules(t.Context(), number)
		require.NoError(t, err)
		require.Len(t, rules, n)
	})
}

// mount adds a directory below the host's pool to the fstab of a jail.
func mount(name, from, to string, temporary bool) act {
	a := act{name: "mount " + from + " on " + to + " of " + name}
	a.op = func(ctx context.Context, h *simhost.Host) (*jail.Operation, error) {
		j, err := jail.Load(ctx, h.Host, name)
		if err != nil {
			return nil, err
		}
		pool, err := h.Mountpoint(ctx, simhost.Pool)
		entry := fstab.Entry{Source: pool + "/" + from, Destination: to}
		return j.Generator().Mount(jail.MountOptions{Entries: []fstab.Entry{entry}, Temporary: temporary}), err
	}
	return a
}

func unmount(name string, o jail.UnmountOptions) act {
	return onJail("unmount "+o.Destinations[0]+" of "+name, name, func(g *jail.JailGenerator) *jail.Operation { return g.Unmount(o) })
}

// directory makes a directory in the root of web.
func directory(name string) act {
	return byHand("mkdir "+name, func(t testing.TB, h *simhost.Host) {
		require.NoError(t, os.MkdirAll(filepath.Join(jailtest.Mountpoint(t, h, rootOfWeb), name), 0o755))
	})
}

// inJail makes a jail of somebody else in a directory of a dataset.
func inJail(place string) func(t testing.TB, h *simhost.Host) {
	return func(t testing.TB, h *simhost.Host) {
		pool := jailtest.Mountpoint(t, h, simhost.Pool)
		_, err := h.Sim.JailSet(t.Context(), kernel.JailCreate, kernel.String("name", "other"),
			kernel.String("path", filepath.Join(filepath.Dir(pool), place)), kernel.Bool("persist", true))
		require.NoError(t, err)
	}
}
