package jail_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/fstab"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/fault"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// Bastille#214: destroy went on after zfs could not unmount a dataset that was
// busy, and left half a jail. Whatever holds it, the jail stays whole, its files
// are where they were, and the error names the holder.
func TestBastille214BusyDatasetLeavesTheWholeJail(t *testing.T) {
	ctx := context.Background()
	type holder struct {
		name   string
		hold   func(t *testing.T, h *simhost.Host, j *jail.Jail, root string) (release func())
		within string // the error's text
		early  bool   // it is found by the plan already
	}
	for _, c := range []holder{
		{"an open file in the root", func(t *testing.T, h *simhost.Host, _ *jail.Jail, root string) func() {
			release, err := h.Sim.HoldBusy(filepath.Join(root, "etc"))
			require.NoError(t, err)
			return release
		}, "fstat -f", false},
		{"an open file in the jail's dataset", func(t *testing.T, h *simhost.Host, j *jail.Jail, _ string) func() {
			release, err := h.Sim.HoldBusy(j.Path())
			require.NoError(t, err)
			return release
		}, "fstat -f", false},
		{"an open file in a dataset of its own", func(t *testing.T, h *simhost.Host, j *jail.Jail, _ string) func() {
			release, err := h.Sim.HoldBusy(filepath.Join(j.Path(), "data"))
			require.NoError(t, err)
			return release
		}, "jails/web/data is in use", false},
		{"a mount elsewhere", func(t *testing.T, h *simhost.Host, _ *jail.Jail, root string) func() {
			at := t.TempDir()
			m, err := h.Kernel.Nmount(ctx, kernel.MountRequest{Type: "nullfs", From: root, Path: at})
			require.NoError(t, err)
			return func() { require.NoError(t, h.Kernel.UnmountFSID(ctx, m.FSID, 0)) }
		}, "mount ", true},
		{"another jail", func(t *testing.T, h *simhost.Host, _ *jail.Jail, root string) func() {
			_, err := h.Kernel.JailSet(ctx, kernel.JailCreate, kernel.String("name", "squatter"),
				kernel.String("path", root), kernel.Bool("persist", true))
			require.NoError(t, err)
			id, err := h.Kernel.JailIdentify(ctx, 0, kernel.ByName("squatter"))
			require.NoError(t, err)
			return func() { require.NoError(t, h.Kernel.JailRemove(ctx, id)) }
		}, "jail squatter", true},
		{"a held snapshot", func(t *testing.T, h *simhost.Host, j *jail.Jail, _ string) func() {
			_, err := j.CreateSnapshot(ctx, jail.SnapshotOptions{Name: "kept"})
			require.NoError(t, err)
			snapshot := j.RootDataset() + "@kept"
			require.NoError(t, h.Store.Hold(ctx, snapshot, "backup", false))
			return func() { require.NoError(t, h.Store.Release(ctx, snapshot, "backup", false)) }
		}, "root@kept", true},
	} {
		for _, running := range []bool{false, true} {
			name := c.name + map[bool]string{false: ", stopped", true: ", running"}[running]
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				h := newHost(t)
				j := newJail(t, h, "web", true, map[string]string{"exec_start": "none", "exec_stop": "none"})
				require.NoError(t, h.Store.Create(ctx, j.Dataset()+"/data", zfsstore.CreateOptions{}))
				root, err := j.RootPath(ctx)
				require.NoError(t, err)
				if running {
					_, err := j.Start(ctx, jail.StartOptions{})
					require.NoError(t, err)
				}
				release := c.hold(t, h, j, root)
				before := world(t, h)
				_, err = j.Destroy(ctx, jail.DestroyOptions{Force: true})
				require.ErrorContains(t, err, c.within)
				if c.name != "a held snapshot" {
					var held *jail.HeldError
					require.ErrorAs(t, err, &held)
					require.ErrorIs(t, err, syscall.EBUSY)
				}
				if !running || c.early {
					requireSame(t, before, world(t, h)) // not stopped, nothing unmounted
				}
				require.NoFileExists(t, h.JournalPath("ioc", "jail", "web"))
				for _, dataset := range []string{j.Dataset(), j.RootDataset(), j.Dataset() + "/data"} {
					_, err := h.Mountpoint(ctx, dataset)
					require.NoError(t, err)
				}
				require.FileExists(t, filepath.Join(root, "etc/rc"))

				release()
				j = loaded(t, ctx, h, "web")
				if !c.early || !running {
					_, err = j.Start(ctx, jail.StartOptions{})
					require.NoError(t, err, "it is whole")
				}
				_, err = j.Destroy(ctx, jail.DestroyOptions{Force: true})
				require.NoError(t, err)
				_, err = h.Store.Get(ctx, j.Dataset(), zfsstore.GetOptions{})
				require.ErrorIs(t, err, zfsstore.ErrNotFound)
			})
		}
	}
}

