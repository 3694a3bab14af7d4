package jail

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/saferoot"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/zfsstore"
)

// Snapshot is a snapshot of a jail: of its dataset and of those below it, all
// under one name. Snapshots of the release that the jail was cloned from are
// none of its own.
type Snapshot struct {
	Name     string    // after the @
	Created  time.Time // of the newest of them
	Used     uint64    // bytes that destroying it would free, at least
	Datasets []string  // those that have it
	Clones   []string  // its clones
}

// Errors of snapshots, wrapped in a *SnapshotError.
var (
	// ErrSnapshotNotFound: the jail has no snapshot of that name.
	ErrSnapshotNotFound = errors.New("jail has no such snapshot")
	// ErrSnapshotExists: a dataset of the jail has a snapshot of that name.
	ErrSnapshotExists = errors.New("snapshot exists")
	// ErrNewerSnapshots: a rollback would destroy newer snapshots.
	ErrNewerSnapshots = errors.New("newer snapshots exist")
)

// SnapshotError is a refusal that is about one snapshot of a jail (libioc:
// SnapshotError and its kinds).
type SnapshotError struct {
	Jail     string // or dataset
	Snapshot string
	Newer    []string // with ErrNewerSnapshots: what stands in the way, the newest first
	Err      error
}

func (e *SnapshotError) Error() string {
	text := fmt.Sprintf("%s@%s: %v", e.Jail, e.Snapshot, e.Err)
	if len(e.Newer) > 0 {
		text += ": " + strings.Join(e.Newer, ", ")
	}
	return text
}

// Unwrap returns the cause.
func (e *SnapshotError) Unwrap() error { return e.Err }

// Snapshots lists the jail's snapshots, oldest first.
func (j *Jail) Snapshots(ctx context.Context) ([]Snapshot, error) {
	tree, err := j.tree(ctx, j.Dataset())
	if err != nil {
		return nil, &Error{"list snapshots", j.FullName(), err}
	}
	type dated struct {
		Snapshot
		txg uint64
	}
	var all []dated
	for _, d := range tree {
		of, name, ok := strings.Cut(d.Name, "@")
		if !ok {
			continue
		}
		i := slices.IndexFunc(all, func(s dated) bool { return s.Name == name })
		if i < 0 {
			i, all = len(all), append(all, dated{Snapshot: Snapshot{Name: name}})
		}
		s := &all[i]
		s.Used += d.Used
		s.Datasets = append(s.Datasets, of)
		s.Clones = append(s.Clones, d.Clones...)
		if d.CreateTXG >= s.txg {
			s.txg, s.Created = d.CreateTXG, d.Creation
		}
	}
	slices.SortStableFunc(all, func(a, b dated) int { return int(int64(a.txg) - int64(b.txg)) })
	out := make([]Snapshot, len(all))
	for i, s := range all {
		out[i] = s.Snapshot
	}
	return out, nil
}

// SnapshotOptions name a snapshot to create or to destroy.
type SnapshotOptions struct {
	// Name is what comes after the @. Empty takes the time in UTC,
	// "ioc-20060102T150405.000Z", which sorts; destroying needs a name.
	Name string
	Busy Busy
}

// CreateSnapshot takes a snapshot of the jail's dataset and all below it, at
// one moment. The jail may be running; what is in it is then as after a power
// loss. Errors: ErrNotFound, ErrSnapshotExists, ErrBusy.
func (j *Jail) CreateSnapshot(ctx context.Context, o SnapshotOptions) ([]events.IocEvent, error) {
	return j.Generator().CreateSnapshot(o).Run(ctx)
}

// CreateSnapshot returns the operation that [Jail.CreateSnapshot] runs.
func (g *JailGenerator) CreateSnapshot(o SnapshotOptions) *Operation {
	j := g.of()
	if o.Name == "" && j.host != nil {
		o.Name = "ioc-" + j.host.Now().UTC().Format("20060102T150405.000Z")
	}
	return &Operation{
		jail: j, name: "create snapshot", event: events.JailSnapshot{Jail: j.FullName(), Snapshot: o.Name, Action: "create"}, busy: o.Busy,
		make: func(ctx context.Context) (*plan.Plan, error) {
			tree, err := j.tree(ctx, j.Dataset())
			if err != nil {
				return nil, err
			}
			if tree.freeName(o.Name) != o.Name {
				return nil, &SnapshotError{Jail: j.FullName(), Snapshot: o.Name, Err: ErrSnapshotExists}
			}
			var steps step.List
			steps.Add(step.Snapshot{Snapshot: j.Dataset() + "@" + o.Name, Recursive: true, Made: j.madeBy()})
			steps.Commit()
			return steps.Plan("create snapshot", j.FullName(), map[string]string{"jail": tree.guid(j.Dataset())})
		},
	}
}

