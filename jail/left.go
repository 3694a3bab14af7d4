package jail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/pathname"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/release"
)

// MountedError are file systems that a start would mount over, or that are
// mounted on one that it would have to take away. They are not the jail's, as
// far as can be known: an earlier run of it mounts other things there.
type MountedError struct {
	Mounts []kernel.Mounted // the newest first
}

func (e *MountedError) Error() string {
	var list []string
	for _, m := range e.Mounts {
		list = append(list, fmt.Sprintf("%s %s on %s", m.Type, m.From, m.Path))
	}
	return "mounted by somebody else below the jail's root: " + strings.Join(list, ", ") + "; umount(8) what is not needed"
}

// Unwrap returns EBUSY.
func (e *MountedError) Unwrap() error { return syscall.EBUSY }

// left is what is mounted below the root of a jail that does not run.
type left struct {
	own    []kernel.Mounted // by an earlier run, the newest first
	others []kernel.Mounted // in the way of a start, or on what is own
}

// leftMounts finds what an earlier run of the jail has left, because the jail
// ended by itself or another program removed it. The targets are those of the
// start to come.
func (j *Jail) leftMounts(ctx context.Context, targets []step.Mount) (left, error) {
	mounts, err := j.mountTable(ctx)
	if err != nil {
		return left{}, err
	}
	root, ok := mounts.Dataset(j.RootDataset())
	if !ok {
		return left{}, nil
	}
	below := mounts.Below(root)
	if len(below) == 0 {
		return left{}, nil
	}
	releases, err := releasePaths(ctx, j.host, mounts)
	if err != nil {
		return left{}, err
	}
	bases := append(releases, filepath.Join(j.Path(), "basejail"))
	var out left
	var foreign, stays []kernel.Mounted
	for _, m := range below { // the newest first: what is on an own one comes before it
		own, err := j.isLeft(ctx, m, strings.TrimPrefix(m.Path, root+"/"), targets, bases)
		if err != nil {
			return left{}, err
		}
		on := func(other kernel.Mounted) bool { return pathname.Within(other.Path, m.Path) }
		switch {
		case !own:
			foreign, stays = append(foreign, m), append(stays, m)
		case slices.ContainsFunc(stays, on): // it has to stay, and so has what it is on
			stays = append(stays, m)
			for _, f := range foreign {
				if on(f) && !slices.Contains(out.others, f) {
					out.others = append(out.others, f)
				}
			}
		default:
			out.own = append(out.own, m)
		}
	}
	for _, m := range foreign {
		hidden := func(t step.Mount) bool { return pathname.Within(m.Path, filepath.Join(root, t.At)) }
		if !j.itsOwn(m) && slices.ContainsFunc(targets, hidden) && !slices.Contains(out.others, m) {
			out.others = append(out.others, m)
		}
	}
	return out, nil
}

// itsOwn reports whether a dataset of the jail is mounted there, which lasts.
func (j *Jail) itsOwn(m kernel.Mounted) bool {
	return m.Type == "zfs" && step.BelongsTo(m.From, []string{j.Dataset()})
}

// isLeft reports whether only an earlier run of the jail can have mounted m.
func (j *Jail) isLeft(ctx context.Context, m kernel.Mounted, at string, targets []step.Mount, bases []string) (bool, error) {
	for _, t := range targets {
		if t.At == at && t.Type == m.Type && (t.From == m.From || m.Type == "devfs" || m.Type == "fdescfs") {
			return true, nil
		}
	}
	from := func(dir string) bool { return pathname.Within(m.From, dir) }
	switch m.Type {
	case "devfs":
		return at == "dev", nil
	case "fdescfs":
		return at == "dev/fd", nil
	case "procfs":
		return at == procfsPlace, nil
	case "linprocfs":
		return at == linprocfsPlace, nil
	case "nullfs":
		return slices.Contains(release.Basedirs(), at) && slices.ContainsFunc(bases, from), nil
	case "zfs":
		return step.Administered(ctx, j.host, m.From, j.sharedDatasets())
	}
	return false, nil
}

