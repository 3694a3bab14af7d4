package simzfs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/zfsstore"
	"github.com/libioc/go-libioc/zfsstore/internal/cmdline"
	"github.com/libioc/go-libioc/zfsstore/internal/zfsname"
)

// victims are what a destroy removes, in order: children before parents,
// clones before the snapshots they came from.
type victims struct {
	c      *change
	clones bool // destroy clones outside the subtree too
	force  bool
	single bool   // snapshots go one by one, as zfs-rollback destroys them
	within string // clones in this subtree go before their snapshots, zfs_iter_dependents
	list   []victim
	seen   map[any]bool
}

type victim struct {
	d *dataset
	s *snapshot // nil: the dataset itself
}

func newVictims(c *change, clones, force bool) *victims {
	return &victims{c: c, clones: clones, force: force, seen: make(map[any]bool)}
}

func (v *victims) visit(d *dataset) {
	if v.seen[d] {
		return
	}
	v.seen[d] = true
	for _, child := range d.sortedChildren() {
		v.visit(child)
	}
	for _, s := range d.snapshots {
		v.visitSnapshot(s)
	}
	v.list = append(v.list, victim{d: d})
}

func (v *victims) visitSnapshot(s *snapshot) {
	if v.seen[s] {
		return
	}
	v.seen[s] = true
	for _, clone := range sortedClones(s) {
		if v.clones || v.within != "" && strings.HasPrefix(clone.Name, v.within+"/") {
			v.visit(clone)
		}
	}
	v.list = append(v.list, victim{d: s.of, s: s})
}

