package jail

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/zfsstore"
)

// tree is a dataset with all below it, snapshots included, as one zfs-list(8)
// saw them: parents first, the snapshots of a dataset after it, oldest first.
type tree []zfsstore.Dataset

// tree reads the datasets at and below one, with the properties that are asked
// for. ErrNotFound when there is none.
func (j *Jail) tree(ctx context.Context, dataset string, properties ...string) (tree, error) {
	sets, err := j.host.Store.List(ctx, dataset, zfsstore.ListOptions{
		Types:      []zfsstore.Type{zfsstore.Filesystem, zfsstore.Volume, zfsstore.Snapshot},
		Properties: properties,
	})
	if errors.Is(err, zfsstore.ErrNotFound) {
		return nil, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	return sets, err
}

func (t tree) find(name string) (zfsstore.Dataset, bool) {
	for _, d := range t {
		if d.Name == name {
			return d, true
		}
	}
	return zfsstore.Dataset{}, false
}

func (t tree) guid(name string) string {
	d, _ := t.find(name)
	return fmt.Sprint(d.GUID)
}

// guids returns the given datasets and snapshots with their guids.
func (t tree) guids(names []string) []step.GUIDOf {
	var out []step.GUIDOf
	for _, name := range names {
		d, _ := t.find(name)
		out = append(out, step.GUIDOf{Name: name, GUID: d.GUID})
	}
	return out
}

// datasets returns the names of file systems and volumes.
func (t tree) datasets() []string {
	var out []string
	for _, d := range t {
		if d.Type != zfsstore.Snapshot {
			out = append(out, d.Name)
		}
	}
	return out
}

// snapshots returns those of one dataset, oldest first.
func (t tree) snapshots(dataset string) []zfsstore.Dataset {
	var out []zfsstore.Dataset
	for _, d := range t {
		if of, _, ok := strings.Cut(d.Name, "@"); ok && of == dataset {
			out = append(out, d)
		}
	}
	return out
}

// freeName returns a name that no snapshot in the tree has: base, base-2, base-3.
func (t tree) freeName(base string) string {
	return freeName(base, func(name string) bool {
		return slices.ContainsFunc(t, func(d zfsstore.Dataset) bool { return strings.HasSuffix(d.Name, "@"+name) })
	})
}

// freeName returns the first of base, base-2, base-3 that is not taken.
func freeName(base string, taken func(name string) bool) string {
	name := base
	for n := 2; taken(name); n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	return name
}

// dependants returns the datasets outside of the tree that were cloned from the
// named snapshots of it, or from any.
func (t tree) dependants(snapshots ...string) []Dependant {
	var out []Dependant
	for _, d := range t {
		if len(snapshots) > 0 && !slices.Contains(snapshots, d.Name) {
			continue
		}
		for _, clone := range d.Clones {
			// A clone inside the tree goes with a destroy of all of it only.
			if _, inside := t.find(clone); len(snapshots) > 0 || !inside {
				out = append(out, Dependant{Dataset: clone, Snapshot: d.Name})
			}
		}
	}
	return out
}
