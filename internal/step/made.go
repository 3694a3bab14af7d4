package step

import (
	"context"
	"fmt"
	"strings"

	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/zfsstore"
)

// madeProperty is a user property that every dataset and snapshot gets when an
// operation makes it. It names the operation, so that undoing it after a crash
// destroys nothing that somebody else has made under the name in the meantime.
const madeProperty = "org.freebsd.ioc:made"

// mark are the properties that a dataset is made with.
func mark(by string) map[string]string {
	if by == "" {
		return nil
	}
	return map[string]string{madeProperty: by}
}

// made reports whether a dataset or snapshot is there and is the one that the
// operation has made. Children and snapshots inherit the property, which makes
// them nobody's.
func made(ctx context.Context, e Env, name, by string) (bool, error) {
	guid, err := madeGUID(ctx, e, name, by)
	return guid != 0, err
}

// madeGUID is made, with the guid; it is 0 for what the operation has not made.
func madeGUID(ctx context.Context, e Env, name, by string) (guid uint64, err error) {
	d, err := e.Host.Store.Get(ctx, name, zfsstore.GetOptions{Properties: []string{madeProperty}})
	if err != nil {
		// A name that cannot be was never made.
		return 0, ignore.Err(err, zfsstore.ErrNotFound, zfsstore.ErrInvalidName)
	}
	if p, ok := d.Properties[madeProperty]; !ok || p.Source != zfsstore.SourceLocal || p.Value != by {
		return 0, nil
	}
	return d.GUID, nil
}

// unmake destroys what the operation has made, and nothing else. Snapshots of a
// dataset that it has made, such as those of a periodic job, go with it; a dataset that
// somebody else has made below is zfsstore.ErrHasChildren, and so is any dataset below
// one that is shared.
func unmake(ctx context.Context, e Env, name, by string, shared bool) error {
	guid, err := madeGUID(ctx, e, name, by)
	if err != nil || guid == 0 {
		return err
	}
	destroy := func() error {
		err := e.Host.Store.Destroy(ctx, name, zfsstore.DestroyOptions{Recursive: true, GUID: guid})
		return ignore.Err(err, zfsstore.ErrNotFound)
	}
	if strings.Contains(name, "@") {
		// The same snapshot of the datasets below is of the same operation.
		return destroy()
	}
	below, err := e.Host.Store.List(ctx, name, zfsstore.ListOptions{
		Types:      []zfsstore.Type{zfsstore.Filesystem, zfsstore.Volume},
		Properties: []string{madeProperty},
	})
	if err != nil {
		return ignore.Err(err, zfsstore.ErrNotFound)
	}
	for _, d := range below {
		p := d.Properties[madeProperty]
		if p.Source != zfsstore.SourceLocal || p.Value != by || shared && d.Name != name {
			return &zfsstore.Error{Op: "destroy", Dataset: name, Err: fmt.Errorf("%w: %s", zfsstore.ErrHasChildren, d.Name)}
		}
	}
	return destroy()
}

// foreign is the effect of a step that found its resource made by someone else.
type foreign struct {
	Foreign bool `json:"foreign"`
}
