package step

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/zfsstore"
)

// Snapshot takes a snapshot that was missing.
type Snapshot struct {
	Snapshot string `json:"snapshot"`
	// Recursive takes it of all datasets below as well, at one moment.
	Recursive bool `json:"recursive,omitempty"`
	// Shared is the release's own: it may be there by now, and may be used.
	Shared bool   `json:"shared,omitempty"`
	Made   string `json:"made"`
}

func (Snapshot) Kind() string { return "snapshot" }
func (Snapshot) Durable()     {}
func (a Snapshot) Event(Env) events.IocEvent {
	return events.ZFSSnapshotCreate{Snapshot: a.Snapshot, Recursive: a.Recursive}
}

func (a Snapshot) Detail() string {
	if a.Recursive {
		return a.Snapshot + " with children"
	}
	return a.Snapshot
}

func (a Snapshot) Do(ctx context.Context, e Env, c *plan.Call) error {
	err := e.Host.Store.Snapshot(ctx, a.Snapshot, zfsstore.SnapshotOptions{
		Recursive: a.Recursive, Properties: mark(a.Made),
	})
	if a.Shared && errors.Is(err, zfsstore.ErrExists) {
		c.Skip("exists")
		return nil
	}
	return err
}

func (a Snapshot) Undo(ctx context.Context, e Env, c *plan.Call) error {
	err := unmake(ctx, e, a.Snapshot, a.Made, a.Shared)
	if !errors.Is(err, zfsstore.ErrHasDependents) {
		return err
	}
	own, oerr := a.ownClones(ctx, e, c)
	if oerr == nil && (a.Shared || !own) {
		c.Skip("something else was cloned from it in the meantime")
		return nil
	}
	return errors.Join(err, oerr)
}

// ownClones reports whether a clone that the operation has made is where it was made.
func (a Snapshot) ownClones(ctx context.Context, e Env, c *plan.Call) (bool, error) {
	for _, s := range c.Steps() {
		var clone Clone
		if s.Kind != clone.Kind() || json.Unmarshal(s.Args, &clone) != nil {
			continue
		}
		for _, one := range clone.Clones {
			if ours, err := made(ctx, e, one.Target, clone.Made); err != nil || ours {
				return ours, err
			}
		}
	}
	return false, nil
}

// ForgetSnapshot lets a snapshot that was taken for clones go when the last
// of them does, zfs-destroy(8) -d. It needs no undo: a rollback destroys the
// clones, and the snapshot goes with them.
type ForgetSnapshot Snapshot

func (ForgetSnapshot) Kind() string     { return "defer destroy" }
func (ForgetSnapshot) Durable()         {}
func (a ForgetSnapshot) Detail() string { return a.Snapshot + " until its clones are gone" }
func (a ForgetSnapshot) Event(Env) events.IocEvent {
	return events.ZFSSnapshotDestroy{Snapshot: a.Snapshot}
}

func (a ForgetSnapshot) Do(ctx context.Context, e Env, c *plan.Call) error {
	ours, err := made(ctx, e, a.Snapshot, a.Made)
	if err == nil && !ours {
		c.Skip("gone")
	}
	if err != nil || !ours {
		return err
	}
	err = e.Host.Store.Destroy(ctx, a.Snapshot, zfsstore.DestroyOptions{Recursive: a.Recursive, Defer: true})
	return skipGone(c, err)
}

// DestroySnapshots destroys snapshots for good, the newest first. It ends
// at the first refusal, which is final.
type DestroySnapshots struct {
	Snapshots []GUIDOf `json:"snapshots"` // the newest first
}

// GUIDOf is a dataset or snapshot as the plan saw it.
type GUIDOf struct {
	Name string `json:"name"`
	GUID uint64 `json:"guid"`
}

func namesOf(list []GUIDOf) []string {
	names := make([]string, len(list))
	for i, one := range list {
		names[i] = one.Name
	}
	return names
}

func (DestroySnapshots) Kind() string     { return "destroy snapshots" }
func (DestroySnapshots) Durable()         {}
func (a DestroySnapshots) Detail() string { return strings.Join(namesOf(a.Snapshots), ", ") }
func (a DestroySnapshots) Event(Env) events.IocEvent {
	return events.ZFSSnapshotDestroy{Snapshot: a.Snapshots[0].Name}
}

func (a DestroySnapshots) Do(ctx context.Context, e Env, c *plan.Call) error {
	return plan.Final(destroySnapshots(ctx, e, a.Snapshots))
}

// destroySnapshots destroys those that the plan saw. Others that have their names by
// now stay.
func destroySnapshots(ctx context.Context, e Env, list []GUIDOf) error {
	for _, one := range list {
		err := e.Host.Store.Destroy(ctx, one.Name, zfsstore.DestroyOptions{GUID: one.GUID})
		if err = ignore.Err(err, zfsstore.ErrNotFound); err != nil {
			return err
		}
	}
	return nil
}

// Rollback destroys newer snapshots and brings datasets back to snapshots.
// It ends at the first refusal, which is final; with every newer snapshot gone
// ZFS has no reason left to refuse.
type Rollback struct {
	Newer     []GUIDOf `json:"newer,omitempty"` // to destroy before, the newest first
	Snapshots []GUIDOf `json:"snapshots"`       // to go back to, one a dataset
}

func (Rollback) Kind() string { return "roll back" }
func (Rollback) Durable()     {}
func (Rollback) Barrier()     {}
func (a Rollback) Event(Env) events.IocEvent {
	return events.ZFSSnapshotRollback{Snapshot: a.Snapshots[0].Name}
}

func (a Rollback) Detail() string {
	text := strings.Join(namesOf(a.Snapshots), ", ")
	if len(a.Newer) > 0 {
		text += "; destroy " + strings.Join(namesOf(a.Newer), ", ")
	}
	return text
}

func (a Rollback) Do(ctx context.Context, e Env, c *plan.Call) error {
	for _, one := range a.Snapshots {
		if err := sameGUID(ctx, e, one.Name, one.GUID); err != nil {
			return plan.Final(err)
		}
	}
	if err := destroySnapshots(ctx, e, a.Newer); err != nil {
		return plan.Final(err)
	}
	for _, one := range a.Snapshots {
		if err := e.Host.Store.Rollback(ctx, one.Name, zfsstore.RollbackOptions{}); err != nil {
			return plan.Final(err)
		}
	}
	return nil
}
