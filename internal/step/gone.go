package step

import (
	"context"
	"errors"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/zfsstore"
)

// UnlessDestroyed passes over the error of a dataset that is not mounted, where
// it does not exist any more: what was to be undone in it has gone with it.
func UnlessDestroyed(ctx context.Context, e Env, dataset string, err error) error {
	if !errors.Is(err, host.ErrNotMounted) {
		return err
	}
	_, gone := e.Host.Store.Get(ctx, dataset, zfsstore.GetOptions{})
	if errors.Is(gone, zfsstore.ErrNotFound) {
		return nil
	}
	return errors.Join(err, gone)
}

// goneSince skips a step of an interrupted operation whose dataset somebody has
// destroyed, renamed or replaced since.
func goneSince(ctx context.Context, e Env, c *plan.Call, dataset string, err error) error {
	if !c.Resumed {
		return err
	}
	err = LeaveReplaced(c, UnlessDestroyed(ctx, e, dataset, err))
	if err == nil {
		c.Skip("gone")
	}
	return err
}

// skipGone skips a step whose dataset or snapshot does not exist any more.
func skipGone(c *plan.Call, err error) error {
	if errors.Is(err, zfsstore.ErrNotFound) {
		c.Skip("gone")
		return nil
	}
	return err
}
