package host

import (
	"context"
	"fmt"
	"strings"

	"github.com/libioc/go-libioc/internal/pathname"
	"github.com/libioc/go-libioc/kernel"
)

// MountTable is the result of one getfsstat(2). It names every mounted dataset with
// its mountpoint, so that finding one needs no zfs(8).
type MountTable []kernel.Mounted

// Mounts reads the mount table.
func (h *Host) Mounts(ctx context.Context) (MountTable, error) {
	return h.Kernel.Getfsstat(ctx)
}

// FileSystem returns the mount of a dataset, the last of several, which hides the
// others.
func (t MountTable) FileSystem(dataset string) (m kernel.Mounted, ok bool) {
	for i := len(t) - 1; i >= 0; i-- {
		if t[i].Type == "zfs" && t[i].From == dataset {
			return t[i], true
		}
	}
	return kernel.Mounted{}, false
}

// Dataset returns where a dataset is mounted.
func (t MountTable) Dataset(name string) (path string, ok bool) {
	m, ok := t.FileSystem(name)
	return m.Path, ok
}

// At returns the file system mounted last at exactly that path.
func (t MountTable) At(path string) (kernel.Mounted, bool) {
	for i := len(t) - 1; i >= 0; i-- {
		if t[i].Path == path {
			return t[i], true
		}
	}
	return kernel.Mounted{}, false
}

// Below returns the mounts strictly below a path, newest first: the order in which
// they can be unmounted.
func (t MountTable) Below(path string) MountTable {
	var out MountTable
	for i := len(t) - 1; i >= 0; i-- {
		if strings.HasPrefix(t[i].Path, path+"/") {
			out = append(out, t[i])
		}
	}
	return out
}

// Cover returns the file system that hides the files of a mounted dataset: it was
// mounted later, at the same place or on a directory above, as happens if datasets
// of two boot environments have the same mountpoint.
func (t MountTable) Cover(name string) (m kernel.Mounted, hidden bool) {
	path, ok := t.Dataset(name)
	for i := len(t) - 1; ok && i >= 0; i-- {
		if t[i].Type == "zfs" && t[i].From == name {
			break
		}
		if pathname.Within(path, t[i].Path) {
			m, hidden = t[i], true
		}
	}
	return m, hidden
}

// Mountpoint returns where a dataset is mounted, or ErrNotMounted if it is not, or if
// another file system hides it, so that the files at the path are not its own.
func (h *Host) Mountpoint(ctx context.Context, dataset string) (string, error) {
	mounts, err := h.Mounts(ctx)
	if err != nil {
		return "", err
	}
	return mounts.Mountpoint(dataset)
}

// Mountpoint is [Host.Mountpoint] for this table, with the same errors.
func (t MountTable) Mountpoint(dataset string) (string, error) {
	if m, hidden := t.Cover(dataset); hidden {
		return "", fmt.Errorf("%w: %s is hidden by %s, mounted on %s", ErrNotMounted, dataset, m.From, m.Path)
	}
	if path, ok := t.Dataset(dataset); ok {
		return path, nil
	}
	return "", fmt.Errorf("%w: %s", ErrNotMounted, dataset)
}
