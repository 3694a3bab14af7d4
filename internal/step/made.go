package step

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/zfsstore"
)

// madeProperty is a user property that every dataset and snapshot gets when an
// operation makes it. It names the operation, so that undoing it after a crash
// destroys nothing that somebody else has made under the name in the meantime.
const madeProperty = "org.freebsd.ioc:made"

// Mark are the properties that a dataset is made with.
func Mark(by string) map[string]string {
	if by == "" {
		return nil
	}
	return map[string]string{madeProperty: by}
}

// Made reports whether a dataset or snapshot is there and is the one that the
// operation has made. Children and snapshots inherit the property, which makes
// them nobody's.
func Made(ctx context.Context, e Env, name, by string) (bool, error) {
	d, err := e.Host.Store.Get(ctx, name, zfsstore.GetOptions{Properties: []string{madeProperty}})
	if err != nil {
		// A name that cannot be was never made.
		return false, ignore.Err(err, zfsstore.ErrNotFound, zfsstore.ErrInvalidName)
	}
	p, ok := d.Properties[madeProperty]
	return ok && p.Source == zfsstore.SourceLocal && p.Value == by, nil
}

// unmake destroys what the operation has made, and nothing else. Snapshots of a
// dataset that it has made, such as those of a periodic job, go with it; a dataset that
// somebody else has made below is zfsstore.ErrHasChildren, and so is any dataset below
// one that is shared.
func unmake(ctx context.Context, e Env, name, by string, shared bool) error {
	if strings.Contains(name, "@") {
		ours, err := madeSnapshots(ctx, e, name, by)
		if err != nil {
			return err
		}
		return destroySnapshots(ctx, e, ours, zfsstore.DestroyOptions{})
	}
	ours, err := Made(ctx, e, name, by)
	if err != nil || !ours {
		return err
	}
	below, err := e.Host.Store.List(ctx, name, zfsstore.ListOptions{
		Types:      []zfsstore.Type{zfsstore.Filesystem, zfsstore.Volume},
		Properties: []string{madeProperty},
	})
	if err != nil {
		return ignore.Err(err, zfsstore.ErrNotFound)
	}
	var guid uint64
	for _, d := range below {
		if d.Name == name {
			guid = d.GUID
		}
		p := d.Properties[madeProperty]
		if p.Source != zfsstore.SourceLocal || p.Value != by || shared && d.Name != name {
			return &zfsstore.Error{Op: "destroy", Dataset: name, Err: fmt.Errorf("%w: %s", zfsstore.ErrHasChildren, d.Name)}
		}
	}
	if shared {
		// What others make in it at this moment stays, and stays mounted.
		return ignore.Err(e.Host.Store.Destroy(ctx, name, zfsstore.DestroyOptions{}), zfsstore.ErrNotFound)
	}
	return ignore.Err(DestroyTree(ctx, e, name, guid), zfsstore.ErrNotFound, jailerr.ErrReplaced)
}

// madeSnapshots returns the snapshots of one name that the operation has made of a
// dataset and those below it, the deepest first. Others can have the name as well.
func madeSnapshots(ctx context.Context, e Env, name, by string) ([]GUIDOf, error) {
	dataset, snapshot, _ := strings.Cut(name, "@")
	all, err := e.Host.Store.List(ctx, dataset, zfsstore.ListOptions{
		Types: []zfsstore.Type{zfsstore.Snapshot}, Properties: []string{madeProperty},
	})
	if err != nil {
		return nil, ignore.Err(err, zfsstore.ErrNotFound, zfsstore.ErrInvalidName)
	}
	var ours []GUIDOf
	for _, d := range slices.Backward(all) {
		p := d.Properties[madeProperty]
		if strings.HasSuffix(d.Name, "@"+snapshot) && p.Source == zfsstore.SourceLocal && p.Value == by {
			ours = append(ours, GUIDOf{d.Name, d.GUID})
		}
	}
	return ours, nil
}

// foreign is the effect of a step that found its resource made by someone else.
type foreign struct {
	Foreign bool `json:"foreign"`
}
