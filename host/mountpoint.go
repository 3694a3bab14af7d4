package host

import (
	"context"
	"fmt"

	"github.com/libioc/go-libioc/kernel"
)

// MountTable is what getfsstat(2) said at one moment. It names every mounted
// dataset with its mountpoint, so that no zfs(8) is needed to find one.
type MountTable []kernel.Mounted

// Mounts reads the mount table.
func (h *Host) Mounts(ctx context.Context) (MountTable, error) {
	return h.Kernel.Getfsstat(ctx)
}

// Dataset is where a dataset is mounted.
func (t MountTable) Dataset(name string) (path string, ok bool) {
	// The last mount of a dataset hides earlier ones.
	for i := len(t) - 1; i >= 0; i-- {
		if t[i].Type == "zfs" && t[i].From == name {
			return t[i].Path, true
		}
	}
	return "", false
}

// At is the file system mounted last at exactly that path.
func (t MountTable) At(path string) (kernel.Mounted, bool) {
	for i := len(t) - 1; i >= 0; i-- {
		if t[i].Path == path {
			return t[i], true
		}
	}
	return kernel.Mounted{}, false
}

// Below lists what is mounted strictly below a path, the newest first: the
// order in which it can be unmounted.
func (t MountTable) Below(path string) MountTable {
	var out MountTable
	for i := len(t) - 1; i >= 0; i-- {
		if len(t[i].Path) > len(path) && t[i].Path[:len(path)] == path && t[i].Path[len(path)] == '/' {
			out = append(out, t[i])
		}
	}
	return out
}

// Mountpoint is where a dataset is mounted, or ErrNotMounted.
func (h *Host) Mountpoint(ctx context.Context, dataset string) (string, error) {
	mounts, err := h.Mounts(ctx)
	if err != nil {
		return "", err
	}
	if path, ok := mounts.Dataset(dataset); ok {
		return path, nil
	}
	return "", fmt.Errorf("%w: %s", ErrNotMounted, dataset)
}
