package jail

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/fstab"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/pathname"
	"github.com/libioc/go-libioc/internal/saferoot"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/release"
)

// MountOptions say what is added to a jail's fstab(5).
type MountOptions struct {
	// Entries are mounted in this order, but for those with noauto. A destination
	// is a path below the jail's root, or one as the jail sees it, and must exist.
	Entries []fstab.Entry
	// Temporary leaves the fstab as it is: the mounts end with the jail's run.
	// All entries are mounted then.
	Temporary bool
	Busy      Busy
}

// Mount adds entries to the jail's fstab(5) and, if the jail runs, mounts them
// at once, as libioc does (auto_mount_jail).
//
// Errors: fstab.ErrDestinationExists, *fstab.InvalidError, kernel.ErrNotFound for
// a source or a destination that does not exist, ErrConfig for the root itself, ErrNotRunning for
// temporary mounts of a stopped jail, kernel.ErrEscape for a link on the way to a
// destination, or to a source that is in a jail, ErrBusy. A failure leaves file and mounts as they were.
func (j *Jail) Mount(ctx context.Context, o MountOptions) ([]events.IocEvent, error) {
	return j.Generator().Mount(o).Run(ctx)
}

// Mount returns the operation that [Jail.Mount] runs.
func (g *JailGenerator) Mount(o MountOptions) *Operation {
	j := g.of()
	return &Operation{
		jail: j, name: "mount", event: events.MountFstab{Jail: j.FullName()}, busy: o.Busy,
		steps: func(ctx context.Context, now *Jail, l *step.List) error { return now.mountSteps(ctx, l, o) },
	}
}

func (j *Jail) mountSteps(ctx context.Context, l *step.List, o MountOptions) error {
	file, running, err := j.liveFstab(ctx, o.Temporary)
	if err != nil {
		return err
	}
	for _, e := range o.Entries {
		if err := file.Add(e, fstab.AddOptions{}); err != nil {
			return err
		}
	}
	all, err := j.fstabMounts(ctx, o.Entries)
	if err != nil {
		return err
	}
	args := step.Mounts{RootDataset: all.RootDataset}
	for i, m := range all.Mounts {
		if o.Temporary || o.Entries[i].Mounted() {
			args.Mounts = append(args.Mounts, m)
		}
	}
	if slices.ContainsFunc(args.Mounts, lacksRuleset) {
		load, ruleset, err := j.ruleset(ctx)
		if err == nil {
			err = j.useRuleset(args.Mounts, ruleset)
		}
		if err != nil {
			return err
		}
		if running && load != nil {
			l.Add(*load)
		}
	}
	if !running {
		if err := j.placesThere(ctx, file, args.Mounts); err != nil {
			return err
		}
	}
	if !o.Temporary {
		l.Add(j.writeFstab(file))
	}
	if running && len(args.Mounts) > 0 {
		l.Add(step.MountFstab{Mounts: args})
	}
	l.Commit()
	return nil
}

// placesThere reports what a start could not mount because there is no source or no
// place for it, or a link in its way. A place in what the start mounts before does not
// exist yet.
func (j *Jail) placesThere(ctx context.Context, file *fstab.File, targets []step.Mount) error {
	root, err := j.RootPath(ctx)
	if err != nil {
		return err
	}
	covers := []string{"dev"}
	if j.IsBasejail() {
		covers = append(covers, release.Basedirs()...)
	}
	for _, e := range file.MountOrder() {
		if at, err := j.fstabPlace(ctx, e); err == nil && at != "" && e.Mounted() {
			covers = append(covers, at)
		}
	}
	r, err := saferoot.Open(root)
	if err != nil {
		return err
	}
	defer r.Close()
	inStart := func(path string) bool { // mounted by the start itself
		rest, inside := pathname.Cut(path, root)
		return inside && slices.ContainsFunc(covers, func(at string) bool { return pathname.Within(strings.TrimPrefix(rest, "/"), at) })
	}
	for _, t := range targets {
		if t.Type == "nullfs" && !inStart(t.From) {
			if _, err := os.Stat(t.From); errors.Is(err, fs.ErrNotExist) {
				return &kernel.CallError{Op: "nmount", Subject: t.From, Errno: syscall.ENOENT, Msg: "the source does not exist", Err: kernel.ErrNotFound}
			}
		}
		if slices.ContainsFunc(covers, func(at string) bool { return at != t.At && pathname.Within(t.At, at) }) {
			continue
		}
		_, err := r.MountPoint(t.At)
		refused := &kernel.CallError{Op: "nmount", Subject: filepath.Join(root, t.At), Msg: "there is no place for it"}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			refused.Errno, refused.Err = syscall.ENOENT, kernel.ErrNotFound
		case errors.Is(err, saferoot.ErrEscape):
			refused.Msg, refused.Err = err.Error(), kernel.ErrEscape
		case err != nil:
			return err
		default:
			continue
		}
		return refused
	}
	return nil
}

