package jail

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/zfsstore"
)

// TemplateOptions say what SetTemplate makes of a jail.
type TemplateOptions struct {
	Template bool
	Busy     Busy
}

// SetTemplate makes a stopped jail a template, or a template a jail. A template
// is not started and its root is read-only, so that what jails are made from
// does not change unnoticed. It stays in the dataset of jails, unlike iocage's.
// Jails that were made from it stay what they are. A jail that is so already
// takes no step.
//
// Errors: ErrNotFound, ErrRunning, ErrBusy.
func (j *Jail) SetTemplate(ctx context.Context, o TemplateOptions) ([]events.IocEvent, error) {
	return j.Generator().SetTemplate(o).Run(ctx)
}

// SetTemplate returns the operation that [Jail.SetTemplate] runs.
func (g *JailGenerator) SetTemplate(o TemplateOptions) *Operation {
	j := g.of()
	return &Operation{
		jail: j, name: "set template", event: events.JailTemplate{Jail: j.FullName(), Template: o.Template}, busy: o.Busy,
		steps: func(ctx context.Context, now *Jail, l *step.List) error { return now.templateSteps(ctx, l, o) },
		after: j.created,
	}
}

func (j *Jail) templateSteps(ctx context.Context, l *step.List, o TemplateOptions) error {
	if err := j.RequireStopped(ctx); err != nil {
		return err
	}
	own := j.own().Clone()
	if key.Template.Of(j.Effective()) != o.Template {
		l.Fail(own.Set("template", yesNo(o.Template)))
	}
	if !o.Template {
		l.Fail(noTemplateType(own))
	}
	l.Append(j.saveSteps(own, ""))
	l.Fail(j.readonlySteps(ctx, l, o.Template))
	l.Commit()
	return nil
}

// noTemplateType corrects the type by which iocage knows a template.
func noTemplateType(own *config.Config) error {
	if kind, _ := own.Raw("type"); kind != "template" {
		return nil
	}
	return own.SetRaw("type", "jail")
}

// templateChange does for a jail that becomes a template, or is one no longer, what
// SetTemplate does besides saving the configuration. Was is the configuration before.
func (j *Jail) templateChange(ctx context.Context, l *step.List, was config.Effective) {
	template := key.Template.Of(j.Effective())
	if key.Template.Of(was) == template {
		return
	}
	l.Fail(j.RequireStopped(ctx))
	l.Fail(j.readonlySteps(ctx, l, template))
}

