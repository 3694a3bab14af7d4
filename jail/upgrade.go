package jail

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/step"
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
	// updater comes from it, and a basejail's userland. Whether it is made of packages
	// decides which updater that is; the jail's userland must be made the same way.
	// An updater brings the newest patch level only, so a name that is pinned to
	// another is a *release.VersionError.
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
// [Jail.RevertUpgrade] is a rename. Configuration files that were
// changed stay as they are. Old shared libraries are removed, so packages have
// to be upgraded afterwards. Of a basejail only the release property changes.
//
// Errors: ErrRunning, ErrNotNewer, ErrNewerThanHost, release.ErrNotFetched,
// release.ErrNotUpdatable, *release.UpdateError, *release.VersionError, ErrBusy. A
// failure leaves the jail as it was, and nothing in the way of the next try.
func (j *Jail) Upgrade(ctx context.Context, o UpgradeOptions) ([]events.IocEvent, error) {
	return j.Generator().Upgrade(o).Run(ctx)
}

// Upgrade returns the operation that [Jail.Upgrade] runs.
func (g *JailGenerator) Upgrade(o UpgradeOptions) *Operation {
	j := g.of()
	return &Operation{
		jail: j, name: "upgrade", event: events.ResourceUpdate{Resource: j.FullName()}, busy: o.Busy,
		steps: func(ctx context.Context, now *Jail, l *step.List) error { return now.upgradeSteps(ctx, l, o) },
		after: j.reread,
	}
}

func (j *Jail) upgradeSteps(ctx context.Context, l *step.List, o UpgradeOptions) error {
	name, err := j.updatable(ctx, false)
	if err != nil {
		return err
	}
	to, err := release.ParseName(o.Release)
	if err != nil {
		return err
	}
	basejail := key.Basejail.Of(j.Effective())
	from := name.WithPatch(-1)
	if !basejail {
		// What the tree says counts: the property may be of another hand.
		root, err := j.RootPath(ctx)
		if err != nil {
			return err
		}
		version, err := release.TreeVersion(root)
		if err != nil {
			return err
		}
		from = version.WithPatch(-1)
	}
	if to.WithPatch(-1).Compare(from) <= 0 {
		return fmt.Errorf("%w: %s, not %s", ErrNotNewer, from, to)
	}
	if err := j.fitsHost(ctx, to); err != nil {
		return err
	}
	rel, level, err := j.tool(ctx, l, to.Base())
	if err != nil {
		return err
	}
	if !basejail {
		clone := j.Dataset() + "/upgrade"
		fork := step.ForkRoot{Root: j.RootDataset(), Snapshot: j.workName("upgrade"), Target: clone, Made: j.madeBy()}
		update := rel.TreeUpdate(clone, j.Dataset(), level,
			release.UpdateOptions{Server: o.Server, Key: o.Key, Env: o.Env})
		update.To = to.String()
		l.Add(
			fork,
			stepRunUpdater{update, j.Identifier(), fork.Root + "@" + fork.Snapshot},
			step.MoveRoot{From: j.RootDataset(), To: j.Dataset() + "/" + j.workName(strings.TrimSuffix(formerRoot, "-"))},
			step.MoveRoot{From: clone, To: j.RootDataset(), Clone: true},
		)
	}
	l.Add(stepSetRelease{j.Dataset(), to.String()})
	l.Commit()
	return nil
}

// fitsHost refuses a userland that is newer than the kernel, which FreeBSD does
// not support.
func (j *Jail) fitsHost(ctx context.Context, to release.Name) error {
	f, err := j.host.Kernel.Features(ctx)
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
func (j *Jail) RevertUpgrade(ctx context.Context, o RevertOptions) ([]events.IocEvent, error) {
	return j.Generator().RevertUpgrade(o).Run(ctx)
}

// RevertUpgrade returns the operation that [Jail.RevertUpgrade] runs.
func (g *JailGenerator) RevertUpgrade(o RevertOptions) *Operation {
	j := g.of()
	return &Operation{
		jail: j, name: "revert upgrade", event: events.ResourceUpdate{Resource: j.FullName()}, busy: o.Busy,
		steps: revertSteps,
		after: j.reread,
	}
}

func revertSteps(ctx context.Context, j *Jail, l *step.List) error {
	if _, err := j.updatable(ctx, false); err != nil {
		return err
	}
	sets, err := j.host.Store.List(ctx, j.Dataset(), zfsstore.ListOptions{Depth: 1, Types: []zfsstore.Type{zfsstore.Filesystem}})
	if err != nil {
		return err
	}
	var root uint64
	for _, d := range sets {
		if d.Name == j.RootDataset() {
			root = d.GUID
		}
	}
	former := slices.DeleteFunc(sets, func(d zfsstore.Dataset) bool {
		return !strings.HasPrefix(d.Name, j.Dataset()+"/"+formerRoot)
	})
	if len(former) == 0 {
		return ErrNotUpgraded
	}
	// The time in the name orders them.
	newest := slices.MaxFunc(former, func(a, b zfsstore.Dataset) int { return strings.Compare(a.Name, b.Name) })
	path, err := j.host.Mountpoint(ctx, newest.Name)
	if err != nil {
		return err
	}
	version, err := release.TreeVersion(path)
	if err != nil {
		return err
	}
	l.Add(
		step.MoveRoot{From: j.RootDataset(), To: j.Dataset() + "/" + j.workName(strings.TrimSuffix(laterRoot, "-")), GUID: root},
		step.MoveRoot{From: newest.Name, To: j.RootDataset(), GUID: newest.GUID},
		stepSetRelease{j.Dataset(), version.WithPatch(-1).String()},
	)
	l.Commit()
	return nil
}
