package jail

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/release"
)

// CreateOptions say what a new jail is made of: exactly one of Release,
// Template, Jail, Scratch and Empty.
type CreateOptions struct {
	// Release is the release's name, "13.2-RELEASE" or with a pinned patch
	// level "13.2-RELEASE-p4". It must have been fetched. The jail's root is a
	// clone of the newest, or the pinned, @pN snapshot.
	Release string
	// Template is a jail with template=yes, by "name" or "source/name". The new
	// jail's root is a clone of its root. It takes over the template's
	// properties, except its identity, its MAC addresses and what the new jail's
	// Spec sets. The template's fstab is not copied, as in libioc.
	Template string
	// Jail is another jail, running or not, that is cloned with everything, as
	// CloneFromJail does.
	Jail string
	// Scratch makes an empty root and a configuration, to be filled by the
	// caller.
	Scratch bool
	// Empty makes the jail's dataset alone, libioc's create_from_scratch: no
	// root and no configuration; a backup is restored into it. Load and List
	// have it with no properties of its own, what is set goes to config.json, and
	// Start is refused with ErrConfig until there is a root.
	Empty bool
	// Basejail makes the jail take the base system's directories from the
	// release at every start instead of from its own root.
	Basejail bool
	// BasejailType is how: "nullfs", the default, mounts them read-only; "zfs"
	// clones the release's base datasets at every start, see
	// [release.Release.CopyBase]; the jail can write to the clones.
	BasejailType string
	Busy         Busy
}

// ErrCreateFrom is CreateOptions that name nothing, or several things, to make
// a jail from.
var ErrCreateFrom = errors.New("exactly one of release, template, jail, scratch and empty is needed")

func (o CreateOptions) from() (string, error) {
	var from []string
	for _, name := range []string{o.Release, o.Template, o.Jail} {
		if name != "" {
			from = append(from, name)
		}
	}
	for _, set := range []bool{o.Scratch, o.Empty} {
		if set {
			from = append(from, "")
		}
	}
	if len(from) != 1 {
		return "", ErrCreateFrom
	}
	return from[0], nil
}

// Create makes the jail: its dataset, its root and its configuration file. The
// jail is not started.
//
// Errors: ErrExists, ErrCreateFrom, release.ErrNotFetched,
// release.ErrSnapshotNotFound, ErrNotFound and ErrNotTemplate of the template,
// zfsstore.ErrCrossPool, ErrReplaced, ErrBusy. A failure leaves nothing behind.
func (j *Jail) Create(ctx context.Context, o CreateOptions) ([]events.IocEvent, error) {
	return j.Generator().Create(o).Run(ctx)
}

// Create returns the operation that [Jail.Create] runs.
func (g *JailGenerator) Create(o CreateOptions) *Operation {
	j := g.of()
	from, _ := o.from() // refused when it is planned
	op := &Operation{
		jail: j, name: "create", event: events.JailCreate{Jail: j.FullName(), Source: from}, busy: o.Busy,
		make:  func(ctx context.Context) (*plan.Plan, error) { return j.planCreate(ctx, o) },
		after: j.created,
	}
	if source := o.Template + o.Jail; source != "" {
		op.also = j.others(source)
	}
	return op
}

// others finds one other jail, for an operation's locks.
func (j *Jail) others(name string) func(context.Context) ([]*Jail, error) {
	return func(ctx context.Context) ([]*Jail, error) {
		other, err := Load(ctx, j.host, name)
		if err != nil {
			return nil, err
		}
		return []*Jail{other}, nil
	}
}

