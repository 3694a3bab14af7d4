package jail

import (
	"context"
	"errors"
	"fmt"

	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/events"
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
// *release.UpdateError, *release.VersionError, ErrBusy. A failure leaves the jail as it
// was.
func (j *Jail) Update(ctx context.Context, o UpdateOptions) ([]events.IocEvent, error) {
	return j.Generator().Update(o).Run(ctx)
}

// Update returns the operation that [Jail.Update] runs.
func (g *JailGenerator) Update(o UpdateOptions) *Operation {
	j := g.of()
	return &Operation{
		jail: j, name: "update", event: events.ResourceUpdate{Resource: j.FullName()}, busy: o.Busy,
		steps: func(ctx context.Context, now *Jail, l *step.List) error { return now.updateSteps(ctx, l, o) },
		after: j.reread,
	}
}

func (j *Jail) updateSteps(ctx context.Context, l *step.List, o UpdateOptions) error {
	name, err := j.updatable(ctx, o.Running)
	if err != nil {
		return err
	}
	rel, level, err := j.tool(ctx, l, name.Base())
	if err != nil {
		return err
	}
	saved := step.SaveRoot{Snapshot: j.RootDataset() + "@" + j.workName("update"), Jail: j.Identifier(), Made: j.madeBy()}
	basejail := key.Basejail.Of(j.Effective())
	if !basejail {
		update := rel.TreeUpdate(j.RootDataset(), j.Dataset(), level,
			release.UpdateOptions{Server: o.Server, Key: o.Key, Env: o.Env})
		l.Add(saved, stepRunUpdater{update, j.Identifier(), saved.Snapshot})
	}
	if was, pinned := name.Patch(); basejail && pinned && was != level {
		l.Add(stepSetRelease{j.Dataset(), name.WithPatch(level).String()})
	}
	l.Commit()
	if !basejail && !o.KeepSnapshot {
		l.Add(step.ForgetRoot(saved))
	}
	return nil
}

// updatable returns the jail's release. Unless asked for, a running jail is refused.
func (j *Jail) updatable(ctx context.Context, running bool) (release.Name, error) {
	if err := j.RequireStopped(ctx); err != nil && !(running && errors.Is(err, ErrRunning)) {
		return release.Name{}, err
	}
	// The release property is written in the end; where it cannot be, that is
	// better known before.
	path, err := j.host.Mountpoint(ctx, j.Dataset())
	if err == nil {
		_, err = savedConfig(ctx, j.stepEnv(), j.Dataset(), path)
	}
	if err != nil {
		return release.Name{}, err
	}
	name, err := release.ParseName(key.Release.Of(j.Effective()))
	if err != nil {
		err = fmt.Errorf("%w: release: %w", ErrConfig, err)
	}
	return name, err
}

// tool returns the release of that name and its newest patch level. Releases that
// iocage fetched have no @pN snapshot: then a step takes the first.
func (j *Jail) tool(ctx context.Context, l *step.List, name string) (rel *release.Release, level int, err error) {
	if rel, err = release.New(ctx, j.host, name, j.source.Name); err != nil {
		return nil, 0, err
	}
	levels, err := rel.PatchLevels(ctx)
	if err != nil {
		return nil, 0, err
	}
	if len(levels) > 0 {
		return rel, levels[0], nil
	}
	root, err := j.host.Mountpoint(ctx, rel.RootDataset())
	if err != nil {
		return nil, 0, err
	}
	version, err := release.TreeVersion(root)
	level, _ = version.Patch()
	l.Add(step.Snapshot{Snapshot: rel.RootDataset() + "@" + release.Snapshot(level), Shared: true, Made: j.madeBy()})
	return rel, level, err
}

// workName names a snapshot or dataset that an operation makes, so that none is
// in the way of the next.
func (j *Jail) workName(operation string) string {
	return operation + "-" + j.host.Now().UTC().Format("20060102T150405.000Z")
}

// reread reads the configuration that an operation has written, unless the
// caller has changes that are not saved.
func (j *Jail) reread() {
	if !j.own().Changed() && j.Path() != "" {
		j.created()
	}
}
