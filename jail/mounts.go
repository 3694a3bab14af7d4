package jail

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/fstab"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/release"
)

// fstabSteps mounts the jail's fstab(5) in the order of its lines. A line that cannot
// be read refuses, as in jail(8): without it the jail could lack its data.
func (j *Jail) fstabSteps(ctx context.Context, ruleset int) ([]plan.Step, error) {
	file, err := j.fstabFile(ctx)
	if err != nil {
		return nil, err
	}
	if err := file.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	args, err := j.fstabTargets(ctx)
	if err != nil || len(args.Mounts) == 0 {
		return nil, err
	}
	return []plan.Step{plan.StepOf(step.MountFstab{Mounts: args})}, j.useRuleset(args.Mounts, ruleset)
}

// fstabTargets returns the mounts of the lines that can be read.
func (j *Jail) fstabTargets(ctx context.Context) (step.Mounts, error) {
	entries, err := j.fstabEntries(ctx)
	if err != nil {
		return step.Mounts{}, err
	}
	return j.fstabMounts(ctx, entries)
}

// useRuleset gives the jail's ruleset to every devfs that names none: the lines of
// FreeBSD's Handbook for a Linux jail would show it every device of the host.
func (j *Jail) useRuleset(mounts []step.Mount, ruleset int) error {
	for i, m := range mounts {
		if !lacksRuleset(m) {
			continue
		}
		if ruleset == 0 {
			return fmt.Errorf("%w: fstab: devfs on /%s: the jail has no devfs_ruleset; add the option ruleset=4: %w", ErrConfig, m.At, kernel.ErrEmptyRuleset)
		}
		mounts[i].Own = true
		mounts[i].Options = append(mounts[i].Options, kernel.MountOption{Name: step.RulesetOption, Value: strconv.Itoa(ruleset)})
	}
	return nil
}

func lacksRuleset(m step.Mount) bool {
	return m.Type == "devfs" && !slices.ContainsFunc(m.Options, func(o kernel.MountOption) bool { return o.Name == step.RulesetOption })
}

// fstabFile returns the jail's fstab(5) with the root that destinations are below.
func (j *Jail) fstabFile(ctx context.Context) (*fstab.File, error) {
	data, err := j.readFstab()
	if err != nil {
		return nil, err
	}
	mounts, err := j.mountTable(ctx)
	if err != nil {
		return nil, err
	}
	file := fstab.Parse(data)
	file.Root, _ = mounts.Dataset(j.RootDataset())
	return file, nil
}

// fstabMounts returns the mounts of entries.
func (j *Jail) fstabMounts(ctx context.Context, entries []fstab.Entry) (step.Mounts, error) {
	args := step.Mounts{RootDataset: j.RootDataset()}
	for _, e := range entries {
		if _, _, remote := e.Remote(); remote {
			return args, fmt.Errorf("%w: fstab: %s: network file systems are mounted on the host", ErrConfig, e.Source)
		}
		at, err := j.fstabPlace(ctx, e)
		if err != nil {
			return args, err
		}
		if at == "" { // nothing could be undone in the root that it hides
			return args, fmt.Errorf("%w: fstab: %s would hide the jail's root", ErrConfig, e.Destination)
		}
		m := step.Mount{Type: e.Type, From: e.Source, At: at}
		if m.Type == "" {
			m.Type = "nullfs"
		}
		for _, o := range e.Options.Mount() {
			m.Options = append(m.Options, kernel.MountOption{Name: o.Name, Value: o.Value})
		}
		args.Mounts = append(args.Mounts, m)
	}
	return args, nil
}

