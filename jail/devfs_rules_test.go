package jail_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/fstab"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// rulesHost returns a host with a devfs.rules(5) of its own.
func rulesHost(t *testing.T, rules string) *simhost.Host {
	t.Helper()
	h := openHost(t, simhost.Options{})
	require.NoError(t, os.WriteFile(h.Files().DevfsRules, []byte(rules), 0o644))
	return h
}

// rulesFile is a file of package devfs's testdata.
func rulesFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "devfs", "testdata", name))
	require.NoError(t, err)
	return string(data)
}

// startWith starts a jail with a devfs ruleset, and returns the ruleset's number.
func startWith(t *testing.T, h *simhost.Host, ruleset string) (number int, err error) {
	t.Helper()
	ctx := context.Background()
	name := "r" + ruleset
	putPlain(t, h, name, map[string]string{"mount_devfs": "yes", "devfs_ruleset": ruleset})
	j := load(t, h, name)[0]
	if _, err = j.Start(ctx, jail.StartOptions{}); err != nil {
		return 0, err
	}
	p, err := h.Kernel.JailGet(ctx, 0, kernel.ByName(j.Identifier()), "devfs_ruleset")
	require.NoError(t, err)
	require.Equal(t, map[string]int{"devfs /dev": 1}, mountsBelow(t, h, j))
	return p.Int("devfs_ruleset"), nil
}

// Before, a group by its name kept the jail from starting: account "operator" is not a
// number.
func TestDevfsGroupAndUserByName(t *testing.T) {
	ctx := context.Background()
	h := rulesHost(t, rulesFile(t, "group.rules")+"[owned=31]\nadd path 'ulpt*' user www group 77 unhide\n[nobodys=32]\nadd path x user nosuch unhide\n")
	n, err := startWith(t, h, "30")
	require.NoError(t, err)
	require.Equal(t, 30, n)
	rules, err := h.Kernel.DevfsRules(ctx, 30)
	require.NoError(t, err)
	printers := rules[len(rules)-1]
	require.Equal(t, "ulpt*", printers.Path)
	require.Equal(t, uint32(5), *printers.GID)
	require.Nil(t, printers.UID)
	require.Equal(t, uint16(0o660), *printers.Mode)

	_, err = startWith(t, h, "31")
	require.NoError(t, err)
	rules, err = h.Kernel.DevfsRules(ctx, 31)
	require.NoError(t, err)
	require.Equal(t, uint32(80), *rules[0].UID)
	require.Equal(t, uint32(77), *rules[0].GID)

	_, err = startWith(t, h, "32")
	require.ErrorIs(t, err, jail.ErrConfig)
	require.ErrorContains(t, err, `user "nosuch" is not in `+h.Files().Passwd)
}

// Before, no jail of the host started when devfs.rules(5) had a number twice.
func TestDevfsRulesetTwice(t *testing.T) {
	h := rulesHost(t, rulesFile(t, "twice.rules")+"[other=7]\nadd include $devfsrules_jail\nadd path 'pf*' unhide\n")
	for _, ruleset := range []string{"4", "7"} {
		n, err := startWith(t, h, ruleset)
		require.NoError(t, err)
		require.Equal(t, ruleset, strconv.Itoa(n))
	}
	rules, err := h.Kernel.DevfsRules(context.Background(), 7)
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(rules, func(r kernel.DevfsRule) bool { return r.Path == "pf*" }), "the later one counts")
	require.False(t, slices.ContainsFunc(rules, func(r kernel.DevfsRule) bool { return r.Path == "bpf*" }))
}

