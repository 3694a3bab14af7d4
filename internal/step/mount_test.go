package step

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

var twoRules = []kernel.DevfsRule{{Number: 100, Hide: true}, {Number: 200, Path: "null", Unhide: true}}

// TestRulesetOfMount: a devfs has the ruleset that was loaded if it is the jail's own, and
// else the one that it names.
func TestRulesetOfMount(t *testing.T) {
	option := func(number string) []kernel.MountOption {
		return []kernel.MountOption{{Name: "noexec", Value: "x"}, {Name: RulesetOption, Value: number}}
	}
	h := newHost(t)
	require.NoError(t, h.Sim.DevfsAddRule(t.Context(), 40, kernel.DevfsRule{Path: "mine", Unhide: true}))
	for _, c := range []struct {
		mount  Mount
		number string
	}{
		{Mount{Own: true, Options: option("40")}, "41"},
		{Mount{Options: option("40")}, "40"},
		{Mount{Own: true, Options: option("many")}, "many"},
	} {
		var got []kernel.MountOption
		var create uint16
		err := probed(t, h, func(_ context.Context, _ Env, call *plan.Call) error {
			got, create = mountOptions(c.mount, call), loadedRuleset(call, 40)
			return nil
		}, LoadRuleset{Number: 40, Rules: twoRules, Computed: true})
		require.NoError(t, err)
		require.Equal(t, option(c.number), got)
		require.EqualValues(t, 41, create)
	}
	require.EqualValues(t, 7, loadedRuleset(&plan.Call{}, 7), "none was loaded")

	e := MountDevfs{Mounts{Mounts: []Mount{{At: "dev", Options: option("40")}}}}.Event(envOf(h))
	require.Equal(t, 40, e.(events.MountDevFS).Ruleset)
	require.Equal(t, "/dev", e.(events.MountDevFS).Mountpoint)
}

// TestLoadComputed: computed rules are loaded under the first number that is neither taken
// nor another's by name, once.
func TestLoadComputed(t *testing.T) {
	h := newHost(t)
	ctx := t.Context()
	a := LoadRuleset{Number: 40, Rules: twoRules, Computed: true, Named: []uint16{40, 41}}
	out := perform(t, h, a)
	require.NoError(t, out.err)
	require.Equal(t, 42, out.ended[0].(events.JailDevfsRuleset).Ruleset)
	there, err := h.Sim.DevfsRules(ctx, 42)
	require.NoError(t, err)
	require.Equal(t, twoRules, there)
	n, err := loadComputed(ctx, h.Sim, LoadRuleset{Number: 50, Rules: twoRules})
	require.NoError(t, err)
	require.EqualValues(t, 42, n, "they are there")

	last := LoadRuleset{Number: math.MaxUint16, Rules: twoRules[1:], Computed: true, Named: []uint16{math.MaxUint16}}
	require.ErrorIs(t, perform(t, h, last).err, jailerr.ErrConfig)
	none, err := h.Sim.DevfsRules(ctx, 0)
	if err == nil {
		require.Empty(t, none)
	}
	last.Named = nil
	n, err = loadComputed(ctx, h.Sim, last)
	require.NoError(t, err)
	require.EqualValues(t, math.MaxUint16, n)

	for _, op := range []string{simkernel.OpDevfsRulesets, simkernel.OpDevfsRules, simkernel.OpDevfsAdd} {
		h := newHost(t)
		restore := kernelFails(t, h, op)
		require.ErrorIs(t, perform(t, h, a).err, errProbe, op)
		restore()
	}
}

// TestRulesetBegins: what a load has left is the beginning of its rules, all of them, or
// nothing.
func TestRulesetBegins(t *testing.T) {
	require.True(t, RulesetBegins(twoRules, nil))
	require.True(t, RulesetBegins(twoRules, twoRules[:1]))
	require.True(t, RulesetBegins(twoRules, twoRules))
	require.False(t, RulesetBegins(twoRules, twoRules[1:]))
	require.False(t, RulesetBegins(twoRules[:1], twoRules))
	require.False(t, RulesetBegins(nil, twoRules))
}

