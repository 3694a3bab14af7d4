package jail

import (
	"context"
	"errors"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/zfsstore"
)

// stepSnapshot takes a snapshot that was missing.
type stepSnapshot struct {
	Snapshot string `json:"snapshot"`
	// Recursive takes it of all datasets below as well, at one moment.
	Recursive bool `json:"recursive,omitempty"`
	// Shared is the release's own: it may be there by now, and may be used.
	Shared bool   `json:"shared,omitempty"`
	Made   string `json:"made"`
}

func (stepSnapshot) Kind() string { return "snapshot" }

func (a stepSnapshot) Detail() string {
	if a.Recursive {
		return a.Snapshot + " with children"
	}
	return a.Snapshot
}

func (a stepSnapshot) Event(_ env) events.IocEvent {
	return events.ZFSSnapshotCreate{Snapshot: a.Snapshot, Recursive: a.Recursive}
}

func (stepSnapshot) Durable() {}

func (a stepSnapshot) Do(ctx context.Context, e env, c *plan.Call) error {
	err := e.host.Store.Snapshot(ctx, a.Snapshot, zfsstore.SnapshotOptions{
		Recursive: a.Recursive, Properties: mark(a.Made),
	})
	if a.Shared && errors.Is(err, zfsstore.ErrExists) {
		c.Skip("exists")
		return nil
	}
	return err
}

func (a stepSnapshot) Undo(ctx context.Context, e env, c *plan.Call) error {
	err := unmake(ctx, e, a.Snapshot, a.Made, zfsstore.DestroyOptions{Recursive: a.Recursive})
	if a.Shared && errors.Is(err, zfsstore.ErrHasDependents) {
		return nil // another jail was cloned from it meanwhile
	}
	return err
}

// stepForgetSnapshot lets a snapshot that was taken for clones go when the last
// of them does, zfs-destroy(8) -d. It needs no undo: a rollback destroys the
// clones, and the snapshot goes with them.
type stepForgetSnapshot stepSnapshot

func (stepForgetSnapshot) Kind() string { return "defer destroy" }

func (a stepForgetSnapshot) Detail() string { return a.Snapshot + " until its clones are gone" }

func (a stepForgetSnapshot) Event(_ env) events.IocEvent {
	return events.ZFSSnapshotDestroy{Snapshot: a.Snapshot}
}

func (stepForgetSnapshot) Durable() {}

func (a stepForgetSnapshot) Do(ctx context.Context, e env, c *plan.Call) error {
	err := e.host.Store.Destroy(ctx, a.Snapshot, zfsstore.DestroyOptions{Recursive: a.Recursive, Defer: true})
	if errors.Is(err, zfsstore.ErrNotFound) {
		c.Skip("gone")
		return nil
	}
	return err
}

// stepDestroySnapshots destroys snapshots for good, the newest first. It ends
// at the first refusal, which is final.
type stepDestroySnapshots struct {
	Snapshots []string `json:"snapshots"` // the newest first
}

func (stepDestroySnapshots) Kind() string { return "destroy snapshots" }

func (a stepDestroySnapshots) Detail() string { return strings.Join(a.Snapshots, ", ") }

func (a stepDestroySnapshots) Event(_ env) events.IocEvent {
	return events.ZFSSnapshotDestroy{Snapshot: a.Snapshots[0]}
}

func (stepDestroySnapshots) Durable() {}

func (a stepDestroySnapshots) Do(ctx context.Context, e env, c *plan.Call) error {
	return plan.Final(destroySnapshots(ctx, e, a.Snapshots))
}

func destroySnapshots(ctx context.Context, e env, names []string) error {
	for _, name := range names {
		err := e.host.Store.Destroy(ctx, name, zfsstore.DestroyOptions{})
		if err != nil && !errors.Is(err, zfsstore.ErrNotFound) {
			return err
		}
	}
	return nil
}

// stepRollback destroys newer snapshots and brings datasets back to snapshots.
// It ends at the first refusal, which is final; with every newer snapshot gone
// ZFS has no reason left to refuse.
type stepRollback struct {
	Newer     []string `json:"newer,omitempty"` // to destroy before, the newest first
	Snapshots []string `json:"snapshots"`       // to go back to, one a dataset
}

func (stepRollback) Kind() string { return "roll back" }

func (a stepRollback) Detail() string {
	text := strings.Join(a.Snapshots, ", ")
	if len(a.Newer) > 0 {
		text += "; destroy " + strings.Join(a.Newer, ", ")
	}
	return text
}

func (a stepRollback) Event(_ env) events.IocEvent {
	return events.ZFSSnapshotRollback{Snapshot: a.Snapshots[0]}
}

func (stepRollback) Durable() {}

func (stepRollback) Barrier() {}

func (a stepRollback) Do(ctx context.Context, e env, c *plan.Call) error {
	if err := destroySnapshots(ctx, e, a.Newer); err != nil {
		return plan.Final(err)
	}
	for _, name := range a.Snapshots {
		if err := e.host.Store.Rollback(ctx, name, zfsstore.RollbackOptions{}); err != nil {
			return plan.Final(err)
		}
	}
	return nil
}
