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
	Clones   []string  // datasets that were cloned from it
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

// Unwrap gives the cause.
func (e *SnapshotError) Unwrap() error { return e.Err }

// Snapshots lists the jail's snapshots, oldest first.
func (g *JailGenerator) Snapshots(ctx context.Context) ([]Snapshot, error) {
	tree, err := g.tree(ctx, g.Dataset())
	if err != nil {
		return nil, &Error{"list snapshots", g.fullName, err}
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
func (g *JailGenerator) CreateSnapshot(ctx context.Context, o SnapshotOptions) <-chan events.IocEvent {
	return g.start(ctx, g.createSnapshotOperation(o), nil)
}

// CreateSnapshot is the synchronous form of [JailGenerator.CreateSnapshot].
func (j *Jail) CreateSnapshot(ctx context.Context, o SnapshotOptions) ([]events.IocEvent, error) {
	return collect(ctx, j.JailGenerator.CreateSnapshot(ctx, o))
}

// PlanCreateSnapshot plans what CreateSnapshot would do.
func (g *JailGenerator) PlanCreateSnapshot(ctx context.Context, o SnapshotOptions) (*Plan, error) {
	return g.planned(ctx, g.createSnapshotOperation(o))
}

func (g *JailGenerator) createSnapshotOperation(o SnapshotOptions) operation {
	if o.Name == "" {
		o.Name = "ioc-" + g.host.Now().UTC().Format("20060102T150405.000Z")
	}
	return operation{
		name:  "create snapshot",
		event: events.JailSnapshot{Jail: g.fullName, Snapshot: o.Name, Action: "create"},
		busy:  o.Busy,
		make: func(ctx context.Context) (*plan.Plan, error) {
			tree, err := g.tree(ctx, g.Dataset())
			if err != nil {
				return nil, err
			}
			if tree.freeName(o.Name) != o.Name {
				return nil, &SnapshotError{Jail: g.fullName, Snapshot: o.Name, Err: ErrSnapshotExists}
			}
			step := stepSnapshot.Step(snapshotArgs{Snapshot: g.Dataset() + "@" + o.Name, Recursive: true, Made: g.madeBy()})
			return &plan.Plan{
				Operation: "create snapshot", Subject: g.fullName, Steps: []plan.Step{step}, Commit: 1,
				Fingerprint: map[string]string{"jail": tree.guid(g.Dataset())},
			}, nil
		},
	}
}

// DestroySnapshot destroys a snapshot of the jail on all its datasets. There is
// no way back. Errors: ErrNotFound, ErrSnapshotNotFound, *DependantsError when
// something was cloned from it, zfsstore.ErrBusy when it is held, ErrBusy.
func (g *JailGenerator) DestroySnapshot(ctx context.Context, o SnapshotOptions) <-chan events.IocEvent {
	return g.start(ctx, g.destroySnapshotOperation(o), nil)
}

// DestroySnapshot is the synchronous form of [JailGenerator.DestroySnapshot].
func (j *Jail) DestroySnapshot(ctx context.Context, o SnapshotOptions) ([]events.IocEvent, error) {
	return collect(ctx, j.JailGenerator.DestroySnapshot(ctx, o))
}

// PlanDestroySnapshot plans what DestroySnapshot would do.
func (g *JailGenerator) PlanDestroySnapshot(ctx context.Context, o SnapshotOptions) (*Plan, error) {
	return g.planned(ctx, g.destroySnapshotOperation(o))
}

func (g *JailGenerator) destroySnapshotOperation(o SnapshotOptions) operation {
	return operation{
		name:    "destroy snapshot",
		event:   events.JailSnapshot{Jail: g.fullName, Snapshot: o.Name, Action: "destroy"},
		busy:    o.Busy,
		make:    func(ctx context.Context) (*plan.Plan, error) { return g.planDestroySnapshot(ctx, o.Name) },
		cleared: func(recovered string) bool { return recovered != "destroy snapshot "+o.Name },
	}
}

func (g *JailGenerator) planDestroySnapshot(ctx context.Context, name string) (*plan.Plan, error) {
	tree, err := g.tree(ctx, g.Dataset())
	if err != nil {
		return nil, err
	}
	found := tree.named(name)
	if len(found) == 0 {
		return nil, &SnapshotError{Jail: g.fullName, Snapshot: name, Err: ErrSnapshotNotFound}
	}
	if clones := tree.dependants(found...); len(clones) > 0 {
		return nil, &DependantsError{Of: g.fullName + "@" + name, Dependants: clones}
	}
	return &plan.Plan{
		Operation: "destroy snapshot " + name, Subject: g.fullName, Abandon: true,
		Steps:       []plan.Step{stepDestroySnapshots.Step(snapshotsArgs{found})},
		Fingerprint: map[string]string{"snapshots": strings.Join(found, " ")},
	}, nil
}

// named are all snapshots in the tree of one name.
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
// ErrBusy.
func (g *JailGenerator) RollbackSnapshot(ctx context.Context, o RollbackOptions) <-chan events.IocEvent {
	return g.start(ctx, g.rollbackOperation(o), nil)
}

// RollbackSnapshot is the synchronous form of [JailGenerator.RollbackSnapshot].
func (j *Jail) RollbackSnapshot(ctx context.Context, o RollbackOptions) ([]events.IocEvent, error) {
	return collect(ctx, j.JailGenerator.RollbackSnapshot(ctx, o))
}

// PlanRollbackSnapshot plans what RollbackSnapshot would do.
func (g *JailGenerator) PlanRollbackSnapshot(ctx context.Context, o RollbackOptions) (*Plan, error) {
	return g.planned(ctx, g.rollbackOperation(o))
}

func (g *JailGenerator) rollbackOperation(o RollbackOptions) operation {
	return operation{
		name:    "roll back",
		event:   events.JailSnapshot{Jail: g.fullName, Snapshot: o.Name, Action: "rollback"},
		busy:    o.Busy,
		make:    func(ctx context.Context) (*plan.Plan, error) { return g.planRollback(ctx, o) },
		cleared: func(recovered string) bool { return recovered != "roll back to "+o.Name },
		after:   g.created,
	}
}

func (g *JailGenerator) planRollback(ctx context.Context, o RollbackOptions) (*plan.Plan, error) {
	if err := g.RequireStopped(ctx); err != nil {
		return nil, err
	}
	tree, err := g.tree(ctx, g.Dataset())
	if err != nil {
		return nil, err
	}
	targets := tree.named(o.Name)
	if len(targets) == 0 {
		return nil, &SnapshotError{Jail: g.fullName, Snapshot: o.Name, Err: ErrSnapshotNotFound}
	}
	newer := tree.newer(targets)
	if len(newer) > 0 && !o.Newer {
		return nil, &SnapshotError{Jail: g.fullName, Snapshot: o.Name, Newer: newer, Err: ErrNewerSnapshots}
	}
	if clones := tree.dependants(newer...); len(newer) > 0 && len(clones) > 0 {
		return nil, &DependantsError{Of: g.fullName, Dependants: clones}
	}
	steps := []plan.Step{stepRollback.Step(rollbackArgs{newer, targets})}
	if slices.Contains(targets, g.Dataset()+"@"+o.Name) && !o.Configuration {
		keep, err := g.keepFiles(ctx)
		if err != nil {
			return nil, err
		}
		steps = append(steps, keep...)
	} else if slices.Contains(targets, g.Dataset()+"@"+o.Name) {
		again, err := g.renameAgain(ctx, o.Name)
		if err != nil {
			return nil, err
		}
		steps = append(steps, again...)
	}
	return &plan.Plan{
		Operation: "roll back to " + o.Name, Subject: g.fullName, Steps: steps,
		Fingerprint: map[string]string{"snapshots": strings.Join(append(newer, targets...), " "), "jail": tree.guid(g.Dataset())},
	}, nil
}

// newer are the snapshots that are newer than the given one of their dataset,
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
// dataset that holds them was rolled back.
func (g *JailGenerator) keepFiles(ctx context.Context) ([]plan.Step, error) {
	dir, err := g.host.Mountpoint(ctx, g.Dataset())
	if err != nil {
		return nil, err
	}
	var steps []plan.Step
	for _, name := range []string{config.JSONFile, config.UCLFile, fstabFile} {
		args := writeConfigArgs{Dataset: g.Dataset(), File: name}
		now, err := readFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		args.Data, args.Absent = now.Data, now.Absent
		steps = append(steps, stepWriteConfig.Step(args))
	}
	return steps, nil
}

// renameAgain brings what a rename has changed since a snapshot into the
// configuration and fstab(5) that come back from it.
func (g *JailGenerator) renameAgain(ctx context.Context, snapshot string) ([]plan.Step, error) {
	now := *g
	var err error
	if now.path, err = g.host.Mountpoint(ctx, g.Dataset()); err != nil {
		return nil, err
	}
	own, err := config.ReadDir(filepath.Join(now.path, ".zfs", "snapshot", snapshot))
	if errors.Is(err, config.ErrNoConfig) {
		return nil, nil // ZFS properties are not rolled back
	}
	if err != nil {
		return nil, err
	}
	then := now.formerly(own)
	if then.name == now.name {
		return nil, nil
	}
	if err := rename(own, then, &now); err != nil {
		return nil, err
	}
	steps, err := now.saveSteps(own, "")
	return append(steps, stepMoveFstab.Step(moveFstabArgs{Dataset: g.Dataset(), From: then.path})), err
}