// TestOnRoot: what is mounted below a root, before it or after it, and over it.
func TestOnRoot(t *testing.T) {
	on := func(kind, from, path string) kernel.Mounted {
		return kernel.Mounted{Type: kind, From: from, Path: path}
	}
	before, root := on("tmpfs", "tmpfs", "/r/hidden"), on("zfs", "zroot/r", "/r")
	below, over, other := on("devfs", "devfs", "/r/dev"), on("nullfs", "/x", "/r"), on("tmpfs", "tmpfs", "/r2")
	for _, c := range []struct {
		name   string
		mounts host.MountTable
		want   host.MountTable
	}{
		{"alone", host.MountTable{root}, nil},
		{"below", host.MountTable{root, below, other}, host.MountTable{below}},
		{"over it", host.MountTable{root, below, over}, host.MountTable{over, below}},
		{"before it", host.MountTable{before, root, below}, host.MountTable{below, before}},
		{"covered by it", host.MountTable{over, root}, nil},
		{"not mounted", host.MountTable{below, other}, nil},
	} {
		require.Equal(t, c.want, onRoot(c.mounts, "zroot/r"), c.name)
	}
}

// stubborn is a kernel whose file systems are in use.
type stubborn struct {
	kernel.Kernel
	tries []kernel.MountFlags
}

func (k *stubborn) UnmountFSID(_ context.Context, _ kernel.FSID, flags kernel.MountFlags) error {
	k.tries = append(k.tries, flags)
	if flags == kernel.MntForce {
		return nil
	}
	return syscall.EBUSY
}

// TestUnmountByForce: a file system in use is unmounted by force at the sixth attempt.
func TestUnmountByForce(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	k := &stubborn{Kernel: h.Kernel}
	h.Kernel = k
	require.NoError(t, UnmountOne(t.Context(), envOf(h), kernel.Mounted{Path: "/r"}, true))
	require.Equal(t, []kernel.MountFlags{0, 0, 0, 0, 0, kernel.MntForce}, k.tries)
}

// TestSharedDatasets: datasets are attached to the jail, also those that the host has
// mounted, and detached again. What the jail has mounted of them is unmounted, and nothing
// else.
func TestSharedDatasets(t *testing.T) {
	h := newHost(t)
	ctx := t.Context()
	makes(t, h, "zroot/web", "zroot/data")
	dir := mountedAt(t, h, "zroot/web")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "sbin"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "sbin", "zfs"), []byte("#!sim true\n"), 0o755))
	id := runs(t, h, "ioc-web", "zroot/web")
	share := Share{Name: "ioc-web", RootDataset: "zroot/web", Datasets: []string{"zroot/data"}}
	require.NotEmpty(t, mountedAt(t, h, "zroot/data"))
	require.NoError(t, perform(t, h, share).err)
	require.Empty(t, mountedAt(t, h, "zroot/data"))
	attached := func() bool { return h.ZFS.Unjail(ctx, id.Name, "zroot/data") == nil }
	require.True(t, attached())
	require.NoError(t, perform(t, h, share).err)
	require.NoError(t, perform(t, h, Unshare(share)).err)
	require.False(t, attached())

	require.NoError(t, os.Mkdir(filepath.Join(dir, "mnt"), 0o755))
	for _, m := range []kernel.Mounted{
		{Type: "zfs", From: "zroot/data", Path: filepath.Join(dir, "mnt")},
		{Type: "zfs", From: "zroot/data2", Path: filepath.Join(dir, "sbin")},
	} {
		_, err := h.Sim.AttachMount(m)
		require.NoError(t, err)
	}
	restore := kernelFails(t, h, simkernel.OpGetfsstat)
	unmount := func(ctx context.Context, e Env, c *plan.Call) error {
		return unmountShared(ctx, e, c, "zroot/web", share.Datasets)
	}
	require.ErrorIs(t, probed(t, h, unmount), errProbe)
	restore()
	require.NoError(t, probed(t, h, unmount))
	require.Empty(t, mountedAt(t, h, "zroot/data"))
	require.NotEmpty(t, mountedAt(t, h, "zroot/data2"))
}

// TestAdministered: a jail administers what was shared with it, and what has jailed=on.
func TestAdministered(t *testing.T) {
	h := newHost(t)
	ctx := t.Context()
	makes(t, h, "zroot/on", "zroot/off")
	require.NoError(t, h.ZFS.Set(ctx, "zroot/on", map[string]string{"jailed": "on"}))
	for dataset, want := range map[string]bool{
		"zroot/shared/below": true, "zroot/on": true, "zroot/off": false, "zroot/on@snapshot": false, "zroot/nosuch": false,
	} {
		own, err := Administered(ctx, h.Host, dataset, []string{"zroot/shared"})
		require.NoError(t, err)
		require.Equal(t, want, own, dataset)
	}
	zfsFails(t, h, "get")
	_, err := Administered(ctx, h.Host, "zroot/on", nil)
	require.ErrorIs(t, err, errProbe)
}