// DestroySnapshot destroys a snapshot of the jail on all its datasets. There is
// no way back. Errors: ErrNotFound, ErrSnapshotNotFound, *DependantsError when
// something was cloned from it, zfsstore.ErrBusy when it is held, ErrBusy.
func (j *Jail) DestroySnapshot(ctx context.Context, o SnapshotOptions) ([]events.IocEvent, error) {
	return j.Generator().DestroySnapshot(o).Run(ctx)
}

// DestroySnapshot returns the operation that [Jail.DestroySnapshot] runs.
func (g *JailGenerator) DestroySnapshot(o SnapshotOptions) *Operation {
	j := g.of()
	return &Operation{
		jail: j, name: "destroy snapshot", event: events.JailSnapshot{Jail: j.FullName(), Snapshot: o.Name, Action: "destroy"}, busy: o.Busy,
		make:    func(ctx context.Context) (*plan.Plan, error) { return j.planDestroySnapshot(ctx, o.Name) },
		cleared: func(recovered string) bool { return recovered != "destroy snapshot "+o.Name },
	}
}

func (j *Jail) planDestroySnapshot(ctx context.Context, name string) (*plan.Plan, error) {
	tree, err := j.tree(ctx, j.Dataset())
	if err != nil {
		return nil, err
	}
	found := tree.named(name)
	if len(found) == 0 {
		return nil, &SnapshotError{Jail: j.FullName(), Snapshot: name, Err: ErrSnapshotNotFound}
	}
	if clones := tree.dependants(found...); len(clones) > 0 {
		return nil, &DependantsError{Of: j.FullName() + "@" + name, Dependants: clones}
	}
	var steps step.List
	steps.Add(step.DestroySnapshots{Snapshots: tree.guids(found)})
	steps.Abandon()
	return steps.Plan("destroy snapshot "+name, j.FullName(), map[string]string{"snapshots": strings.Join(found, " ")})
}

// named returns all snapshots in the tree of one name.
func (t tree) named(name string) []string {
	var out []string
	for _, d := range t {
		if _, n, ok := strings.Cut(d.Name, "@"); ok && n == name {
			out = append(out, d.Name)
		}
	}
	return out
}

// RollbackOptions say how a jail goes back to a snapshot.
type RollbackOptions struct {
	// Name is the snapshot's, without the @.
	Name string
	// Newer destroys newer snapshots, without which ZFS cannot go back. It
	// never destroys what was cloned from them.
	Newer bool
	// Configuration takes the jail's configuration and fstab back as well. They
	// stay as they are otherwise.
	Configuration bool
	Busy          Busy
}

// RollbackSnapshot brings a stopped jail's datasets back to a snapshot. One that
// did not exist then stays as it is. What was written since is lost: there is no
// way back, and nothing in this library calls it by itself.
//
// Errors: ErrNotFound, ErrRunning, ErrSnapshotNotFound, ErrNewerSnapshots
// without Newer, *DependantsError when something was cloned from a newer one,
// ErrReplaced, ErrBusy. Recover answers ErrChanged if it was interrupted and something
// was written since.
func (j *Jail) RollbackSnapshot(ctx context.Context, o RollbackOptions) ([]events.IocEvent, error) {
	return j.Generator().RollbackSnapshot(o).Run(ctx)
}

// RollbackSnapshot returns the operation that [Jail.RollbackSnapshot] runs.
func (g *JailGenerator) RollbackSnapshot(o RollbackOptions) *Operation {
	j := g.of()
	return &Operation{
		jail: j, name: "roll back", event: events.JailSnapshot{Jail: j.FullName(), Snapshot: o.Name, Action: "rollback"}, busy: o.Busy,
		make:    func(ctx context.Context) (*plan.Plan, error) { return j.planRollback(ctx, o) },
		cleared: func(recovered string) bool { return recovered != "roll back to "+o.Name },
		after:   j.created,
	}
}