// UnmountOptions say what is taken from a jail's fstab(5).
type UnmountOptions struct {
	// Destinations are those of the entries, in either of their forms.
	Destinations []string
	// Temporary leaves the fstab as it is: the next start mounts them again.
	Temporary bool
	// Force unmounts what is in use, unmount(2) MNT_FORCE. Otherwise that is a
	// *HeldError after a bounded wait.
	Force bool
	Busy  Busy
}

// Unmount unmounts entries of the running jail, the newest first and with what
// is mounted on them, and removes them from its fstab(5). With Temporary a place
// that is not in the fstab may be given where something is mounted, but for what
// the jail has by itself.
//
// Errors: fstab.ErrDestinationNotFound, *HeldError, ErrBusy. If one cannot be
// unmounted the file stays as it was, and what was unmounted by then is.
func (j *Jail) Unmount(ctx context.Context, o UnmountOptions) ([]events.IocEvent, error) {
	return j.Generator().Unmount(o).Run(ctx)
}

// Unmount returns the operation that [Jail.Unmount] runs.
func (g *JailGenerator) Unmount(o UnmountOptions) *Operation {
	j := g.of()
	return &Operation{
		jail: j, name: "unmount", event: events.UnmountFstab{Jail: j.FullName()}, busy: o.Busy,
		steps: func(ctx context.Context, now *Jail, l *step.List) error { return now.unmountSteps(ctx, l, o) },
	}
}

func (j *Jail) unmountSteps(ctx context.Context, l *step.List, o UnmountOptions) error {
	file, running, err := j.liveFstab(ctx, o.Temporary)
	if err != nil {
		return err
	}
	mounts, err := j.mountTable(ctx)
	if err != nil {
		return err
	}
	args := step.UnmountLive{RootDataset: j.RootDataset(), Force: o.Force}
	for _, destination := range o.Destinations {
		at, err := j.fstabPlace(ctx, fstab.Entry{Destination: destination})
		if err != nil {
			return err
		}
		if err := file.Delete(destination); err != nil && (!o.Temporary || !j.mountedByHand(mounts, at)) {
			return err
		}
		if at == "" {
			continue // a line that nothing mounts; the root stays
		}
		args.Places = append(args.Places, at)
	}
	if running && len(args.Places) > 0 {
		l.Add(args)
	}
	if !o.Temporary {
		l.Add(j.writeFstab(file))
	}
	l.Abandon()
	return nil
}

// mountedByHand reports whether something is mounted at a place that a start
// mounts nothing on by itself.
func (j *Jail) mountedByHand(mounts host.MountTable, at string) bool {
	eff := j.Effective()
	switch {
	case at == "", at == "dev", at == "dev/fd", j.IsBasejail() && slices.Contains(release.Basedirs(), at),
		at == procfsPlace && key.MountProcfs.Of(eff), at == linprocfsPlace && key.MountLinprocfs.Of(eff):
		return false
	}
	root, ok := mounts.Dataset(j.RootDataset())
	_, mounted := mounts.At(filepath.Join(root, at))
	return ok && mounted
}

// liveFstab returns the jail's fstab(5), and whether the jail runs.
func (j *Jail) liveFstab(ctx context.Context, mustRun bool) (file *fstab.File, running bool, err error) {
	if running, err = j.Running(ctx); err != nil {
		return nil, false, err
	}
	if mustRun && !running {
		return nil, false, ErrNotRunning
	}
	file, err = j.Fstab(ctx)
	return file, running, err
}

func (j *Jail) writeFstab(file *fstab.File) step.WriteConfig {
	return step.WriteConfig{Dataset: j.Dataset(), File: step.FstabFile, Data: file.Marshal()}
}
