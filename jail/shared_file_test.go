package jail_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/zfsstore"
)

// TestFileInASharedDataset: the dataset of all jails, which a create had made, was
// destroyed by its undo with the file that somebody had put there since.
func TestFileInASharedDataset(t *testing.T) {
	const jails = "zroot/iocage/jails"
	for _, written := range []bool{true, false} {
		ctx := t.Context()
		h := bareHost(t)
		j, err := jail.New(ctx, h.Host, jail.Spec{Name: "web"})
		require.NoError(t, err)
		_, err = j.Create(crashAt(ctx, "create dataset", "done"), jail.CreateOptions{Empty: true})
		require.ErrorIs(t, err, plan.ErrCrash)
		at, err := h.Mountpoint(ctx, jails)
		require.NoError(t, err)
		file := filepath.Join(at, "notes")
		if written {
			require.NoError(t, os.WriteFile(file, nil, 0o644))
		} else {
			require.NoError(t, h.Store.Unmount(ctx, jails, false), "as an undo that was interrupted")
		}
		_, err = jail.Recover(ctx, h.Host)
		require.NoError(t, err)
		if written {
			require.FileExists(t, file)
			continue
		}
		_, err = h.Store.Get(ctx, jails, zfsstore.GetOptions{})
		require.ErrorIs(t, err, zfsstore.ErrNotFound)
	}
}
