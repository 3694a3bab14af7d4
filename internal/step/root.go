package step

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/zfsstore"
)

// SaveRoot takes the snapshot that a failed update rolls back to. If the
// jail runs by then, or somebody has taken a snapshot since, rolling back would take
// that: the snapshot stays and is for the operator to decide about.
type SaveRoot struct {
	Snapshot string `json:"snapshot"`
	Jail     string `json:"jail"` // in the kernel
	Made     string `json:"made"`
}

func (SaveRoot) Kind() string     { return "save root" }
func (SaveRoot) Durable()         {}
func (a SaveRoot) Detail() string { return a.Snapshot }
func (a SaveRoot) Event(e Env) events.IocEvent {
	return events.RunResourceUpdate{Resource: e.Name, Snapshot: a.Snapshot}
}

func (a SaveRoot) Do(ctx context.Context, e Env, _ *plan.Call) error {
	return e.Host.Store.Snapshot(ctx, a.Snapshot, zfsstore.SnapshotOptions{Properties: Mark(a.Made)})
}

func (a SaveRoot) Undo(ctx context.Context, e Env, c *plan.Call) error {
	running, err := e.Runs(ctx, a.Jail)
	if err != nil {
		return err
	}
	if running {
		c.Skip("the jail runs: " + a.Snapshot + " is kept")
		return nil
	}
	if ours, err := Made(ctx, e, a.Snapshot, a.Made); err != nil || !ours {
		return err
	}
	err = a.back(ctx, e, c)
	if err == nil {
		err = e.Host.Store.Destroy(ctx, a.Snapshot, zfsstore.DestroyOptions{})
	}
	return ignore.Err(err, zfsstore.ErrNotFound)
}

// back rolls back what the update has done, once. What somebody has written to the root
// after an interrupted rollback stays, and the snapshot with it.
func (a SaveRoot) back(ctx context.Context, e Env, c *plan.Call) error {
	switch {
	case !c.Begun("run updater"):
		return nil // what was written is somebody else's
	case c.Effect(&begun{}):
		err := unwritten(ctx, e, a.Snapshot)
		if errors.Is(err, jailerr.ErrChanged) {
			err = plan.Final(fmt.Errorf("%w: the state before is %s", err, a.Snapshot))
		}
		return err
	}
	if err := c.SetEffect(begun{true}); err != nil {
		return err
	}
	err := e.Host.Store.Rollback(ctx, a.Snapshot, zfsstore.RollbackOptions{})
	if errors.Is(err, zfsstore.ErrNewerSnapshots) { // of others, which would be lost
		err = plan.Final(fmt.Errorf("%w: the state before is %s", err, a.Snapshot))
	}
	return err
}

// Updated says what became of the root, for the step that has updated it.
func Updated(e Env, c *plan.Call, changed bool, result string) {
	if !changed {
		c.Skip(result)
		return
	}
	c.Final(events.ExecuteResourceUpdate{Header: events.Header{Message: result}, Resource: e.Name})
}

// ForgetRoot destroys the snapshot once the update is done.
type ForgetRoot SaveRoot

func (ForgetRoot) Kind() string     { return "forget saved root" }
func (ForgetRoot) Durable()         {}
func (a ForgetRoot) Detail() string { return a.Snapshot }
func (a ForgetRoot) Event(Env) events.IocEvent {
	return events.ZFSSnapshotDestroy{Snapshot: a.Snapshot}
}

func (a ForgetRoot) Do(ctx context.Context, e Env, c *plan.Call) error {
	if ours, err := Made(ctx, e, a.Snapshot, a.Made); err != nil || !ours {
		return plan.Final(err)
	}
	err := e.Host.Store.Destroy(ctx, a.Snapshot, zfsstore.DestroyOptions{})
	return plan.Final(skipGone(c, err))
}

// ForkRoot clones the root for an upgrade.
type ForkRoot struct {
	Root     string `json:"root"`     // dataset
	Snapshot string `json:"snapshot"` // name after the @
	Target   string `json:"target"`   // dataset beside the root
	Made     string `json:"made"`
}

// forkedRoot is the effect of ForkRoot. Later steps give both datasets other
// names, so they are known by guid.
type forkedRoot struct {
	Root  uint64 `json:"root"`
	Clone uint64 `json:"clone,omitempty"`
}