// Before, no jail of the host started when one ruleset could not be read.
func TestBrokenDevfsRulesetKeepsOthersUsable(t *testing.T) {
	for name, broken := range map[string]string{
		"no number":             "[broken]\nadd hide\n",
		"text after the header": "[broken=30] add hide\nadd hide\n",
		"byte order mark":       "\ufeff[broken=30]\nadd hide\n",
	} {
		t.Run(name, func(t *testing.T) {
			h := rulesHost(t, broken+"[good=31]\nadd hide\nadd path null unhide\n")
			for _, usable := range []string{"4", "31"} {
				_, err := startWith(t, h, usable)
				require.NoError(t, err)
			}
			for _, asked := range []string{"broken", "30"} {
				_, err := startWith(t, h, asked)
				require.ErrorIs(t, err, jail.ErrConfig)
				require.ErrorContains(t, err, h.Files().DevfsRules+":1:")
			}
		})
	}
	h := rulesHost(t, "add path mem unhide\n[good=31]\nadd hide\nadd path null unhide\n")
	for _, usable := range []string{"4", "31"} {
		_, err := startWith(t, h, usable)
		require.NoError(t, err)
	}
}

// Before, the system's rulesets 4 and 5 took a later ruleset of the name
// devfsrules_jail for the one they include.
func TestRedefinedDevfsNameLeavesTheSystemsRulesets(t *testing.T) {
	h := rulesHost(t, "[devfsrules_jail=40]\nadd include 4\nadd path mine unhide\n")
	ctx := context.Background()
	require.NoError(t, h.Kernel.DevfsDeleteRules(ctx, 5)) // it is loaded from the file
	n, err := startWith(t, h, "5")
	require.NoError(t, err)
	require.Equal(t, 5, n)
	mine := func(ruleset uint16) bool {
		rules, err := h.Kernel.DevfsRules(ctx, ruleset)
		require.NoError(t, err)
		require.NotEmpty(t, rules)
		return slices.ContainsFunc(rules, func(r kernel.DevfsRule) bool { return r.Path == "mine" })
	}
	require.False(t, mine(5))
	n, err = startWith(t, h, "devfsrules_jail")
	require.NoError(t, err)
	require.Equal(t, 40, n, "a jail that asks by name gets the last one")
	require.True(t, mine(40))
}

// Before, the Handbook's lines for a Linux jail were refused, as a devfs(5) without
// ruleset shows every device of the host.
func TestHandbooksLinuxJail(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		properties map[string]string
		number     uint16 // the least
	}{
		"plain":    {map[string]string{"mount_devfs": "yes"}, 1000}, // with dev/shm
		"computed": {map[string]string{"mount_devfs": "yes", "bpf": "yes"}, 1000},
		"own":      {map[string]string{"devfs_ruleset": "31"}, 31},
		"none":     {map[string]string{"devfs_ruleset": "none"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := openHost(t, simhost.Options{})
			require.NoError(t, os.WriteFile(h.Files().DevfsRules, []byte("[linux=31]\nadd hide\nadd path null unhide\nadd path shm unhide\n"), 0o644))
			require.NoError(t, h.Kernel.ModuleLoad(ctx, "linprocfs"))
			j, root, _ := linesJail(t, h, "linux.fstab", nil, c.properties)
			for _, dir := range []string{"dev", "proc"} {
				require.NoError(t, os.MkdirAll(filepath.Join(root, "compat/linux", dir), 0o755))
			}
			if c.number == 0 {
				before := world(t, h)
				_, err := j.Generator().Start(jail.StartOptions{}).Plan(ctx)
				require.ErrorIs(t, err, jail.ErrConfig)
				require.ErrorIs(t, err, kernel.ErrEmptyRuleset)
				require.ErrorContains(t, err, "ruleset=4")
				requireSame(t, before, world(t, h))
				return
			}
			start(t, j)
			number, err := j.DevfsRuleset(ctx)
			require.NoError(t, err)
			require.GreaterOrEqual(t, number, int(c.number))
			p, err := h.Kernel.JailGet(ctx, 0, kernel.ByName(j.Identifier()), "devfs_ruleset")
			require.NoError(t, err)
			require.Equal(t, number, p.Int("devfs_ruleset"))
			nodes, err := h.Sim.ReadDir(root + "/compat/linux/dev")
			require.NoError(t, err)
			require.Contains(t, nodes, "null")
			require.Contains(t, nodes, "shm")
			require.NotContains(t, nodes, "mem")
			require.NotContains(t, nodes, "vtbd0")
			up := mountsBelow(t, h, j)
			require.Equal(t, 1, up["tmpfs /compat/linux/dev/shm"])
			require.Equal(t, 1, up["devfs /compat/linux/dev"])
			_, err = j.Stop(ctx, jail.StopOptions{})
			require.NoError(t, err)
			require.Empty(t, mountsBelow(t, h, j))
		})
	}
}