func sortedClones(s *snapshot) []*dataset {
	var all []*dataset
	for _, clone := range s.clones {
		all = append(all, clone)
	}
	slices.SortFunc(all, func(a, b *dataset) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// outsiders returns the clones of victims that are not victims themselves.
func (v *victims) outsiders() []string {
	var names []string
	for _, one := range v.list {
		if one.s == nil {
			continue
		}
		for _, clone := range sortedClones(one.s) {
			if !v.seen[clone] {
				names = append(names, clone.Name)
			}
		}
	}
	return names
}

// destroy removes the victims. Like zfs-destroy it continues after one that is
// busy, and fails at the end. Snapshots without a dataset between them are
// destroyed in one batch, all or none, and a dataset is kept if the batch before
// it was.
func (v *victims) destroy() error {
	c := v.c
	var failures []string
	var first error
	failed := func(err error) error {
		refusal, ok := errors.AsType[*zfsstore.Error](err)
		if !ok {
			return err
		}
		failures = append(failures, strings.TrimSuffix(refusal.Stderr, "\n"))
		if first == nil {
			first = err
		}
		return nil
	}
	var batch []*snapshot
	flush := func() (done bool, err error) {
		done = true
		for _, s := range batch {
			if refusal := c.indestructible(s); refusal != nil {
				done = false
				if err := failed(refusal); err != nil {
					return false, err
				}
			}
		}
		for _, s := range batch {
			if done && c.z.state.snapshots[s.ID] == s {
				c.dropSnapshot(s)
			}
		}
		batch = nil
		return done, nil
	}
	for _, one := range v.list {
		if one.s != nil {
			batch = append(batch, one.s)
			if !v.single {
				continue
			}
		}
		done, err := flush()
		if err == nil && done && one.s == nil {
			if refusal := c.destroyDataset(one.d, v.force); refusal != nil {
				err = failed(refusal)
			}
		}
		if err != nil {
			return err
		}
	}
	if _, err := flush(); err != nil {
		return err
	}
	if len(failures) > 1 {
		return c.refuse(1, "%s", strings.Join(failures, "\n"))
	}
	return first
}

// indestructible returns the refusal to destroy a snapshot, or nil.
func (c *change) indestructible(s *snapshot) error {
	z := c.z
	if z.state.snapshots[s.ID] != s {
		return nil // deferred, and destroyed with its last clone
	}
	switch {
	case len(s.Holds) > 0:
		words := z.rules.HeldWords
		if strings.Contains(words, "%s") {
			words = fmt.Sprintf(words, s.name())
		}
		return c.refuse(1, "cannot destroy snapshot %s: %s", s.name(), words)
	case len(s.clones) > 0:
		return c.refuse(1, "cannot destroy snapshot %s: snapshot is cloned", s.name())
	case s.sending > 0,
		s.of.MountedAt != "" && s.of.Type == zfsstore.Filesystem && z.opts.Busy != nil && z.opts.Busy(s.visible()):
		return c.refuse(1, "cannot destroy snapshot %s: dataset is busy", s.name())
	}
	return nil
}

// visible returns the path at which the snapshot of a mounted dataset is seen.
func (s *snapshot) visible() string {
	return strings.Join([]string{s.of.MountedAt, controlDir, "snapshot", s.Name}, "/")
}

func (c *change) destroyDataset(d *dataset, force bool) error {
	z := c.z
	if len(d.snapshots) > 0 {
		return nil // an earlier batch reported why they were kept
	}
	if d.MountedAt != "" {
		if err := c.busy(d, force, nil); err != nil {
			return err
		}
	}
	if len(d.children) > 0 {
		return c.refuse(1, "cannot destroy '%s': dataset already exists", d.Name) // EEXIST, of dsl_destroy_head_check
	}
	c.vacate(d)
	if d.MountedAt != "" {
		if err := c.unmount(d); err != nil {
			return err
		}
	}
	origin := z.state.snapshots[d.Origin]
	z.state.remove(d)
	c.gone(d.key())
	if d.Type == zfsstore.Filesystem {
		files := z.disks[zfsname.Pool(d.Name)].files(d.ID)
		c.after = append(c.after, func() { _ = removeTree(files) })
	}
	if origin != nil && origin.Deferred && len(origin.clones) == 0 && len(origin.Holds) == 0 {
		c.dropSnapshot(origin)
	}
	return nil
}

// program destroys the victims as the program of zfsstore.Exec does: nothing is
// unmounted, and the first refusal is the end.
func (v *victims) program() error {
	c := v.c
	for _, one := range v.list {
		if one.s != nil && len(one.s.Holds)+one.s.sending > 0 || one.s == nil && len(one.d.snapshots) == 0 && one.d.MountedAt != "" {
			return c.refuse(1, "cannot destroy '%s': dataset is busy", one.name())
		}
	}
	for _, one := range v.list {
		switch {
		case one.s == nil && one.d.MountedAt != "":
			return c.refuse(1, "cannot destroy '%s': dataset is busy", one.name())
		case one.s == nil:
			if err := c.destroyDataset(one.d, false); err != nil {
				return err
			}
		case c.z.state.snapshots[one.s.ID] == one.s: // not gone with its last clone
			c.dropSnapshot(one.s)
		}
	}
	return nil
}

func (one victim) name() string {
	if one.s != nil {
		return one.s.name()
	}
	return one.d.Name
}

// Destroy implements Store.
func (z *Store) Destroy(ctx context.Context, name string, opts zfsstore.DestroyOptions) error {
	args := cmdline.Destroy(opts).Args(name)
	c := &change{z: z, ctx: ctx, op: "destroy", target: name, args: append([]string{"zfs"}, args...)}
	return z.run(c, func(c *change) error {
		if of, snap := zfsname.Split(name); snap != "" {
			if opts.GUID != 0 {
				return c.refuse(-1, "cannot destroy '%s': invalid character @ in name", name)
			}
			return c.destroyNamed(name, of, snap, opts)
		}
		d, _, err := c.open(name)
		if err != nil {
			return err
		}
		if opts.GUID != 0 && d.GUID != opts.GUID {
			return c.refuse(1, "cannot destroy '%s': another dataset has this name", name)
		}
		recursive := opts.Recursive || opts.Dependents
		if d.parent == nil && !recursive {
			return c.refuse(1, "cannot destroy '%s': operation does not apply to pools\n"+
				"use 'zfs destroy -r %s' to destroy all datasets in the pool\n"+
				"use 'zpool destroy %s' to destroy the pool itself", name, name, name)
		}
		v := newVictims(c, opts.Dependents, opts.Force)
		v.within = name
		v.visit(d)
		if !recursive && len(v.list) > 1 {
			return c.refuse(1, "cannot destroy '%s': %s has children\nuse '-r' to destroy the following datasets:\n%s",
				name, d.Type, strings.Join(v.names(d), "\n"))
		}
		if clones := v.outsiders(); len(clones) > 0 {
			return c.refuse(1, "cannot destroy '%s': %s has dependent clones\nuse '-R' to destroy the following datasets:\n%s",
				name, d.Type, strings.Join(clones, "\n"))
		}
		if d.parent == nil {
			// The root of a pool is kept; its datasets and snapshots are destroyed.
			v.list = slices.DeleteFunc(v.list, func(one victim) bool { return one.d == d && one.s == nil })
		}
		if opts.GUID != 0 {
			return v.program()
		}
		return v.destroy()
	})
}

// names returns the victims except the dataset that was named.
func (v *victims) names(asked *dataset) []string {
	var names []string
	for _, one := range v.list {
		if one.s != nil || one.d != asked {
			names = append(names, one.name())
		}
	}
	return names
}

// destroyNamed destroys a snapshot, or those of one name in a subtree.
func (c *change) destroyNamed(name, of, snap string, opts zfsstore.DestroyOptions) error {
	if words := zfsname.Words(name, true); words != "" {
		return c.refuse(1, "cannot destroy '%s': %s", name, words)
	}
	d := c.z.state.datasets[of]
	if d == nil {
		return c.refuse(1, "cannot open '%s': dataset does not exist", of)
	}
	targets := []*dataset{d}
	if opts.Recursive || opts.Dependents {
		targets = d.subtree()
	}
	v := newVictims(c, opts.Dependents, opts.Force)
	for _, target := range targets {
		if s := target.snapshotNamed(snap); s != nil {
			v.visitSnapshot(s)
		}
	}
	if len(v.list) == 0 {
		return c.refuse(1, "could not find any snapshots to destroy; check snapshot names.")
	}
	if opts.Defer {
		return c.deferAll(v)
	}
	if clones := v.outsiders(); len(clones) > 0 {
		return c.refuse(1, "cannot destroy '%s': snapshot has dependent clones\nuse '-R' to destroy the following datasets:\n%s",
			name, strings.Join(clones, "\n"))
	}
	return v.destroy()
}

// deferAll destroys the snapshots now or with their last clone or hold.
func (c *change) deferAll(v *victims) error {
	for _, one := range v.list {
		if len(one.s.clones) == 0 && len(one.s.Holds) == 0 {
			if err := c.indestructible(one.s); err != nil {
				return err
			}
			c.dropSnapshot(one.s)
			continue
		}
		one.s.Deferred = true
		c.touchSnapshot(one.s)
	}
	return nil
}
