package jail_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// TestKernelNameOfAnotherProgramsJail: a jail of another program's with the name that ours
// has in the kernel was taken for ours: Exec ran in it and Stop removed it.
func TestKernelNameOfAnotherProgramsJail(t *testing.T) {
	ctx := t.Context()
	h := newHost(t)
	web := newJail(t, h, "web", false, nil)
	other := filepath.Join(memoryDir(t), "other", "web")
	require.NoError(t, os.MkdirAll(other, 0o755))
	_, err := h.Sim.JailSet(ctx, kernel.JailCreate, kernel.String("name", "ioc-web"), kernel.String("path", other), kernel.Bool("persist", true))
	require.NoError(t, err)
	running, err := web.Running(ctx)
	require.True(t, err != nil || !running, "it is not ours")
	_, err = web.Exec(ctx, []string{"/bin/sh", "-c", "true"}, jail.ExecOptions{})
	require.Error(t, err)
	for _, force := range []bool{false, true} {
		_, err = web.Stop(ctx, jail.StopOptions{Force: force})
		require.Error(t, err)
	}
	id, err := h.Sim.JailIdentify(ctx, 0, kernel.ByName("ioc-web"))
	require.NoError(t, err)
	p, err := h.Sim.JailGet(ctx, 0, kernel.ByJID(id.JID), "path")
	require.NoError(t, err)
	require.Equal(t, other, p.String("path"))
}

// TestUsersOfHooksAreDocumented: the page of properties said that exec_system_user and
// exec_system_jail_user have no effect; hooks run as that user.
func TestUsersOfHooksAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/properties.md")
	require.NoError(t, err)
	for _, name := range []string{"exec_system_user", "exec_system_jail_user"} {
		p, ok := config.Lookup(name)
		require.True(t, ok && p.Used, name)
		i := strings.Index(string(page), "\n| `"+name+"` |")
		require.GreaterOrEqual(t, i, 0, name)
		row, _, _ := strings.Cut(string(page)[i+1:], "\n")
		require.Contains(t, row, "| acts |")
	}
}