// releasePaths returns where the releases of all sources are mounted.
func releasePaths(ctx context.Context, h *host.Host, mounts host.MountTable) (paths []string, err error) {
	sources, err := h.Sources(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range mounts {
		for _, source := range sources {
			if m.Type == "zfs" && strings.HasPrefix(m.From, source.Releases()+"/") {
				paths = append(paths, m.Path)
			}
		}
	}
	return paths, nil
}

// leftSteps takes away what an earlier run has left before the steps of a start
// mount anything. What is not known to be left by it refuses: mounted over, it
// would be hidden and could not be unmounted.
func (j *Jail) leftSteps(ctx context.Context, start []plan.Step) ([]plan.Step, error) {
	if running, err := j.Running(ctx); err != nil || running {
		return nil, err // it is stopped first
	}
	found, err := j.leftMounts(ctx, targetsOf(start))
	switch {
	case err != nil:
		return nil, err
	case len(found.others) > 0:
		return nil, &MountedError{found.others}
	case len(found.own) == 0:
		return nil, nil
	}
	steps, err := j.unmountLeft(ctx, found.own)
	if held, ok := errors.AsType[*HeldError](err); ok && slices.Contains(held.Jails, j.Identifier()) {
		err = ErrRunning // since a moment ago; a plan is made without a lock
	}
	return steps, err
}

// unmountLeft returns the step that unmounts what is left; a jail that lives there
// is a *HeldError.
func (j *Jail) unmountLeft(ctx context.Context, mounts []kernel.Mounted) ([]plan.Step, error) {
	root, err := j.RootPath(ctx)
	if err != nil {
		return nil, err
	}
	left := step.UnmountLeft{RootDataset: j.RootDataset(), Mounts: mounts}
	return []plan.Step{plan.StepOf(left)}, step.Inhabited(ctx, j.host, root)
}

// targetsOf returns the mounts of steps.
func targetsOf(steps []plan.Step) (out []step.Mount) {
	for _, s := range steps {
		var a step.Mounts
		if strings.HasPrefix(s.Kind, "mount ") && json.Unmarshal(s.Args, &a) == nil {
			out = append(out, a.Mounts...)
		}
	}
	return out
}

// recoverMounts unmounts what jails of a source have left that no longer run. A
// jail that is being worked on, or whose root another jail lives in, is left
// alone.
func recoverMounts(ctx context.Context, h *host.Host, source host.Source) (all []events.IocEvent, result error) {
	mounts, err := h.Mounts(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range mounts {
		name, ok := strings.CutPrefix(m.From, source.Jails()+"/")
		name, root := strings.CutSuffix(name, "/root")
		if !ok || !root || m.Type != "zfs" || strings.ContainsAny(name, "/@") || len(mounts.Below(m.Path)) == 0 {
			continue
		}
		j, err := generator(ctx, h, source, name)
		if err != nil {
			return all, errors.Join(result, err)
		}
		if running, err := j.Running(ctx); err != nil || running {
			result = errors.Join(result, err)
			continue
		}
		if p, err := j.planRecoverMounts(ctx); p == nil && err == nil {
			continue // without a lock and events
		}
		swept := false
		done, err := (&Operation{
			jail: j, name: "recover", event: events.JailRecover{Jail: j.FullName()}, busy: BusyFail,
			make: func(ctx context.Context) (*plan.Plan, error) {
				p, err := j.planRecoverMounts(ctx)
				swept = p != nil
				return p, err
			},
			after: func() {
				if swept {
					j.noteEnd(ctx)
				}
			},
		}).Run(ctx)
		if errors.Is(err, ErrBusy) || errors.Is(err, ErrNotFound) {
			continue
		}
		all, result = append(all, done...), errors.Join(result, err)
	}
	return all, result
}

func (j *Jail) planRecoverMounts(ctx context.Context) (*plan.Plan, error) {
	j, err := j.fresh(ctx)
	if err != nil {
		return nil, err
	}
	if running, err := j.Running(ctx); err != nil || running {
		return nil, err
	}
	lines, err := j.fstabTargets(ctx)
	if err != nil {
		lines.Mounts = nil // what the file says cannot be known, and stays
	}
	found, err := j.leftMounts(ctx, lines.Mounts)
	if err != nil || len(found.own) == 0 {
		return nil, err
	}
	steps, err := j.unmountLeft(ctx, found.own)
	if err != nil {
		if _, held := errors.AsType[*HeldError](err); held {
			err = nil // it is somebody's by now
		}
		return nil, err
	}
	return &plan.Plan{Operation: "recover", Subject: j.FullName(), Abandon: true, Repeatable: true, Steps: steps}, nil
}
