package jail_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/zfsstore"
)

var firstSteps = []string{"create dataset", "snapshot", "create dataset", "clone", "write configuration"}

func second(ctx context.Context, h *simhost.Host) *jail.Jail {
	j, err := jail.New(ctx, h.Host, jail.Spec{Name: "second"})
	if err != nil {
		panic(err)
	}
	return j
}

// An undo that fails leaves exactly its own resource, not what later steps made
// in it.
func TestEachUndoOfACreateIsItsOwn(t *testing.T) {
	h := bareHost(t)
	ctx := context.Background()
	p, err := second(ctx, h).Generator().Create(jail.CreateOptions{Release: testRelease}).Plan(ctx)
	require.NoError(t, err)
	var kinds []string
	for _, s := range p.Steps() {
		kinds = append(kinds, s.Kind)
	}
	require.Equal(t, firstSteps, kinds)
	last := len(firstSteps) - 1
	const dataset = 2 // the jail's own
	_, err = second(ctx, h).Create(plan.WithFault(ctx, func(p plan.Point) error {
		if p.Index == last && p.Phase == "done" || p.Index == dataset && p.Phase == "undo" {
			return errInjected
		}
		return nil
	}), jail.CreateOptions{Release: testRelease})
	require.ErrorIs(t, err, errInjected)
	_, err = h.Store.Get(ctx, "zroot/iocage/jails/second", zfsstore.GetOptions{})
	require.NoError(t, err)
	_, err = h.Store.Get(ctx, "zroot/iocage/jails/second/root", zfsstore.GetOptions{})
	require.ErrorIs(t, err, zfsstore.ErrNotFound)
	_, err = jail.Recover(ctx, h.Host)
	require.NoError(t, err)
	_, err = h.Store.Get(ctx, "zroot/iocage/jails/second", zfsstore.GetOptions{})
	require.ErrorIs(t, err, zfsstore.ErrNotFound)
}

// A dataset that somebody else makes after the plan looked is not ours to
// destroy, whichever it is.
func TestCreateLeavesForeignDatasets(t *testing.T) {
	for _, c := range []struct {
		step    int
		dataset string
	}{{2, "zroot/iocage/jails/second"}, {3, "zroot/iocage/jails/second/root"}} {
		t.Run(c.dataset, func(t *testing.T) {
			h := bareHost(t)
			ctx := context.Background()
			_, err := second(ctx, h).Create(plan.WithFault(ctx, func(p plan.Point) error {
				switch {
				case p.Index == c.step && p.Phase == "do":
					return h.Store.Create(ctx, c.dataset, zfsstore.CreateOptions{})
				case p.Index == 2 && c.step == 3 && p.Phase == "undo":
					return errInjected // its parent goes with all that is in it
				}
				return nil
			}), jail.CreateOptions{Release: testRelease})
			require.ErrorIs(t, err, zfsstore.ErrExists)
			_, err = h.Store.Get(ctx, c.dataset, zfsstore.GetOptions{})
			require.NoError(t, err, "it was destroyed")
		})
	}
}