func (j *Jail) planRollback(ctx context.Context, o RollbackOptions) (*plan.Plan, error) {
	if err := j.RequireStopped(ctx); err != nil {
		return nil, err
	}
	tree, err := j.tree(ctx, j.Dataset())
	if err != nil {
		return nil, err
	}
	targets := tree.named(o.Name)
	if len(targets) == 0 {
		return nil, &SnapshotError{Jail: j.FullName(), Snapshot: o.Name, Err: ErrSnapshotNotFound}
	}
	newer := tree.newer(targets)
	if len(newer) > 0 && !o.Newer {
		return nil, &SnapshotError{Jail: j.FullName(), Snapshot: o.Name, Newer: newer, Err: ErrNewerSnapshots}
	}
	if clones := tree.dependants(newer...); len(newer) > 0 && len(clones) > 0 {
		return nil, &DependantsError{Of: j.FullName(), Dependants: clones}
	}
	var steps step.List
	steps.Add(step.Rollback{Newer: tree.guids(newer), Snapshots: tree.guids(targets)})
	switch own := slices.Contains(targets, j.Dataset()+"@"+o.Name); {
	case own && o.Configuration:
		steps.Append(j.renameAgain(ctx, o.Name))
	case own:
		steps.Append(j.keepFiles(ctx, o.Name))
	}
	return steps.Plan("roll back to "+o.Name, j.FullName(), map[string]string{
		"snapshots": strings.Join(append(newer, targets...), " "), "jail": tree.guid(j.Dataset()),
	})
}

// newer returns the snapshots that are newer than the given one of their dataset,
// the newest first.
func (t tree) newer(targets []string) []string {
	var found []zfsstore.Dataset
	for _, name := range targets {
		target, _ := t.find(name)
		of, _, _ := strings.Cut(name, "@")
		for _, s := range t.snapshots(of) {
			if s.CreateTXG > target.CreateTXG {
				found = append(found, s)
			}
		}
	}
	slices.SortStableFunc(found, func(a, b zfsstore.Dataset) int { return int(int64(b.CreateTXG) - int64(a.CreateTXG)) })
	names := make([]string, len(found))
	for i, s := range found {
		names[i] = s.Name
	}
	return names
}

// keepFiles write the configuration and fstab(5) as they are now, after the
// dataset that holds them was rolled back to a snapshot.
func (j *Jail) keepFiles(ctx context.Context, snapshot string) ([]plan.Step, error) {
	path, err := j.host.Mountpoint(ctx, j.Dataset())
	if err != nil {
		return nil, err
	}
	dir, err := saferoot.Open(path)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	then, err := saferoot.Open(filepath.Join(path, ".zfs", "snapshot", snapshot))
	if err != nil {
		return nil, err
	}
	defer then.Close()
	var steps []plan.Step
	for _, name := range []string{config.JSONFile, config.UCLFile, step.FstabFile} {
		args := step.WriteConfig{Dataset: j.Dataset(), File: name}
		now, err := step.ReadFormer(dir, name, step.MostFormer)
		if err != nil {
			return nil, err
		}
		old, err := step.ReadFormer(then, name, step.MostFormer)
		if err != nil {
			return nil, err
		}
		args.Data, args.Absent = now.Data, now.Absent
		args.Old = &step.Before{Data: old.Data, Had: !old.Absent}
		steps = append(steps, plan.StepOf(args))
	}
	return steps, nil
}

// renameAgain brings what a rename has changed since a snapshot into the
// configuration and fstab(5) that come back from it.
func (j *Jail) renameAgain(ctx context.Context, snapshot string) ([]plan.Step, error) {
	path, err := j.host.Mountpoint(ctx, j.Dataset())
	if err != nil {
		return nil, err
	}
	now := j.copy(func(is *state) { is.path = path })
	own, err := config.ReadDir(filepath.Join(path, ".zfs", "snapshot", snapshot))
	if errors.Is(err, config.ErrNoConfig) {
		return nil, nil // ZFS properties are not rolled back
	}
	if err != nil {
		return nil, err
	}
	then := now.formerly(own)
	if then.Name() == now.Name() {
		return nil, nil
	}
	if err := rename(own, then, now); err != nil {
		return nil, err
	}
	steps, err := now.saveSteps(own, "")
	return append(steps, plan.StepOf(step.MoveFstab{Dataset: j.Dataset(), From: then.Path()})), err
}
