package host

import (
	"context"
	"errors"

	"github.com/libioc/go-libioc/zfsstore"
)

// MissingDatasets returns those of the datasets that do not exist, in the given
// order. ZFS is not asked about those that are mounted.
func (h *Host) MissingDatasets(ctx context.Context, names ...string) ([]string, error) {
	mounts, err := h.Mounts(ctx)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, name := range names {
		if _, ok := mounts.Dataset(name); ok {
			continue
		}
		_, err := h.Store.Get(ctx, name, zfsstore.GetOptions{})
		switch {
		case errors.Is(err, zfsstore.ErrNotFound):
			missing = append(missing, name)
		case err != nil:
			return nil, err
		}
	}
	return missing, nil
}

// NoClones returns a *ClonedError if a dataset outside was cloned from a snapshot of
// this one or of one below: a recursive destroy would remove what it can before it
// fails. Otherwise it returns the dataset's guid, or zfsstore.ErrNotFound.
func (h *Host) NoClones(ctx context.Context, name string) (guid uint64, err error) {
	sets, err := h.Store.List(ctx, name, zfsstore.ListOptions{
		Types: []zfsstore.Type{zfsstore.Filesystem, zfsstore.Volume, zfsstore.Snapshot},
	})
	if err != nil {
		return 0, err
	}
	own := map[string]bool{}
	for _, d := range sets {
		own[d.Name] = true
		if d.Name == name {
			guid = d.GUID
		}
	}
	for _, d := range sets {
		for _, clone := range d.Clones {
			if !own[clone] {
				return guid, &ClonedError{Clone: clone, Snapshot: d.Name}
			}
		}
	}
	return guid, nil
}

// ClonedError names a clone that keeps a dataset from being destroyed. It matches
// zfsstore.ErrHasDependents.
type ClonedError struct {
	Clone    string
	Snapshot string
}

func (e *ClonedError) Error() string { return e.Clone + " was cloned from " + e.Snapshot }

// Is makes the error a zfsstore.ErrHasDependents.
func (e *ClonedError) Is(target error) bool { return target == zfsstore.ErrHasDependents }