func (j *Jail) planCreate(ctx context.Context, o CreateOptions) (*plan.Plan, error) {
	if _, err := o.from(); err != nil {
		return nil, err
	}
	if err := j.mustBeNew(ctx); err != nil {
		return nil, err
	}
	if err := j.mayDepend(ctx); err != nil {
		return nil, err
	}
	switch {
	case o.Jail != "":
		return j.planClone(ctx, "create", CloneOptions{Jail: o.Jail}, o)
	case o.Template != "":
		return j.planTemplate(ctx, o)
	}
	by := j.madeBy()
	var steps step.List
	steps.Append(j.parentSteps(ctx, by))
	dataset := step.CreateDataset{Dataset: j.Dataset(), Mode: fs.FileMode(0o700), Made: by, Parents: j.parents()}
	print := map[string]string{}
	set := o.properties()
	switch {
	case o.Empty:
		steps.Add(dataset)
		return j.createPlan("create", &steps, nil)
	case o.Scratch:
		steps.Add(dataset, step.CreateDataset{Dataset: j.RootDataset(), Made: by})
	default:
		rel, err := release.New(ctx, j.host, o.Release, j.source.Name)
		if err != nil {
			return nil, err
		}
		snapshot, taken, err := rel.RootSnapshot(ctx)
		if err != nil {
			return nil, err
		}
		if !taken {
			steps.Add(step.Snapshot{Snapshot: snapshot, Shared: true, Made: by})
		}
		set["release"] = rel.FullName()
		print["release snapshot"] = snapshot
		steps.Add(dataset, step.Clone{Clones: []step.CloneTarget{{Snapshot: snapshot, Target: j.RootDataset()}}, Made: by})
	}
	write, data, err := j.newConfig(ctx, j.own().Clone(), set)
	if err != nil {
		return nil, err
	}
	print["configuration"] = digest(data)
	steps.Add(write)
	return j.createPlan("create", &steps, print)
}

// createPlan returns the plan of an operation that is undone as a whole.
func (j *Jail) createPlan(operation string, steps *step.List, print map[string]string) (*plan.Plan, error) {
	steps.Commit()
	return steps.Plan(operation, j.FullName(), print)
}

// properties returns what the options set in the new configuration.
func (o CreateOptions) properties() map[string]string {
	set := map[string]string{}
	if o.Basejail {
		set["basejail"] = "yes"
	}
	if o.BasejailType != "" {
		set["basejail_type"] = o.BasejailType
	}
	return set
}

// mustBeNew refuses a jail that exists, with a dataset mounted or not.
func (j *Jail) mustBeNew(ctx context.Context) error {
	if j.exists() {
		return ErrExists
	}
	return j.RequireNotExisting(ctx)
}

// parentSteps make the datasets that hold all jails, when this is the first.
func (j *Jail) parentSteps(ctx context.Context, by string) ([]plan.Step, error) {
	return step.CreateParents(ctx, j.host, by, j.parents()...)
}

// parents are the datasets that hold all jails.
func (j *Jail) parents() []string { return []string{j.source.Dataset, j.source.Jails()} }

// newConfig finishes the new jail's configuration: what the options set, and
// who it is and belongs to. libioc freezes the host's id and the derived UUID at
// creation. A UUID that the new jail's Spec asks for stays.
func (j *Jail) newConfig(ctx context.Context, own *config.Config, set map[string]string) (write step.WriteConfig, data []byte, err error) {
	set["id"] = j.Name()
	if set["hostid"], err = j.hostUUID(ctx); err != nil {
		return write, nil, err
	}
	if _, ok := own.GetString("host_hostuuid"); !ok {
		if set["host_hostuuid"], err = j.derivedUUID(ctx); err != nil {
			return write, nil, err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(set)) {
		if err := own.Set(key, set[key]); err != nil {
			return write, nil, fmt.Errorf("set %s: %w", key, err)
		}
	}
	if template, _ := key.Template.In(own); template {
		return write, nil, &config.PropertyError{Key: "template", Value: "yes", Reason: "create the jail, then call SetTemplate", Err: config.ErrInvalidValue}
	}
	if err := j.copy(func(is *state) { is.set(own) }).mayMountDevfs(); err != nil {
		return write, nil, err
	}
	if data, err = own.Encode(); err != nil {
		return write, nil, err
	}
	return step.WriteConfig{Dataset: j.Dataset(), File: own.Format().File(), Data: data, Keys: own.Keys()}, data, nil
}

// created makes the Jail, new or changed, into the one that is there now.
func (j *Jail) created() {
	ctx := context.Background()
	path, err := j.host.Mountpoint(ctx, j.Dataset())
	if err == nil {
		var own *config.Config
		own, err = j.read(ctx, path)
		j.publish(func(is *state) {
			if is.path = path; err == nil {
				is.own = own
			}
		})
	}
	if errors.Is(err, config.ErrNoConfig) {
		err = nil // an empty jail has none
	}
	if err != nil {
		j.host.Logger().Warn("read back the configuration", "jail", j.FullName(), "error", err)
	}
}
