package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail/jailerr"
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
		Recursive: a.Recursive, Properties: Mark(a.Made),
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
			if ours, err := Made(ctx, e, one.Target, clone.Made); err != nil || ours {
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
func (a ForgetSnapshot) Detail() string { return Snapshot(a).Detail() + " until its clones are gone" }
func (a ForgetSnapshot) Event(Env) events.IocEvent {
	return events.ZFSSnapshotDestroy{Snapshot: a.Snapshot}
}

func (a ForgetSnapshot) Do(ctx context.Context, e Env, c *plan.Call) error {
	ours, err := madeSnapshots(ctx, e, a.Snapshot, a.Made)
	if err == nil && len(ours) == 0 {
		c.Skip("gone")
	}
	if err != nil {
		return err
	}
	return destroySnapshots(ctx, e, ours, zfsstore.DestroyOptions{Defer: true})
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
	return plan.Final(destroySnapshots(ctx, e, a.Snapshots, zfsstore.DestroyOptions{}))
}

// destroySnapshots destroys one after the other. Others that have their names by now
// stay.
func destroySnapshots(ctx context.Context, e Env, list []GUIDOf, o zfsstore.DestroyOptions) error {
	for _, one := range list {
		err := sameGUID(ctx, e, one.Name, one.GUID)
		if err == nil {
			err = e.Host.Store.Destroy(ctx, one.Name, o)
		}
		if err = ignore.Err(err, zfsstore.ErrNotFound, jailerr.ErrReplaced); err != nil {
			return err
		}
	}
	return nil
}

// Rollback destroys newer snapshots and brings datasets back to snapshots.
// It ends at the first refusal, which is final; with every newer snapshot gone
// ZFS has no reason left to refuse.
//
// Only the run that was asked for it rolls back. One that is resumed finds out whether
// that was done.
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
	if c.Resumed {
		return a.resume(ctx, e, c)
	}
	for _, one := range a.Snapshots {
		if err := sameGUID(ctx, e, one.Name, one.GUID); err != nil {
			return plan.Final(err)
		}
	}
	if err := c.SetEffect(begun{true}); err != nil {
		return plan.Final(err)
	}
	if err := destroySnapshots(ctx, e, a.Newer, zfsstore.DestroyOptions{}); err != nil {
		return plan.Final(err)
	}
	for _, one := range a.Snapshots {
		if err := e.Host.Store.Rollback(ctx, one.Name, zfsstore.RollbackOptions{}); err != nil {
			return plan.Final(err)
		}
	}
	return nil
}

// begun is the effect of a step that has begun to destroy what cannot come back.
type begun struct {
	Begun bool `json:"begun"`
}

// resume ends an operation that had not begun to roll back, and one of which nobody
// knows whether it had: a dataset differs from its snapshot, and that can be what was
// there before or what somebody has written since.
func (a Rollback) resume(ctx context.Context, e Env, c *plan.Call) error {
	if !c.Effect(&begun{}) {
		c.End("nothing was rolled back")
		return nil
	}
	for _, one := range a.Snapshots {
		err := sameGUID(ctx, e, one.Name, one.GUID)
		if err == nil {
			err = unwritten(ctx, e, one.Name)
		}
		if errors.Is(err, zfsstore.ErrNotFound) || errors.Is(err, jailerr.ErrReplaced) {
			return plan.Final(err)
		}
		if err != nil {
			return endChanged(c, err)
		}
	}
	return plan.Final(destroySnapshots(ctx, e, a.Newer, zfsstore.DestroyOptions{}))
}

// unwritten returns jailerr.ErrChanged for a dataset that something was written to since
// a snapshot of it.
func unwritten(ctx context.Context, e Env, snapshot string) error {
	dataset, name, _ := strings.Cut(snapshot, "@")
	since := "written@" + name // zfsprops(7)
	d, err := e.Host.Store.Get(ctx, dataset, zfsstore.GetOptions{Properties: []string{since}})
	if written := d.Properties[since].Value; err == nil && written != "0" {
		err = fmt.Errorf("%s %w: it is not as in @%s, which may come from before the interrupted rollback or after it; %s bytes are kept",
			dataset, jailerr.ErrChanged, name, written)
	}
	return err
}
