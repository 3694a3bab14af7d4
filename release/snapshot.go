package release

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// snapshotDir is ZFS's own directory of snapshots, there even when the snapdir
// property hides it. Reading it needs no zfs(8).
const snapshotDir = ".zfs/snapshot"

// PatchLevels lists the patch levels there are, the newest first. Snapshots
// with other names are none.
func (r *Release) PatchLevels(ctx context.Context) ([]int, error) {
	root, err := r.root(ctx)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(filepath.Join(root, snapshotDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // there is none yet
		return nil, err
	}
	var levels []int
	for _, e := range entries {
		if level, ok := ParseSnapshot(e.Name()); ok {
			levels = append(levels, level)
		}
	}
	slices.Sort(levels)
	slices.Reverse(levels)
	return levels, nil
}

// level is the patch level that the name means now: the pinned one, or the
// newest. taken is false when the release has no snapshot at all, and level is
// then that of the first one to take.
func (r *Release) level(ctx context.Context) (level int, taken bool, err error) {
	levels, err := r.PatchLevels(ctx)
	if err != nil {
		return 0, false, err
	}
	if want, pinned := r.name.Patch(); pinned {
		if !slices.Contains(levels, want) {
			return 0, false, fmt.Errorf("%w: %s", ErrSnapshotNotFound, r.name)
		}
		return want, true, nil
	}
	if len(levels) == 0 {
		return 0, false, nil
	}
	return levels[0], true, nil
}

// RootSnapshot is the snapshot that a jail of this release is cloned from:
// the pinned patch level's, or the newest. taken is false when the release has
// none yet; libioc then takes @p0, and so may the caller. Errors:
// ErrNotFetched, ErrSnapshotNotFound.
func (r *Release) RootSnapshot(ctx context.Context) (snapshot string, taken bool, err error) {
	level, taken, err := r.level(ctx)
	if err != nil {
		return "", false, err
	}
	return r.RootDataset() + "@" + Snapshot(level), taken, nil
}

// SnapshotPath is the directory in which that snapshot can be read, the source
// of a basejail's mounts. Errors: ErrNotFetched, ErrSnapshotNotFound.
func (r *Release) SnapshotPath(ctx context.Context) (string, error) {
	level, taken, err := r.level(ctx)
	if err != nil {
		return "", err
	}
	if !taken {
		return "", fmt.Errorf("%w: %s has no snapshot", ErrSnapshotNotFound, r.name)
	}
	root, err := r.root(ctx)
	if err != nil {
		return "", err
	}
	return filepath.Join(root, snapshotDir, Snapshot(level)), nil
}
