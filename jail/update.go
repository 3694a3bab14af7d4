package jail

import (
	"context"
	"errors"
	"fmt"

	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/release"
)

// UpdateOptions say how a jail is updated.
type UpdateOptions struct {
	// Running permits it while the jail runs. A failure is not rolled back then,
	// since that would take what the jail has written in the meantime: the error names
	// the snapshot of the state before.
	Running bool
	// KeepSnapshot keeps the snapshot of the state before after a success too:
	// @update-<time> of the root dataset.
	KeepSnapshot bool
	// Server is asked instead of the one in freebsd-update.conf(5); Key is the
	// SHA-256 of its key.
	Server, Key string
	// Env is added to the updater's environment, for instance HTTP_PROXY.
	Env  map[string]string
	Busy Busy
}

// Update brings the jail's userland to the newest patch level of its release
// with freebsd-update(8). The updater comes from the release, which must be
// fetched, and runs in a temporary jail of its own; nothing of this jail is run.
// Configuration files that were changed stay as they are.
//
// A basejail has its userland from the release: a floating one gets the
// release's newest level at its next start without this, a pinned one is pinned
// to that level.
//
// Errors: ErrRunning, release.ErrNotFetched, release.ErrNotUpdatable,
// *release.UpdateError, ErrBusy. A failure leaves the jail as it was.
func (j *Jail) Update(ctx context.Context, o UpdateOptions) ([]events.IocEvent, error) {
	return j.Generator().Update(o).Run(ctx)
}

// Update returns the operation that [Jail.Update] runs.
func (g *JailGenerator) Update(o UpdateOptions) *Operation {
	j := g.jail
	return &Operation{
		jail: j, name: "update", event: events.ResourceUpdate{Resource: j.fullName}, busy: o.Busy,
		make:  func(ctx context.Context) (*plan.Plan, error) { return j.planUpdate(ctx, o) },
		after: j.reread,
	}
}

func (j *Jail) planUpdate(ctx context.Context, o UpdateOptions) (*plan.Plan, error) {
	j, name, err := j.updatable(ctx, o.Running)
	if err != nil {
		return nil, err
	}
	var steps step.List
	rel, level, base, err := j.tool(ctx, name.Base())
	if err != nil {
		return nil, err
	}
	steps.Append(base, nil)
	saved := step.SaveRoot{Snapshot: j.RootDataset() + "@" + j.workName("update"), Jail: j.Identifier()}
	basejail := key.Basejail.Of(j.Effective())
	if !basejail {
		update := rel.TreeUpdate(j.RootDataset(), j.Dataset(), level,
			release.UpdateOptions{Server: o.Server, Key: o.Key, Env: o.Env})
		steps.Add(saved, stepRunUpdater{update, j.Identifier(), saved.Snapshot})
	}
	if was, pinned := name.Patch(); basejail && pinned && was != level {
		steps.Add(stepSetRelease{j.Dataset(), name.WithPatch(level).String()})
	}
	steps.Commit()
	if !basejail && !o.KeepSnapshot {
		steps.Add(step.ForgetRoot(saved))
	}
	return j.plan(ctx, "update", &steps)
}

// updatable returns the jail as it is on disk now and its release. Unless asked for,
// a running one is refused.
func (j *Jail) updatable(ctx context.Context, running bool) (*Jail, release.Name, error) {
	now, err := j.fresh(ctx)
	if err != nil {
		return nil, release.Name{}, err
	}
	switch _, err := now.Identity(ctx); {
	case err == nil && !running:
		return nil, release.Name{}, ErrRunning
	case err != nil && !errors.Is(err, ErrNotRunning):
		return nil, release.Name{}, err
	}
	// The release property is written in the end; where it cannot be, that is
	// better known before.
	if _, _, err := savedConfig(ctx, now.stepEnv(), now.Dataset()); err != nil {
		return nil, release.Name{}, err
	}
	name, err := release.ParseName(key.Release.Of(now.Effective()))
	if err != nil {
		return nil, release.Name{}, fmt.Errorf("%w: release: %w", ErrConfig, err)
	}
	return now, name, nil
}

// tool returns the release of that name and its newest patch level. Releases that
// iocage fetched have no @pN snapshot: then a step takes the first.
func (j *Jail) tool(ctx context.Context, name string) (rel *release.Release, level int, first []plan.Step, err error) {
	if rel, err = release.New(ctx, j.host, name, j.source.Name); err != nil {
		return nil, 0, nil, err
	}
	levels, err := rel.PatchLevels(ctx)
	if err != nil {
		return nil, 0, nil, err
	}
	if len(levels) > 0 {
		return rel, levels[0], nil, nil
	}
	root, err := j.host.Mountpoint(ctx, rel.RootDataset())
	if err != nil {
		return nil, 0, nil, err
	}
	version, err := release.TreeVersion(root)
	if err != nil {
		return nil, 0, nil, err
	}
	level, _ = version.Patch()
	snapshot := rel.RootDataset() + "@" + release.Snapshot(level)
	return rel, level, []plan.Step{plan.StepOf(step.Snapshot{Snapshot: snapshot, Shared: true, Made: j.madeBy()})}, nil
}

// workName names a snapshot or dataset that an operation makes, so that none is
// in the way of the next.
func (j *Jail) workName(operation string) string {
	return operation + "-" + j.host.Now().UTC().Format("20060102T150405.000Z")
}

// reread reads the configuration that an operation has written, unless the
// caller has changes that are not saved.
func (j *Jail) reread() {
	if j.own.Changed() || j.path == "" {
		return
	}
	if err := j.read(context.Background(), j.path); err != nil {
		j.host.Logger().Warn("read back the configuration", "jail", j.fullName, "error", err)
	}
}