func (ForkRoot) Kind() string     { return "clone root" }
func (ForkRoot) Durable()         {}
func (a ForkRoot) Detail() string { return a.Root + "@" + a.Snapshot + " as " + a.Target }
func (a ForkRoot) Event(Env) events.IocEvent {
	return events.ZFSSnapshotClone{Snapshot: a.Root + "@" + a.Snapshot, Target: a.Target}
}

func (a ForkRoot) Do(ctx context.Context, e Env, c *plan.Call) error {
	store := e.Host.Store
	if _, err := store.Get(ctx, a.Target, zfsstore.GetOptions{}); !errors.Is(err, zfsstore.ErrNotFound) {
		return errors.Join(err, fmt.Errorf("%w: %s", zfsstore.ErrExists, a.Target))
	}
	root, err := store.Get(ctx, a.Root, zfsstore.GetOptions{})
	if err == nil {
		var mounts host.MountTable
		if mounts, err = e.Host.Mounts(ctx); err == nil {
			err = sameMounted(mounts, c, a.Root)
		}
	}
	if err != nil {
		return err
	}
	forked := forkedRoot{Root: root.GUID}
	if err := c.SetEffect(forked); err != nil {
		return err
	}
	snapshot := a.Root + "@" + a.Snapshot
	if err := store.Snapshot(ctx, snapshot, zfsstore.SnapshotOptions{Properties: Mark(a.Made)}); err != nil {
		return err
	}
	if err := store.Clone(ctx, snapshot, a.Target, zfsstore.CloneOptions{Properties: Mark(a.Made)}); err != nil {
		return err
	}
	clone, err := store.Get(ctx, a.Target, zfsstore.GetOptions{})
	if err != nil {
		return err
	}
	forked.Clone = clone.GUID
	return c.SetEffect(forked)
}

func (a ForkRoot) Undo(ctx context.Context, e Env, c *plan.Call) error {
	var forked forkedRoot
	if !c.Effect(&forked) {
		return nil
	}
	sets, err := e.Host.Store.List(ctx, a.Root[:strings.LastIndexByte(a.Root, '/')], zfsstore.ListOptions{
		Depth: 1, Types: []zfsstore.Type{zfsstore.Filesystem},
	})
	if err != nil {
		return err
	}
	root := ""
	for _, d := range sets {
		switch {
		case d.GUID == forked.Root:
			root = d.Name
		case d.GUID == forked.Clone && d.Name != a.Target:
			// To take it away now would leave the jail without a root.
			return fmt.Errorf("%s is not back at %s yet", d.Name, a.Target)
		}
	}
	if err := unmake(ctx, e, a.Target, a.Made, false); err != nil || root == "" {
		return err
	}
	return unmake(ctx, e, root+"@"+a.Snapshot, a.Made, false)
}

// MoveRoot gives a root another name, which is all that an upgrade and the
// way back do to it. Two roots change places, so that a name alone does not tell which
// of them it is by now.
type MoveRoot struct {
	From string `json:"from"`
	To   string `json:"to"`
	// GUID is the root's, if the plan knows it; else it is the root that ForkRoot has
	// cloned from, or its clone.
	GUID  uint64 `json:"guid,omitempty"`
	Clone bool   `json:"clone,omitempty"`
}

func (MoveRoot) Kind() string     { return "move root" }
func (MoveRoot) Durable()         {}
func (a MoveRoot) Detail() string { return a.From + " to " + a.To }
func (a MoveRoot) Event(Env) events.IocEvent {
	return events.ZFSDatasetRename{Dataset: a.From, NewName: a.To}
}

func (a MoveRoot) Do(ctx context.Context, e Env, c *plan.Call) error {
	return renameOnce(ctx, e, c, a.From, a.To, a.guid(c))
}

func (a MoveRoot) Undo(ctx context.Context, e Env, c *plan.Call) error {
	return undoRename(ctx, e, c, a.From, a.To, a.guid(c))
}

func (a MoveRoot) guid(c *plan.Call) uint64 {
	var now renaming
	var forked forkedRoot
	switch c.EffectOf(ForkRoot{}.Kind(), &forked); {
	case a.GUID != 0:
		return a.GUID
	case c.Effect(&now):
		return now.GUID
	case a.Clone:
		return forked.Clone
	}
	return forked.Root
}
