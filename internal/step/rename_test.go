package step

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// TestRenameSeesMounts: what is mounted is noted before a dataset gets another name, once.
func TestRenameSeesMounts(t *testing.T) {
	h := newHost(t)
	makes(t, h, "zroot/a", "zroot/a/b")
	guid := guidIn(t, h, "zroot/a")
	for _, c := range []struct {
		before, after []string
	}{
		{nil, []string{"", "/b"}},
		{[]string{"/b"}, []string{"/b"}},
	} {
		now := renaming{GUID: guid, Mounted: c.before}
		require.NoError(t, probed(t, h, func(ctx context.Context, e Env, call *plan.Call) error {
			if err := now.begin(ctx, e, call, "zroot/a", "zroot/c"); err != nil {
				return err
			}
			return now.end(ctx, e, "zroot/c", "zroot/a") // back
		}))
		require.Equal(t, c.after, now.Mounted)
		require.NotEmpty(t, mountedAt(t, h, "zroot/a/b"))
	}
}

// TestUndoRenameMountsAgain: a dataset that has its former name already may be left
// unmounted by a killed zfs(8).
func TestUndoRenameMountsAgain(t *testing.T) {
	h := newHost(t)
	makes(t, h, "zroot/a", "zroot/a/b")
	guid := guidIn(t, h, "zroot/a")
	undo := func(from string, guid uint64) error {
		return probed(t, h, func(ctx context.Context, e Env, c *plan.Call) error {
			if err := c.SetEffect(renaming{GUID: guid, Mounted: []string{"", "/b"}}); err != nil {
				return err
			}
			return undoRename(ctx, e, c, from, "zroot/c", guid)
		})
	}
	require.NoError(t, h.ZFS.Unmount(t.Context(), "zroot/a", false))
	require.NoError(t, undo("zroot/a", guid+1), "another one")
	require.Empty(t, mountedAt(t, h, "zroot/a"))
	require.NoError(t, undo("zroot/nosuch", guid))
	require.Empty(t, mountedAt(t, h, "zroot/a"))
	require.NoError(t, undo("zroot/a", guid))
	require.NotEmpty(t, mountedAt(t, h, "zroot/a"))
	require.NotEmpty(t, mountedAt(t, h, "zroot/a/b"))

	kernelFails(t, h, simkernel.OpGetfsstat)
	require.ErrorIs(t, undo("zroot/a", guid), errProbe)
}
