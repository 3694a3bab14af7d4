package jail

import (
	"context"
	"fmt"
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

// fstabSteps mounts the jail's fstab(5) in the order of its lines.
func (j *Jail) fstabSteps(ctx context.Context) ([]plan.Step, error) {
	entries, err := j.fstabEntries(ctx)
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	args, err := j.fstabMounts(ctx, entries)
	return []plan.Step{plan.StepOf(step.MountFstab{Mounts: args})}, err
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
	data, err := j.readFstab()
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
	for _, e := range fstab.Parse(data).MountOrder() {
		if !e.Mounted() {
			continue
		}
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
	mount := func(fs, at string, dir bool, options ...kernel.MountOption) step.Mounts {
		m := step.Mount{Type: fs, From: fs, At: at, Options: options, Make: dir}
		return step.Mounts{RootDataset: j.RootDataset(), Mounts: []step.Mount{m}}
	}
	var options []kernel.MountOption
	if ruleset > 0 {
		options = append(options, kernel.MountOption{Name: step.RulesetOption, Value: strconv.Itoa(ruleset)})
	}
	if key.MountDevfs.Of(eff) {
		l.Add(step.MountDevfs{Mounts: mount("devfs", "dev", true, options...)})
	}
	if key.MountFdescfs.Of(eff) {
		l.Add(step.MountFdescfs{Mounts: mount("fdescfs", "dev/fd", false)})
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
