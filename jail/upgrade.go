package jail

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/zfsstore"
)

// Errors of upgrades.
var (
	// ErrNotNewer: the jail has that release already, or a newer one.
	ErrNotNewer = errors.New("release is not newer than the jail's")
	// ErrNewerThanHost: the release needs a newer kernel than the host's.
	ErrNewerThanHost = errors.New("release is newer than the host's kernel")
	// ErrNotUpgraded: there is no former root to go back to.
	ErrNotUpgraded = errors.New("jail has no root from before an upgrade")
)

// UpgradeOptions say how a jail is brought to another release.
type UpgradeOptions struct {
	// Release is the new release, such as "14.1-RELEASE". It must be fetched: the
	// updater comes from it, and a basejail's userland.
	Release string
	// Server is asked instead of the one in freebsd-update.conf(5); Key is the
	// SHA-256 of its key.
	Server, Key string
	// Env is added to the updater's environment, for instance HTTP_PROXY.
	Env  map[string]string
	Busy Busy
}

// formerRoot begins the names of the roots that an upgrade has replaced, and
// laterRoot of those that going back has.
const (
	formerRoot = "before-upgrade-"
	laterRoot  = "after-upgrade-"
)

// Upgrade brings the jail to a newer release with freebsd-update(8), as Update
// does, but on a clone of its root, which takes the root's place in the end. The
// former root stays as the dataset before-upgrade-<time> beside it, and
// [JailGenerator.RevertUpgrade] is a rename. Configuration files that were
// changed stay as they are. Old shared libraries are removed, so packages have
// to be upgraded afterwards. Of a basejail only the release property changes.
//
// Errors: ErrRunning, ErrNotNewer, ErrNewerThanHost, release.ErrNotFetched,
// release.ErrNotUpdatable, *release.UpdateError, ErrBusy. A failure leaves the
// jail as it was, and nothing in the way of the next try.
func (g *JailGenerator) Upgrade(ctx context.Context, o UpgradeOptions) <-chan events.IocEvent {
	return g.start(ctx, g.upgradeOperation(o), nil)
}

// Upgrade is the synchronous form of [JailGenerator.Upgrade].
func (j *Jail) Upgrade(ctx context.Context, o UpgradeOptions) ([]events.IocEvent, error) {
	return collect(ctx, j.JailGenerator.Upgrade(ctx, o))
}

// PlanUpgrade plans what Upgrade would do.
func (g *JailGenerator) PlanUpgrade(ctx context.Context, o UpgradeOptions) (*Plan, error) {
	return g.planned(ctx, g.upgradeOperation(o))
}

func (g *JailGenerator) upgradeOperation(o UpgradeOptions) operation {
	return operation{
		name:  "upgrade",
		event: events.ResourceUpdate{Resource: g.fullName},
		busy:  o.Busy,
		make:  func(ctx context.Context) (*plan.Plan, error) { return g.planUpgrade(ctx, o) },
		after: g.reread,
	}
}

func (g *JailGenerator) planUpgrade(ctx context.Context, o UpgradeOptions) (*plan.Plan, error) {
	g, name, err := g.updatable(ctx, false)
	if err != nil {
		return nil, err
	}
	to, err := release.ParseName(o.Release)
	if err != nil {
		return nil, err
	}
	basejail := g.effective().Bool("basejail")
	from := name.WithPatch(-1)
	if !basejail {
		// What the tree says counts: the property may be of another hand.
		root, err := g.RootPath(ctx)
		if err != nil {
			return nil, err
		}
		version, err := release.TreeVersion(root)
		if err != nil {
			return nil, err
		}
		from = version.WithPatch(-1)
	}
	if to.WithPatch(-1).Compare(from) <= 0 {
		return nil, fmt.Errorf("%w: %s, not %s", ErrNotNewer, from, to)
	}
	if err := g.fitsHost(ctx, to); err != nil {
		return nil, err
	}
	rel, level, steps, err := g.tool(ctx, to.Base())
	if err != nil {
		return nil, err
	}
	if !basejail {
		clone := g.Dataset() + "/upgrade"
		fork := forkRootArgs{Root: g.RootDataset(), Snapshot: g.workName("upgrade"), Target: clone}
		update := rel.TreeUpdate(clone, g.Dataset(), level,
			release.UpdateOptions{Server: o.Server, Key: o.Key, Env: o.Env})
		update.To = to.Base()
		steps = append(steps,
			stepForkRoot.Step(fork),
			stepRunUpdater.Step(updaterArgs{update, g.Identifier(), fork.Root + "@" + fork.Snapshot}),
			stepMoveRoot.Step(moveRootArgs{g.RootDataset(), g.Dataset() + "/" + g.workName(strings.TrimSuffix(formerRoot, "-"))}),
			stepMoveRoot.Step(moveRootArgs{clone, g.RootDataset()}),
		)
	}
	steps = append(steps, stepSetRelease.Step(setReleaseArgs{g.Dataset(), to.String()}))
	print, err := g.fingerprint(ctx)
	return &plan.Plan{
		Operation: "upgrade", Subject: g.fullName, Steps: steps, Commit: len(steps), Fingerprint: print,
	}, err
}

