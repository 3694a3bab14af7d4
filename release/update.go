package release

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/zfsstore"
)

// UpdateOptions say how a release, or a jail, is updated.
type UpdateOptions struct {
	// Runner supplies the temporary jail the updater runs in; jail.NewRunner
	// gives one. It is needed.
	Runner Runner
	// Server is asked instead of the one in the release's
	// freebsd-update.conf(5), such as "update.example.org"; Key is the SHA-256 of
	// its key in hexadecimal, if that is another one as well.
	Server, Key string
	// Env is added to the updater's environment, for instance HTTP_PROXY.
	Env  map[string]string
	Busy host.Busy
}

// Update brings the release to its newest patch level with its own
// freebsd-update(8) (or hbsd-update), run in a temporary jail, and takes the
// snapshot @pN of that level; on HardenedBSD, whose userland does not tell one,
// N is counted up. Jails get it when they are updated, basejails with
// a floating release at their next start. That the release is past its end of
// life is no error; the message of the event ExecuteResourceUpdate says so.
// Without updates nothing changes.
//
// Errors: ErrNotFetched, ErrNotUpdatable, *UpdateError, ErrNoRunner, ErrBusy of
// package host. A failure, a cancellation or a crash leaves the release as it was:
// it is rolled back to a snapshot that was taken before.
func (r *Release) Update(ctx context.Context, o UpdateOptions) <-chan events.IocEvent {
	return r.start(ctx, "update", events.ReleaseUpdate{Release: r.name.Base()}, o.Busy,
		func(ctx context.Context) (*plan.Plan, error) { return r.planUpdate(ctx, o) },
		func(e *env) { e.runner = o.Runner })
}

func (r *Release) planUpdate(ctx context.Context, o UpdateOptions) (*plan.Plan, error) {
	if o.Runner == nil {
		return nil, ErrNoRunner
	}
	levels, err := r.PatchLevels(ctx)
	if err != nil {
		return nil, err
	}
	root, err := r.root(ctx)
	if err != nil {
		return nil, err
	}
	version, err := TreeVersion(root)
	if err != nil {
		return nil, err
	}
	var steps []plan.Step
	if len(levels) == 0 {
		level, _ := version.Patch()
		levels = []int{level}
		steps = append(steps, plan.StepOf(stepSnapshot{r.RootDataset() + "@" + Snapshot(level)}))
	}
	level := stepLevel{RootDataset: r.RootDataset()}
	if _, err := os.Lstat(filepath.Join(root, "usr", "sbin", "hbsd-update")); err == nil {
		// HardenedBSD's userland has no patch level in its name: each update is
		// the next one.
		level.Level = levels[0] + 1
	}
	before := r.RootDataset() + "@" + workSnapshot("update", r.host)
	update := r.TreeUpdate(r.RootDataset(), r.Dataset(), levels[0], o)
	steps = append(steps,
		plan.StepOf(stepSave{Snapshot: before}),
		plan.StepOf(stepRunUpdater{update}),
		plan.StepOf(level),
	)
	commit := len(steps)
	steps = append(steps, plan.StepOf(stepUnsave{Snapshot: before}))
	return &plan.Plan{Operation: "update", Subject: r.name.Base(), Steps: steps, Commit: commit}, nil
}

// workSnapshot names a snapshot that an operation takes for itself.
func workSnapshot(operation string, h *host.Host) string {
	return operation + "-" + h.Now().UTC().Format("20060102T150405.000Z")
}

// TreeUpdate is the update of a tree with this release's updater, at a patch
// level there is a snapshot of. Owner is the dataset of the release or jail that
// the tree belongs to; the clone is made below it.
func (r *Release) TreeUpdate(target, owner string, level int, o UpdateOptions) TreeUpdate {
	var env []string
	for name, value := range o.Env {
		env = append(env, name+"="+value)
	}
	slices.Sort(env)
	name := strings.TrimPrefix(owner, r.source.Dataset+"/")
	return TreeUpdate{
		Tool:    r.RootDataset() + "@" + Snapshot(level),
		Scratch: owner + "/updater",
		// A dot would mean a child jail, jail(8).
		Jail:   "_update-" + r.source.Name + "-" + strings.NewReplacer("/", "-", ".", "*").Replace(name),
		Target: target, Server: o.Server, Key: o.Key, Env: env,
	}
}

// stepSave takes the snapshot that a failure rolls back to.
type stepSave struct {
	Snapshot string `json:"snapshot"`
}

func (stepSave) Kind() string { return "save" }

func (a stepSave) Detail() string { return a.Snapshot + ", which a failure rolls back to" }

