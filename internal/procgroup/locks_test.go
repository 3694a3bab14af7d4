package procgroup

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLocks: nested operations share what they hold, and a lock that is given back is
// passed on no more.
func TestLocks(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "lock"))
	require.NoError(t, err)
	defer file.Close()
	ctx := WithLocks(t.Context())
	remove := AddLock(WithLocks(ctx), file)
	cmd := exec.Command("true")
	PassLocks(ctx, cmd)
	require.Equal(t, []*os.File{file}, cmd.ExtraFiles)
	require.True(t, HoldsLocks(ctx))
	remove()
	require.False(t, HoldsLocks(ctx))
	AddLock(t.Context(), file)() // nobody collects them
	require.False(t, HoldsLocks(t.Context()))
}