// fitsHost refuses a userland that is newer than the kernel, which FreeBSD does
// not support.
func (g *JailGenerator) fitsHost(ctx context.Context, to release.Name) error {
	f, err := g.host.Kernel.Features(ctx)
	if err != nil {
		return err
	}
	kernel, err := release.ParseName(f.OSRelease)
	if err != nil || !kernel.HasVersion() || !to.HasVersion() {
		return nil //nolint:nilerr // nothing to compare
	}
	if to.Major() > kernel.Major() || to.Major() == kernel.Major() && to.Minor() > kernel.Minor() {
		return fmt.Errorf("%w: %s, not %s", ErrNewerThanHost, f.OSRelease, to)
	}
	return nil
}

// RevertOptions say how an upgrade is taken back.
type RevertOptions struct {
	Busy Busy
}

// RevertUpgrade puts the root from before the newest upgrade back in its place,
// by renaming. What the jail has written since the upgrade stays in the dataset
// after-upgrade-<time> beside it.
//
// Errors: ErrRunning, ErrNotUpgraded, ErrBusy.
func (g *JailGenerator) RevertUpgrade(ctx context.Context, o RevertOptions) <-chan events.IocEvent {
	return g.start(ctx, g.revertOperation(o), nil)
}

// RevertUpgrade is the synchronous form of [JailGenerator.RevertUpgrade].
func (j *Jail) RevertUpgrade(ctx context.Context, o RevertOptions) ([]events.IocEvent, error) {
	return collect(ctx, j.JailGenerator.RevertUpgrade(ctx, o))
}

// PlanRevertUpgrade plans what RevertUpgrade would do.
func (g *JailGenerator) PlanRevertUpgrade(ctx context.Context, o RevertOptions) (*Plan, error) {
	return g.planned(ctx, g.revertOperation(o))
}

func (g *JailGenerator) revertOperation(o RevertOptions) operation {
	return operation{
		name:  "revert upgrade",
		event: events.ResourceUpdate{Resource: g.fullName},
		busy:  o.Busy,
		make:  g.planRevert,
		after: g.reread,
	}
}

func (g *JailGenerator) planRevert(ctx context.Context) (*plan.Plan, error) {
	g, _, err := g.updatable(ctx, false)
	if err != nil {
		return nil, err
	}
	sets, err := g.host.Store.List(ctx, g.Dataset(), zfsstore.ListOptions{Depth: 1, Types: []zfsstore.Type{zfsstore.Filesystem}})
	if err != nil {
		return nil, err
	}
	var former []zfsstore.Dataset
	for _, d := range sets {
		if strings.HasPrefix(d.Name, g.Dataset()+"/"+formerRoot) {
			former = append(former, d)
		}
	}
	if len(former) == 0 {
		return nil, ErrNotUpgraded
	}
	// The time in the name orders them.
	newest := slices.MaxFunc(former, func(a, b zfsstore.Dataset) int { return strings.Compare(a.Name, b.Name) })
	path, err := g.host.Mountpoint(ctx, newest.Name)
	if err != nil {
		return nil, err
	}
	version, err := release.TreeVersion(path)
	if err != nil {
		return nil, err
	}
	steps := []plan.Step{
		stepMoveRoot.Step(moveRootArgs{g.RootDataset(), g.Dataset() + "/" + g.workName(strings.TrimSuffix(laterRoot, "-"))}),
		stepMoveRoot.Step(moveRootArgs{newest.Name, g.RootDataset()}),
		stepSetRelease.Step(setReleaseArgs{g.Dataset(), version.WithPatch(-1).String()}),
	}
	print, err := g.fingerprint(ctx)
	return &plan.Plan{
		Operation: "revert upgrade", Subject: g.fullName, Steps: steps, Commit: len(steps), Fingerprint: print,
	}, err
}
