package jail_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/fault"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/zfsstore"
)

// crashAt ends a run at a step of a kind.
func crashAt(ctx context.Context, kind, phase string) context.Context {
	return plan.WithFault(ctx, func(p plan.Point) error {
		if p.Step.Kind == kind && p.Phase == phase {
			return plan.ErrCrash
		}
		return nil
	})
}

// TestSnapshotOfSomebodyElseBelow: what takes away a snapshot of a jail, the undo of a
// snapshot and the end of a clone, destroyed snapshots of the same name as well that
// somebody had taken of datasets below that were made since.
func TestSnapshotOfSomebodyElseBelow(t *testing.T) {
	for _, test := range []struct {
		kind string
		run  func(ctx context.Context, h *simhost.Host, web *jail.Jail) error
	}{
		{"snapshot", func(ctx context.Context, _ *simhost.Host, web *jail.Jail) error {
			_, err := web.CreateSnapshot(ctx, jail.SnapshotOptions{Name: "now"})
			return err
		}},
		{"defer destroy", func(ctx context.Context, h *simhost.Host, _ *jail.Jail) error {
			other, err := jail.New(ctx, h.Host, jail.Spec{Name: "copy"})
			if err == nil {
				_, err = other.CloneFromJail(ctx, jail.CloneOptions{Jail: "web"})
			}
			return err
		}},
	} {
		t.Run(test.kind, func(t *testing.T) {
			ctx := t.Context()
			h := newHost(t)
			web := newJail(t, h, "web", false, nil)
			theirs := ""
			err := test.run(plan.WithFault(ctx, func(p plan.Point) error {
				if p.Step.Kind != test.kind || p.Phase != "done" && test.kind == "snapshot" || p.Phase != "do" && test.kind != "snapshot" {
					return nil
				}
				snapshot, _, _ := strings.Cut(p.Step.Detail, " ")
				_, name, _ := strings.Cut(snapshot, "@")
				child := web.RootDataset() + "/db"
				theirs = child + "@" + name
				assert.NoError(t, h.Store.Create(ctx, child, zfsstore.CreateOptions{}))
				assert.NoError(t, h.Store.Snapshot(ctx, theirs, zfsstore.SnapshotOptions{}))
				if p.Phase == "done" {
					return plan.ErrCrash
				}
				return nil
			}), h, web)
			if test.kind == "snapshot" {
				require.ErrorIs(t, err, plan.ErrCrash)
			} else {
				require.NoError(t, err)
			}
			_, err = jail.Recover(ctx, h.Host)
			require.NoError(t, err)
			_, err = h.Store.Get(ctx, theirs, zfsstore.GetOptions{})
			require.NoError(t, err)
			snapshots, err := h.Store.List(ctx, web.RootDataset(), zfsstore.ListOptions{Types: []zfsstore.Type{zfsstore.Snapshot}, Depth: 1})
			require.NoError(t, err)
			if test.kind == "snapshot" {
				require.Empty(t, snapshots, "its own is undone")
			}
		})
	}
}

// TestUpdateKeepsAPeriodicSnapshot: the undo of an update destroyed the snapshots that
// somebody, such as a periodic job, had taken of the root since.
func TestUpdateKeepsAPeriodicSnapshot(t *testing.T) {
	ctx := t.Context()
	row := updateOperations()[0]
	h := row.setup(t)
	row.ready(t, ctx, h)
	_, err := row.run(crashAt(ctx, "run updater", "done"), h)
	require.ErrorIs(t, err, plan.ErrCrash)
	hourly := loaded(t, ctx, h, "web").RootDataset() + "@hourly"
	require.NoError(t, h.Store.Snapshot(ctx, hourly, zfsstore.SnapshotOptions{}))
	setAside(t, h, zfsstore.ErrNewerSnapshots)
	_, err = h.Store.Get(ctx, hourly, zfsstore.GetOptions{})
	require.NoError(t, err)
}

// TestDatasetBelowTheUpdaters: a dataset that somebody had made below the clone that an
// interrupted updater ran in was destroyed with it.
func TestDatasetBelowTheUpdaters(t *testing.T) {
	ctx := t.Context()
	row := updateOperations()[0]
	h := row.setup(t)
	row.ready(t, ctx, h)
	works := h.ZFS.Fail(t, fault.Fault{Op: "destroy", Match: "*updater*", Err: plan.ErrCrash})
	_, err := row.run(ctx, h)
	works()
	require.ErrorIs(t, err, plan.ErrCrash)
	theirs := loaded(t, ctx, h, "web").Dataset() + "/updater/theirs"
	require.NoError(t, h.Store.Create(ctx, theirs, zfsstore.CreateOptions{}))
	setAside(t, h, zfsstore.ErrHasChildren)
	d, err := h.Store.Get(ctx, theirs, zfsstore.GetOptions{})
	require.NoError(t, err)
	require.True(t, d.Mounted)
}
