package step

import (
	"context"

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
	d, err := e.Host.Store.Get(ctx, name, zfsstore.GetOptions{Properties: []string{madeProperty}})
	if err != nil {
		// A name that cannot be was never made.
		return false, ignore.Err(err, zfsstore.ErrNotFound, zfsstore.ErrInvalidName)
	}
	p, ok := d.Properties[madeProperty]
	return ok && p.Source == zfsstore.SourceLocal && p.Value == by, nil
}

// unmake destroys what the operation has made, and nothing else.
func unmake(ctx context.Context, e Env, name, by string, o zfsstore.DestroyOptions) error {
	ours, err := made(ctx, e, name, by)
	if err != nil || !ours {
		return err
	}
	return ignore.Err(e.Host.Store.Destroy(ctx, name, o), zfsstore.ErrNotFound)
}

// foreign is the effect of a step that found its resource made by someone else.
type foreign struct {
	Foreign bool `json:"foreign"`
}