// cbsd#722: the dataset of another boot environment was mounted where a jail's
// was expected, and the jail ran in it. Datasets are found by their name in the
// mount table, and one that another hides is not used at all.
func TestCbsd722DatasetHiddenByAnother(t *testing.T) {
	ctx := context.Background()
	for _, over := range []string{"", "root"} {
		t.Run("over "+over, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			j := newJail(t, h, "web", false, nil)
			path, err := h.Mountpoint(ctx, j.Dataset())
			require.NoError(t, err)
			place := filepath.Join(path, over)
			_, err = h.Sim.AttachMount(kernel.Mounted{Type: "zfs", From: "zroot/ROOT/old/web", Path: place})
			require.NoError(t, err)
			before := world(t, h)

			_, err = j.Start(ctx, jail.StartOptions{})
			require.ErrorIs(t, err, host.ErrNotMounted)
			require.ErrorContains(t, err, "zroot/ROOT/old/web")
			_, err = j.CreateSnapshot(ctx, jail.SnapshotOptions{Name: "fine"}) // by the dataset's name
			require.NoError(t, err)
			_, err = j.DestroySnapshot(ctx, jail.SnapshotOptions{Name: "fine"})
			require.NoError(t, err)
			_, err = j.Destroy(ctx, jail.DestroyOptions{})
			var held *jail.HeldError
			require.ErrorAs(t, err, &held)
			require.Equal(t, []string{place}, held.Mounts)
			requireSame(t, before, world(t, h))

			require.NoError(t, h.Sim.DetachMount(place, 0))
			_, err = j.Start(ctx, jail.StartOptions{})
			require.NoError(t, err)
		})
	}
}

// libioc: a failure between resource limits and network, such as a bridge that
// is missing, left a half-configured jail running, its limits and its mounts.
// Every call of a start that changes the kernel fails once here.
func TestLibiocFailedStartLeavesNoZombie(t *testing.T) {
	ctx := context.Background()
	h := netHost(t)
	j := newJail(t, h, "web", true, map[string]string{
		"vnet": "yes", "interfaces": "vnet0:bridge0", "ip4_addr": "vnet0|10.0.0.9/24", "defaultrouter": "10.0.0.1",
		"maxproc": "10", "mount_fdescfs": "yes", "exec_start": "none", "exec_stop": "none",
	})
	start(t, j)
	_, err := j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	before := world(t, h)
	h.Sim.ResetCalls()
	start(t, j)
	nth := map[string]int{}
	var changing []simkernel.Call
	for _, c := range h.Sim.Calls() {
		if !reading[c.Op] {
			changing = append(changing, c)
		}
	}
	_, err = j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	ops := map[string]bool{}
	for _, c := range changing {
		nth[c.Op]++
		cancel := h.Sim.Fail(t, fault.Fault{Op: c.Op, Nth: nth[c.Op], Err: errInjected})
		_, err := j.Start(ctx, jail.StartOptions{})
		cancel()
		if err == nil { // what can be done without
			_, err := j.Stop(ctx, jail.StopOptions{})
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, errInjected, c.String())
			ops[c.Op] = true
		}
		requireSame(t, before, world(t, h))
		_, err = j.Identity(ctx)
		require.ErrorIs(t, err, jail.ErrNotRunning)
		rules, err := h.Kernel.RctlGetRules(ctx, "jail:"+j.Identifier())
		require.NoError(t, err)
		require.Empty(t, rules)
		require.NoFileExists(t, h.JournalPath("ioc", "jail", "web"))
	}
	for _, op := range []string{"rctl_add_rule", "nmount", "jail_set", "SIOCIFCREATE2", "BRDGADD"} {
		require.True(t, ops[op], "%s did not fail: %v", op, ops)
	}
}

// libioc: saving an fstab deleted the lines that it could not parse, options
// with a value and sources of NFS were errors, and unmounting was not in reverse
// order.
func TestLibiocFstabLinesAreKeptAndUnmountedInReverse(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, map[string]string{"exec_start": "none", "exec_stop": "none"})
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	data := t.TempDir()
	text := "# ours\n\n  # not\tunderstood\n" +
		"nas.example.org:/export\t" + root + "/media\tnfs\trw,noauto,nfsv4,minorversion=1\t0\t0\t# by hand\n" +
		data + "\t" + root + "/mnt\tnullfs\trw\t0\t0\n" +
		"tmpfs\t" + root + "/mnt/inner\ttmpfs\trw,size=1m,mode=1777\t0\t0\n"
	path := filepath.Join(j.Path(), "fstab")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	require.NoError(t, os.MkdirAll(filepath.Join(data, "inner"), 0o755))

	start(t, j)
	options := ""
	for _, c := range h.Sim.Calls() {
		if c.Op == "nmount" && strings.HasPrefix(c.Args, "tmpfs ") {
			options = c.Args
		}
	}
	require.Contains(t, options, "size=1m mode=1777")
	more := fstab.Entry{Source: "tmpfs", Destination: "/tmp", Type: "tmpfs", Options: "rw"}
	_, err = j.Mount(ctx, jail.MountOptions{Entries: []fstab.Entry{more}})
	require.NoError(t, err)
	saved, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(saved), text), "lost: %s", saved)

	all, err := j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	told := eventsOf[events.TeardownSystemMounts](all)
	gone := told[len(told)-1].Mountpoints
	require.Less(t, slices.Index(gone, "/tmp"), slices.Index(gone, "/mnt/inner"), "%v", gone)
	require.Less(t, slices.Index(gone, "/mnt/inner"), slices.Index(gone, "/mnt"), "%v", gone)
	require.Contains(t, gone, "/tmp")
}

// A jail that is what it is to be takes no step.
func TestPlanSetTemplateWithoutAChange(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)
	for _, template := range []bool{false, true, false} {
		if key.Template.Of(j.Effective()) != template {
			_, err := j.SetTemplate(ctx, jail.TemplateOptions{Template: template})
			require.NoError(t, err)
		}
		p, err := j.Generator().SetTemplate(jail.TemplateOptions{Template: template}).Plan(ctx)
		require.NoError(t, err)
		require.Empty(t, p.Steps(), "template %v", template)
		p, err = j.Generator().SetTemplate(jail.TemplateOptions{Template: !template}).Plan(ctx)
		require.NoError(t, err)
		require.NotEmpty(t, p.Steps(), "template %v", template)
	}
}