// fstabEntries returns the lines that are to be mounted. A basejail's own
// directories are left out: iocage writes them, and they are mounted anyway.
func (j *Jail) fstabEntries(ctx context.Context) ([]fstab.Entry, error) {
	file, err := j.fstabFile(ctx)
	if err != nil {
		return nil, err
	}
	base := map[string]bool{}
	if j.IsBasejail() {
		for _, dir := range release.Basedirs() {
			base[dir] = true
		}
	}
	var out []fstab.Entry
	for _, e := range file.MountOrder() {
		at, err := j.fstabPlace(ctx, e)
		if err != nil {
			return nil, err
		}
		if !base[at] {
			out = append(out, e)
		}
	}
	return out, nil
}

// fstabPlace returns where an entry goes, relative to the jail's root. libioc writes
// host paths; a destination that is not below the root is taken as the jail
// sees it.
func (j *Jail) fstabPlace(ctx context.Context, e fstab.Entry) (string, error) {
	mounts, err := j.mountTable(ctx)
	if err != nil {
		return "", err
	}
	root, ok := mounts.Dataset(j.RootDataset())
	if !ok {
		return "", fmt.Errorf("%w: %s", host.ErrNotMounted, j.RootDataset())
	}
	path, err := fstab.Resolve(root, e.Destination)
	if err != nil {
		return "", fmt.Errorf("%w: fstab: %w", ErrConfig, err)
	}
	return strings.TrimPrefix(strings.TrimPrefix(path, root), "/"), nil
}

// fstabPlaces returns the places of all entries, for unmounting.
func (j *Jail) fstabPlaces(ctx context.Context) ([]string, error) {
	entries, err := j.fstabEntries(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		at, err := j.fstabPlace(ctx, e)
		if err != nil {
			return nil, err
		}
		if at != "" {
			out = append(out, at)
		}
	}
	return out, nil
}

// mayMountDevfs refuses a devfs without a ruleset, which would show the jail every
// device of the host, its disks and memory among them.
func (j *Jail) mayMountDevfs() error {
	eff := j.Effective()
	if !key.MountDevfs.Of(eff) {
		return nil
	}
	if want, ok := key.DevfsRuleset.Lookup(eff); ok && (want.Name != "" || want.Number != 0) {
		return nil
	}
	return fmt.Errorf("%w: devfs_ruleset=none or 0 needs mount_devfs=no: %w and would show every device of the host", ErrConfig, kernel.ErrEmptyRuleset)
}

// Where they are mounted, below the root.
const (
	procfsPlace    = "proc"
	linprocfsPlace = "compat/linux/proc"
)

// deviceSteps mount devfs with the jail's ruleset, fdescfs(5), procfs(5) and
// linprocfs(5), whose module the host may have to load. libioc has the properties
// for the last two and does nothing about them.
func (j *Jail) deviceSteps(ctx context.Context, l *step.List, ruleset int) {
	eff := j.Effective()
	mount := func(fs, at string, dir bool) step.Mounts {
		m := step.Mount{Type: fs, From: fs, At: at, Make: dir}
		return step.Mounts{RootDataset: j.RootDataset(), Mounts: []step.Mount{m}}
	}
	if key.MountDevfs.Of(eff) {
		args := mount("devfs", "dev", true)
		l.Fail(j.mayMountDevfs())
		if ruleset > 0 {
			l.Fail(j.useRuleset(args.Mounts, ruleset))
		}
		l.Add(step.MountDevfs{Mounts: args})
	}
	if key.MountFdescfs.Of(eff) { // a devfs has the directory
		l.Add(step.MountFdescfs{Mounts: mount("fdescfs", "dev/fd", !key.MountDevfs.Of(eff))})
	}
	if key.MountProcfs.Of(eff) {
		l.Add(step.MountProcfs{Mounts: mount("procfs", procfsPlace, true)})
	}
	if !key.MountLinprocfs.Of(eff) {
		return
	}
	loaded, err := j.host.Kernel.ModuleLoaded(ctx, "linprocfs")
	l.Fail(err)
	if !loaded {
		l.Add(step.LoadModule{Module: "linprocfs", Param: "mount_linprocfs"})
	}
	l.Add(step.MountLinprocfs{Mounts: mount("linprocfs", linprocfsPlace, true)})
}