// A devfs(5) that is mounted on a running jail gets its ruleset too, and one that names a
// ruleset keeps it.
func TestMountOfDevfsGetsTheJailsRuleset(t *testing.T) {
	ctx := context.Background()
	h := rulesHost(t, "[own=31]\nadd hide\nadd path null unhide\n")
	j, root, _ := linesJail(t, h, "linux.fstab", nil, map[string]string{"devfs_ruleset": "31"})
	require.NoError(t, os.WriteFile(filepath.Join(j.Path(), "fstab"), nil, 0o644))
	require.NoError(t, os.MkdirAll(root+"/named", 0o755))
	start(t, j)
	require.NoError(t, h.Kernel.DevfsDeleteRules(ctx, 31))
	_, err := j.Mount(ctx, jail.MountOptions{Entries: []fstab.Entry{
		{Source: "devfs", Destination: "/mnt/in", Type: "devfs", Options: "rw"},
		{Source: "devfs", Destination: "/named", Type: "devfs", Options: "rw,ruleset=4"},
	}})
	require.NoError(t, err)
	own, err := h.Sim.ReadDir(root + "/mnt/in")
	require.NoError(t, err)
	require.Equal(t, []string{"null"}, own)
	named, err := h.Sim.ReadDir(root + "/named")
	require.NoError(t, err)
	require.Contains(t, named, "zero")
	require.NotContains(t, named, "mem")
}

// Before, Set and Plan took devfs_ruleset=none, and the start failed in its middle.
func TestNoDevfsRulesetNeedsNoDevfs(t *testing.T) {
	ctx := context.Background()
	for _, none := range []string{"none", "0"} {
		h := openHost(t, simhost.Options{})
		putPlain(t, h, "old", map[string]string{"devfs_ruleset": none, "mount_devfs": "yes"})
		putPlain(t, h, "web", map[string]string{"mount_devfs": "yes"})
		putPlain(t, h, "bare", map[string]string{"devfs_ruleset": none})
		refused := func(err error) {
			t.Helper()
			require.ErrorIs(t, err, jail.ErrConfig)
			require.ErrorIs(t, err, kernel.ErrEmptyRuleset)
			require.ErrorContains(t, err, "devfs_ruleset=none or 0 needs mount_devfs=no")
		}
		jails := load(t, h, "old", "web", "bare")
		before := world(t, h)
		_, err := jails[0].Generator().Start(jail.StartOptions{}).Plan(ctx)
		refused(err)
		_, err = jails[0].Start(ctx, jail.StartOptions{})
		refused(err)
		_, err = jails[1].Set(ctx, map[string]string{"devfs_ruleset": none}, jail.SetOptions{})
		refused(err)
		_, err = jails[2].Set(ctx, map[string]string{"mount_devfs": "yes"}, jail.SetOptions{})
		refused(err)
		requireSame(t, before, world(t, h))

		_, err = jails[0].Set(ctx, map[string]string{"priority": "7"}, jail.SetOptions{})
		require.NoError(t, err, "another property can be changed")
		_, err = jails[1].Set(ctx, map[string]string{"devfs_ruleset": none, "mount_devfs": "no"}, jail.SetOptions{})
		require.NoError(t, err)
		start(t, jails[1])
		require.Empty(t, mountsBelow(t, h, jails[1]))
		_, err = jails[0].Set(ctx, map[string]string{"devfs_ruleset": ""}, jail.SetOptions{})
		require.NoError(t, err)
		start(t, jails[0])
	}
}
