package jail

import (
	"context"
	"errors"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/zfsstore"
)

type snapshotArgs struct {
	Snapshot string `json:"snapshot"`
	// Recursive takes it of all datasets below as well, at one moment.
	Recursive bool `json:"recursive,omitempty"`
	// Shared is the release's own: it may be there by now, and may be used.
	Shared bool   `json:"shared,omitempty"`
	Made   string `json:"made"`
}

// stepSnapshot takes a snapshot that was missing.
var stepSnapshot = plan.Define(plan.Spec[env, snapshotArgs]{
	Name: "snapshot",
	Detail: func(a snapshotArgs) string {
		if a.Recursive {
			return a.Snapshot + " with children"
		}
		return a.Snapshot
	},
	Event: func(_ env, a snapshotArgs) events.IocEvent {
		return events.ZFSSnapshotCreate{Snapshot: a.Snapshot, Recursive: a.Recursive}
	},
	Durable: true,
	Do: func(ctx context.Context, e env, a snapshotArgs, c *plan.Call) error {
		err := e.host.Store.Snapshot(ctx, a.Snapshot, zfsstore.SnapshotOptions{
			Recursive: a.Recursive, Properties: mark(a.Made),
		})
		if a.Shared && errors.Is(err, zfsstore.ErrExists) {
			c.Skip("exists")
			return nil
		}
		return err
	},
	Undo: func(ctx context.Context, e env, a snapshotArgs, c *plan.Call) error {
		err := unmake(ctx, e, a.Snapshot, a.Made, zfsstore.DestroyOptions{Recursive: a.Recursive})
		if a.Shared && errors.Is(err, zfsstore.ErrHasDependents) {
			return nil // another jail was cloned from it meanwhile
		}
		return err
	},
})

// stepForgetSnapshot lets a snapshot that was taken for clones go when the last
// of them does, zfs-destroy(8) -d. It needs no undo: a rollback destroys the
// clones, and the snapshot goes with them.
var stepForgetSnapshot = plan.Define(plan.Spec[env, snapshotArgs]{
	Name:    "defer destroy",
	Detail:  func(a snapshotArgs) string { return a.Snapshot + " until its clones are gone" },
	Event:   func(_ env, a snapshotArgs) events.IocEvent { return events.ZFSSnapshotDestroy{Snapshot: a.Snapshot} },
	Durable: true,
	Do: func(ctx context.Context, e env, a snapshotArgs, c *plan.Call) error {
		err := e.host.Store.Destroy(ctx, a.Snapshot, zfsstore.DestroyOptions{Recursive: a.Recursive, Defer: true})
		if errors.Is(err, zfsstore.ErrNotFound) {
			c.Skip("gone")
			return nil
		}
		return err
	},
})

type snapshotsArgs struct {
	Snapshots []string `json:"snapshots"` // the newest first
}

// stepDestroySnapshots destroys snapshots for good, the newest first. It ends
// at the first refusal, which is final.
var stepDestroySnapshots = plan.Define(plan.Spec[env, snapshotsArgs]{
	Name:   "destroy snapshots",
	Detail: func(a snapshotsArgs) string { return strings.Join(a.Snapshots, ", ") },
	Event: func(_ env, a snapshotsArgs) events.IocEvent {
		return events.ZFSSnapshotDestroy{Snapshot: a.Snapshots[0]}
	},
	Durable: true,
	Do: func(ctx context.Context, e env, a snapshotsArgs, c *plan.Call) error {
		return plan.Final(destroySnapshots(ctx, e, a.Snapshots))
	},
})

func destroySnapshots(ctx context.Context, e env, names []string) error {
	for _, name := range names {
		err := e.host.Store.Destroy(ctx, name, zfsstore.DestroyOptions{})
		if err != nil && !errors.Is(err, zfsstore.ErrNotFound) {
			return err
		}
	}
	return nil
}

type rollbackArgs struct {
	Newer     []string `json:"newer,omitempty"` // to destroy before, the newest first
	Snapshots []string `json:"snapshots"`       // to go back to, one a dataset
}

// stepRollback destroys newer snapshots and brings datasets back to snapshots.
// It ends at the first refusal, which is final; with every newer snapshot gone
// ZFS has no reason left to refuse.
var stepRollback = plan.Define(plan.Spec[env, rollbackArgs]{
	Name: "roll back",
	Detail: func(a rollbackArgs) string {
		text := strings.Join(a.Snapshots, ", ")
		if len(a.Newer) > 0 {
			text += "; destroy " + strings.Join(a.Newer, ", ")
		}
		return text
	},
	Event: func(_ env, a rollbackArgs) events.IocEvent {
		return events.ZFSSnapshotRollback{Snapshot: a.Snapshots[0]}
	},
	Durable: true,
	Barrier: true, // what is written after it must not be rolled back
	Do: func(ctx context.Context, e env, a rollbackArgs, c *plan.Call) error {
		if err := destroySnapshots(ctx, e, a.Newer); err != nil {
			return plan.Final(err)
		}
		for _, name := range a.Snapshots {
			if err := e.host.Store.Rollback(ctx, name, zfsstore.RollbackOptions{}); err != nil {
				return plan.Final(err)
			}
		}
		return nil
	},
})
