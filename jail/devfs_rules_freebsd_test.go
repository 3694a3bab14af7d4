package jail_test

import (
	"context"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// A group of devfs.rules(5) is found by name, a broken ruleset harms no other, and a
// devfs line without ruleset= shows what the jail's own devfs shows.
func TestRealDevfsGroupAndLinuxLine(t *testing.T) {
	h := realHost(t)
	ctx := context.Background()
	rules := h.Files().DevfsRules
	was, err := os.ReadFile(rules)
	if err != nil {
		require.ErrorIs(t, err, os.ErrNotExist)
	}
	require.NoError(t, os.WriteFile(rules, []byte("[broken]\nadd hide\n[printers=41030]\nadd include $devfsrules_jail\nadd path null mode 0660 group operator unhide\n"), 0o644))
	t.Cleanup(func() { require.NoError(t, os.WriteFile(rules, was, 0o644)) })

	j := realJail(t, h, "printers", false, quick("devfs_ruleset", "41030"))
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(root+"/compat/linux/dev", 0o755))
	realFstab(t, j, "devfs "+root+"/compat/linux/dev devfs rw 0 0\n")
	realStart(t, j)
	require.Equal(t, []string{"devfs on /compat/linux/dev", "devfs on /dev"}, below(t, h, j))
	for _, dev := range []string{root + "/dev", root + "/compat/linux/dev"} {
		var st syscall.Stat_t
		require.NoError(t, syscall.Stat(dev+"/null", &st))
		require.Equal(t, uint32(5), st.Gid, dev)
		require.Equal(t, uint16(0o660), st.Mode&0o777, dev)
		require.NoFileExists(t, dev+"/mem")
		require.NoFileExists(t, dev+"/geom.ctl")
	}
	p, err := h.Kernel.JailGet(ctx, 0, kernel.ByName(j.Identifier()), "devfs_ruleset")
	require.NoError(t, err)
	require.Equal(t, 41030, p.Int("devfs_ruleset"))
	realStop(t, j)

	plain := realJail(t, h, "notbroken", false, quick())
	realStart(t, plain)
	realStop(t, plain)
	broken := realJail(t, h, "broken", false, quick("devfs_ruleset", "broken"))
	_, err = broken.Start(ctx, jail.StartOptions{})
	require.ErrorIs(t, err, jail.ErrConfig)
	require.ErrorContains(t, err, rules+":1:")
}