// readonlySteps make the root of a template read-only, and that of another jail what it
// inherits.
func (j *Jail) readonlySteps(ctx context.Context, l *step.List, template bool) error {
	d, err := j.host.Store.Get(ctx, j.RootDataset(), zfsstore.GetOptions{Properties: []string{"readonly"}})
	if errors.Is(err, zfsstore.ErrNotFound) {
		err = fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	if err != nil {
		return err
	}
	root := step.SetProperties{Dataset: j.RootDataset()}
	switch now := d.Properties["readonly"]; {
	case template && (now.Value != "on" || now.Source != zfsstore.SourceLocal):
		root.Set = map[string]string{"readonly": "on"}
		l.Add(root)
	case !template && now.Source == zfsstore.SourceLocal:
		root.Inherit = []string{"readonly"}
		l.Add(root)
	}
	return nil
}

// planTemplate plans a create from a template.
func (j *Jail) planTemplate(ctx context.Context, o CreateOptions) (*plan.Plan, error) {
	from, err := Load(ctx, j.host, o.Template)
	if err != nil {
		return nil, err
	}
	if err := from.RequireTemplate(); err != nil {
		return nil, &Error{"create from", from.FullName(), err}
	}
	source, err := j.cloneSource(ctx, from.RootDataset(), "")
	if err != nil {
		return nil, err
	}
	own, err := j.inherit(from.own(), from)
	if err != nil {
		return nil, err
	}
	if own.Format() != config.JSON {
		if own, _, err = own.Convert(config.JSON); err != nil {
			return nil, err
		}
	}
	write, data, err := j.newConfig(ctx, own, o.properties())
	if err != nil {
		return nil, err
	}
	by := j.madeBy()
	var steps step.List
	steps.Append(j.parentSteps(ctx, by))
	steps.Add(
		step.CreateDataset{Dataset: j.Dataset(), Mode: fs.FileMode(0o700), Made: by, Parents: j.parents()},
		source.take(by), source.clone(j.RootDataset(), by), write, source.forget(by))
	return j.createPlan("create", &steps, map[string]string{
		"template": source.guid, "snapshot": source.snapshot, "configuration": digest(data),
	})
}

// identity are the properties that belong to one jail alone: they are not taken
// over by a jail that is made from it. So are MAC addresses, NIC_mac: two jails
// with the same take each other's packets.
var identity = []string{"id", "name", "uuid", "hostid", "host_hostuuid", "template", "last_started"}

// inherit returns the configuration of another jail, without its identity, with what
// this new jail's Spec sets over it.
//
// What another program has written is migrated first: with this jail's id it becomes
// libioc's, whose words mean other things.
func (j *Jail) inherit(own *config.Config, from *Jail) (*config.Config, error) {
	own = own.Clone()
	if own.Dialect() != config.Libioc {
		pool, _, _ := strings.Cut(from.source.Dataset, "/")
		own, _ = own.Migrate(config.MigrateOptions{Pool: pool, Defaults: from.defaults})
	}
	for _, key := range identity {
		own.Unset(key)
	}
	for _, key := range own.Keys() {
		if strings.HasSuffix(key, "_mac") {
			own.Unset(key)
		}
	}
	if err := noTemplateType(own); err != nil {
		return nil, err
	}
	for _, key := range j.own().Keys() {
		text, _ := j.own().Raw(key)
		if err := own.Set(key, text); err != nil {
			return nil, err
		}
	}
	return own, nil
}

// cloneSource is a tree of datasets and the snapshot it is cloned from.
type cloneSource struct {
	dataset  string
	snapshot string // its name after the @
	taken    bool   // it exists
	guid     string // of the dataset, and of a taken snapshot
	clones   []string
}

// cloneSource looks at the tree at and below a dataset. Without a snapshot's
// name it finds one that nothing in the tree has.
func (j *Jail) cloneSource(ctx context.Context, dataset, snapshot string) (*cloneSource, error) {
	if pool(dataset) != pool(j.source.Dataset) {
		return nil, &zfsstore.Error{Op: "clone", Dataset: dataset, Err: zfsstore.ErrCrossPool}
	}
	tree, err := j.tree(ctx, dataset, step.BaseProperty)
	if err != nil {
		return nil, err
	}
	s := &cloneSource{dataset: dataset, snapshot: snapshot, taken: snapshot != "", guid: tree.guid(dataset)}
	if !s.taken {
		s.snapshot = tree.freeName("ioc-clone-" + j.Name())
		s.clones = tree.lasting().datasets()
		return s, nil
	}
	if _, ok := tree.find(dataset + "@" + snapshot); !ok {
		return nil, &SnapshotError{Jail: dataset, Snapshot: snapshot, Err: ErrSnapshotNotFound}
	}
	for _, name := range tree.lasting().datasets() {
		if _, ok := tree.find(name + "@" + snapshot); ok {
			s.clones = append(s.clones, name)
		}
	}
	s.guid += " " + tree.guid(dataset+"@"+snapshot)
	return s, nil
}

func (s *cloneSource) take(by string) step.Snapshot {
	return step.Snapshot{Snapshot: s.dataset + "@" + s.snapshot, Recursive: true, Made: by}
}

// forget lets the snapshot go with its last clone.
func (s *cloneSource) forget(by string) step.ForgetSnapshot {
	return step.ForgetSnapshot{Snapshot: s.dataset + "@" + s.snapshot, Recursive: true, Made: by}
}

// clone makes the tree anew at target.
func (s *cloneSource) clone(target, by string) step.Clone {
	a := step.Clone{Made: by}
	for _, name := range s.clones {
		a.Clones = append(a.Clones, step.CloneTarget{Snapshot: name + "@" + s.snapshot, Target: target + strings.TrimPrefix(name, s.dataset)})
	}
	return a
}