func (a stepSave) Event(e env) events.IocEvent {
	return events.RunResourceUpdate{Resource: e.release, Snapshot: a.Snapshot}
}

func (stepSave) Durable() {}

func (a stepSave) Do(ctx context.Context, e env, _ *plan.Call) error {
	return e.host.Store.Snapshot(ctx, a.Snapshot, zfsstore.SnapshotOptions{})
}

func (a stepSave) Undo(ctx context.Context, e env, _ *plan.Call) error {
	err := e.host.Store.Rollback(ctx, a.Snapshot, zfsstore.RollbackOptions{Recent: true})
	if err == nil {
		err = e.host.Store.Destroy(ctx, a.Snapshot, zfsstore.DestroyOptions{})
	}
	if errors.Is(err, zfsstore.ErrNotFound) {
		return nil
	}
	return err
}

// stepUnsave destroys the snapshot once it is not needed any more.
type stepUnsave stepSave

func (stepUnsave) Kind() string { return "destroy snapshot" }

func (a stepUnsave) Detail() string { return a.Snapshot }

func (a stepUnsave) Event(_ env) events.IocEvent {
	return events.ZFSSnapshotDestroy{Snapshot: a.Snapshot}
}

func (stepUnsave) Durable() {}

func (a stepUnsave) Do(ctx context.Context, e env, c *plan.Call) error {
	err := e.host.Store.Destroy(ctx, a.Snapshot, zfsstore.DestroyOptions{})
	if errors.Is(err, zfsstore.ErrNotFound) {
		c.Skip("gone")
		return nil
	}
	return err
}

// stepRunUpdater changes the tree; the undo of stepSave changes it back.
type stepRunUpdater struct{ TreeUpdate }

func (stepRunUpdater) Kind() string { return "run updater" }

func (u stepRunUpdater) Detail() string { return "on " + u.Target + " in jail " + u.Jail }

func (stepRunUpdater) Event(e env) events.IocEvent {
	return events.ExecuteResourceUpdate{Resource: e.release}
}

func (stepRunUpdater) Durable() {}

func (u stepRunUpdater) Do(ctx context.Context, e env, c *plan.Call) error {
	result, err := u.Run(ctx, e.host, e.runner)
	if err != nil {
		return err
	}
	if !result.Changed {
		c.Skip(result.String())
		return nil
	}
	c.Final(events.ExecuteResourceUpdate{Header: events.Header{Message: result.String()}, Resource: e.release})
	return nil
}

func (u stepRunUpdater) Undo(ctx context.Context, e env, _ *plan.Call) error {
	return u.Clear(ctx, e.host, e.runner)
}

// stepLevel takes the @pN snapshot of the level that the tree has now.
type stepLevel struct {
	RootDataset string `json:"root_dataset"`
	// Level, if not 0, is the level to call it; otherwise the tree tells.
	Level int `json:"level,omitempty"`
}

// taken is the effect of stepLevel.
type taken struct {
	Snapshot string `json:"snapshot"`
}

func (stepLevel) Kind() string { return "snapshot patch level" }

func (a stepLevel) Detail() string { return a.RootDataset + "@pN" }

func (a stepLevel) Event(_ env) events.IocEvent {
	return events.ZFSSnapshotCreate{Snapshot: a.RootDataset}
}

func (stepLevel) Durable() {}

func (a stepLevel) Do(ctx context.Context, e env, c *plan.Call) error {
	level := a.Level
	if level == 0 {
		path, err := e.host.Mountpoint(ctx, a.RootDataset)
		if err != nil {
			return err
		}
		version, err := TreeVersion(path)
		if err != nil {
			return err
		}
		level, _ = version.Patch()
	}
	snapshot := a.RootDataset + "@" + Snapshot(level)
	switch _, err := e.host.Store.Get(ctx, snapshot, zfsstore.GetOptions{}); {
	case err == nil:
		c.Skip(fmt.Sprintf("@%s exists", Snapshot(level)))
		return nil
	case !errors.Is(err, zfsstore.ErrNotFound):
		return err
	}
	if err := c.SetEffect(taken{snapshot}); err != nil {
		return err
	}
	c.Final(events.ZFSSnapshotCreate{Snapshot: snapshot})
	return e.host.Store.Snapshot(ctx, snapshot, zfsstore.SnapshotOptions{})
}

func (stepLevel) Undo(ctx context.Context, e env, c *plan.Call) error {
	var t taken
	if !c.Effect(&t) {
		return nil
	}
	err := e.host.Store.Destroy(ctx, t.Snapshot, zfsstore.DestroyOptions{})
	if errors.Is(err, zfsstore.ErrNotFound) {
		return nil
	}
	return err
}
