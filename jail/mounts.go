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
	if err != nil {
		return nil, err
	}
	return []plan.Step{plan.StepOf(step.MountFstab{Mounts: args})}, nil
}

// fstabMounts returns the mounts of entries.
func (j *Jail) fstabMounts(ctx context.Context, entries []fstab.Entry) (step.Mounts, error) {
	args := step.Mounts{RootDataset: j.RootDataset()}
	for _, e := range entries {
		if remote(e) {
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

func remote(e fstab.Entry) bool {
	_, _, ok := e.Remote()
	return ok
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

// devfsSteps mounts devfs with the jail's ruleset.
func (j *Jail) devfsSteps(ruleset int) []plan.Step {
	if !key.MountDevfs.Of(j.Effective()) {
		return nil
	}
	m := step.Mount{Type: "devfs", From: "devfs", At: "dev", Make: true}
	if ruleset > 0 {
		m.Options = []kernel.MountOption{{Name: step.RulesetOption, Value: strconv.Itoa(ruleset)}}
	}
	return []plan.Step{plan.StepOf(step.MountDevfs{Mounts: step.Mounts{RootDataset: j.RootDataset(), Mounts: []step.Mount{m}}})}
}

// fdescfsSteps mounts fdescfs(5) on the jail's /dev/fd.
func (j *Jail) fdescfsSteps(context.Context) ([]plan.Step, error) {
	if !key.MountFdescfs.Of(j.Effective()) {
		return nil, nil
	}
	m := step.Mount{Type: "fdescfs", From: "fdescfs", At: "dev/fd"}
	return []plan.Step{plan.StepOf(step.MountFdescfs{Mounts: step.Mounts{RootDataset: j.RootDataset(), Mounts: []step.Mount{m}}})}, nil
}
