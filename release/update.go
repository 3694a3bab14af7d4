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
	"github.com/libioc/go-libioc/internal/step"
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
// Errors: ErrNotFetched, ErrNotUpdatable, *UpdateError, *VersionError, ErrNoRunner,
// ErrBusy of package host. A failure, a cancellation or a crash leaves the release as it was:
// it is rolled back to a snapshot that was taken before.
func (r *Release) Update(ctx context.Context, o UpdateOptions) <-chan events.IocEvent {
	return r.start(ctx, "update", events.ReleaseUpdate{Release: r.name.Base()}, o.Busy, local{runner: o.Runner},
		func(ctx context.Context) (*plan.Plan, error) { return r.planUpdate(ctx, o) })
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
	by := r.madeBy()
	var steps step.List
	if len(levels) == 0 {
		level, _ := version.Patch()
		levels = []int{level}
		steps.Add(step.Snapshot{Snapshot: r.RootDataset() + "@" + Snapshot(level), Made: by})
	}
	level := stepLevel{RootDataset: r.RootDataset(), Made: by}
	if _, err := os.Lstat(filepath.Join(root, "usr", "sbin", "hbsd-update")); err == nil {
		// HardenedBSD's userland has no patch level in its name: each update is
		// the next one.
		level.Level = levels[0] + 1
	}
	before := step.SaveRoot{Snapshot: r.RootDataset() + "@" + workSnapshot("update", r.host), Made: by}
	update := r.TreeUpdate(r.RootDataset(), r.Dataset(), levels[0], o)
	steps.Add(before, stepRunUpdater{update}, level)
	steps.Commit()
	steps.Add(step.ForgetRoot(before))
	return steps.Plan("update", r.name.Base(), nil)
}

// workSnapshot names a snapshot that an operation takes for itself.
func workSnapshot(operation string, h *host.Host) string {
	return operation + "-" + h.Now().UTC().Format(workTime)
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
		Scratch: owner + "/updater", Made: r.madeBy(),
		// A dot would mean a child jail, jail(8).
		Jail:   "_update-" + r.source.Name + "-" + strings.NewReplacer("/", "-", ".", "*").Replace(name),
		Target: target, Server: o.Server, Key: o.Key, Env: env,
	}
}

// stepRunUpdater changes the tree; the undo of step.SaveRoot changes it back.
type stepRunUpdater struct{ TreeUpdate }

func (stepRunUpdater) Kind() string     { return "run updater" }
func (u stepRunUpdater) Detail() string { return "on " + u.Target + " in jail " + u.Jail }
func (stepRunUpdater) Event(e step.Env) events.IocEvent {
	return events.ExecuteResourceUpdate{Resource: e.Name}
}

func (stepRunUpdater) Durable() {}

func (u stepRunUpdater) Do(ctx context.Context, e step.Env, c *plan.Call) error {
	result, err := u.Run(ctx, e.Host, localOf(e).runner)
	if err == nil {
		step.Updated(e, c, result.Changed, result.String())
	}
	return err
}

func (u stepRunUpdater) Undo(ctx context.Context, e step.Env, _ *plan.Call) error {
	return u.Clear(ctx, e.Host, localOf(e).runner)
}

// stepLevel takes the @pN snapshot of the level that the tree has now.
type stepLevel struct {
	RootDataset string `json:"root_dataset"`
	// Level, if not 0, is the level to call it; otherwise the tree tells.
	Level int    `json:"level,omitempty"`
	Made  string `json:"made"`
}

// taken is the effect of stepLevel.
type taken struct {
	Snapshot string `json:"snapshot"`
}

func (stepLevel) Kind() string     { return "snapshot patch level" }
func (a stepLevel) Detail() string { return a.RootDataset + "@pN" }
func (a stepLevel) Event(step.Env) events.IocEvent {
	return events.ZFSSnapshotCreate{Snapshot: a.RootDataset}
}

func (stepLevel) Durable() {}

func (a stepLevel) Do(ctx context.Context, e step.Env, c *plan.Call) error {
	level := a.Level
	if level == 0 {
		_, path, err := step.Located(ctx, e, c, a.RootDataset)
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
	switch _, err := e.Host.Store.Get(ctx, snapshot, zfsstore.GetOptions{}); {
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
	return step.Snapshot{Snapshot: snapshot, Made: a.Made}.Do(ctx, e, c)
}

func (a stepLevel) Undo(ctx context.Context, e step.Env, c *plan.Call) error {
	var t taken
	if !c.Effect(&t) {
		return nil
	}
	return step.Snapshot{Snapshot: t.Snapshot, Made: a.Made}.Undo(ctx, e, c)
}
