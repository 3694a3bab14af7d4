package release_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/zfsstore"
)

// world is what there is on a simulated host: datasets, mounts, jails and files,
// one line each. Locks and empty directories of journals are left out.
func world(t testing.TB, h *simhost.Host) []string {
	t.Helper()
	ctx := context.Background()
	var out []string
	sets, err := h.ZFS.List(ctx, "", zfsstore.ListOptions{
		Types: []zfsstore.Type{zfsstore.Filesystem, zfsstore.Volume, zfsstore.Snapshot},
	})
	require.NoError(t, err)
	var root string
	for _, d := range sets {
		if d.Name == simhost.Pool {
			root = filepath.Dir(filepath.Dir(d.Mountpoint))
		}
		out = append(out, fmt.Sprintf("dataset %s %s origin=%s mounted=%v clones=%v", d.Type, d.Name, d.Origin, d.Mounted, d.Clones))
	}
	mounts, err := h.Sim.Getfsstat(ctx)
	require.NoError(t, err)
	for _, m := range mounts {
		out = append(out, fmt.Sprintf("mount %s %s on %s", m.Type, m.From, m.Path))
	}
	for p, err := range h.Sim.JailList(ctx, 0) {
		require.NoError(t, err)
		out = append(out, "jail "+p.String("name"))
	}
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		switch {
		case rel == "unmounted" || rel == "run" || rel == "cache":
			return fs.SkipDir
		case rel == "state.log" || rel == "lock",
			d.IsDir() && (strings.HasPrefix(rel, "db") || strings.Contains(rel, "/.operations")):
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		line := fmt.Sprintf("file %s %v", rel, info.Mode())
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %x", sha256.Sum256(data))
		}
		out = append(out, line)
		return nil
	}))
	slices.Sort(out)
	return out
}

// differ lists what only one of two worlds has.
func differ(want, got []string) []string {
	var out []string
	for _, line := range want {
		if _, ok := slices.BinarySearch(got, line); !ok {
			out = append(out, "missing: "+line)
		}
	}
	for _, line := range got {
		if _, ok := slices.BinarySearch(want, line); !ok {
			out = append(out, "left over: "+line)
		}
	}
	return out
}
