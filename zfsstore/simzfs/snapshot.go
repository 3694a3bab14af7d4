package simzfs

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/zfsstore"
	"github.com/libioc/go-libioc/zfsstore/internal/cmdline"
	"github.com/libioc/go-libioc/zfsstore/internal/zfsname"
)

// newSnapshot takes a snapshot with its files.
func (c *change) newSnapshot(d *dataset, name string, txg uint64) (*snapshot, error) {
	s := &snapshot{of: d, snapshotRecord: snapshotRecord{
		ID: c.z.state.nextID(), Dataset: d.ID, Name: name, GUID: c.z.opts.NewGUID(), TXG: txg, Creation: c.z.opts.Clock().Unix(),
	}}
	if d.Type == zfsstore.Filesystem {
		if err := c.fill(d); err != nil {
			return nil, err
		}
		temp := c.z.disks[zfsname.Pool(d.Name)].temp(s.ID)
		if err := c.copyFiles(c.z.place(d), temp); err != nil {
			return nil, err
		}
		if err := c.show(s, temp); err != nil {
			return nil, err
		}
	}
	c.z.state.addSnapshot(s)
	c.touchSnapshot(s)
	return s, nil
}

// show moves the files of a new snapshot to where they are seen.
func (c *change) show(s *snapshot, files string) error {
	dir := c.z.snapshotDir(s)
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	if err := removeTree(dir); err != nil {
		return err
	}
	return c.z.disks[zfsname.Pool(s.of.Name)].rename(files, dir)
}

// dropSnapshot removes a snapshot, and its directory after the commit.
func (c *change) dropSnapshot(s *snapshot) {
	z := c.z
	z.state.removeSnapshot(s)
	c.gone(s.key())
	if s.of.Type != zfsstore.Filesystem {
		return
	}
	c.after = append(c.after, func() {
		if z.state.byID[s.of.ID] != s.of || s.of.snapshotNamed(s.Name) != nil {
			return
		}
		dir := z.snapshotDir(s)
		_ = removeTree(dir)
		os.Remove(filepath.Dir(dir))
		os.Remove(filepath.Dir(filepath.Dir(dir)))
	})
}

// moveSnapshot changes the name or dataset of a snapshot. Its directory follows
// after the commit; until then the record says where it was.
func (c *change) moveSnapshot(s *snapshot, to *dataset, name string) {
	z := c.z
	from := z.snapshotDir(s)
	s.WasDataset, s.WasName = s.of.ID, s.Name
	z.state.removeSnapshot(s)
	s.of, s.Dataset, s.Name = to, to.ID, name
	z.state.addSnapshot(s)
	c.touchSnapshot(s)
	if to.Type != zfsstore.Filesystem {
		return
	}
	c.after = append(c.after, func() {
		dir := z.snapshotDir(s)
		if os.MkdirAll(filepath.Dir(dir), 0o755) == nil && os.Rename(from, dir) == nil {
			z.stop("move")
			os.Remove(filepath.Dir(from))
			os.Remove(filepath.Dir(filepath.Dir(from)))
		}
	})
}

// snapshotName splits the name of a new snapshot, or refuses it.
func (c *change) snapshotName(name string) (of, snap string, err error) {
	if !strings.Contains(name, "@") {
		return "", "", c.missingSnapshotName()
	}
	if words := zfsname.Words(name, true); words != "" {
		return "", "", c.refuse(1, "cannot create snapshot '%s': %s", name, words)
	}
	of, snap = zfsname.Split(name)
	return of, snap, nil
}

// missingSnapshotName refuses a name without '@', to which zfs(8) answers with
// its usage text alone.
func (c *change) missingSnapshotName() error {
	return &zfsstore.Error{
		Op: c.op, Dataset: c.target, Args: c.args, ExitCode: 2, Err: zfsstore.ErrInvalidName,
		Stderr: "cannot " + c.op + " '" + c.target + "': missing '@' delimiter in snapshot name\n",
	}
}

// Snapshot implements Store.
func (z *Store) Snapshot(ctx context.Context, name string, opts zfsstore.SnapshotOptions) error {
	return z.do(ctx, name, cmdline.Snapshot(opts).Args(name), func(c *change) error {
		of, snap, err := c.snapshotName(name)
		if err != nil {
			return err
		}
		d := z.state.datasets[of]
		if d == nil {
			return c.refuse(2, "cannot open '%s': dataset does not exist", of)
		}
		normal, words := z.checkProperties(zfsstore.Snapshot, opts.Properties, true)
		if words != "" {
			return c.refuse(1, "cannot create snapshot '%s': %s", name, words)
		}
		targets := []*dataset{d}
		if opts.Recursive {
			targets = d.subtree()
		}
		for _, target := range targets {
			if target.snapshotNamed(snap) != nil {
				return c.refuse(1, "cannot create snapshot '%s@%s': dataset already exists", target.Name, snap)
			}
		}
		z.state.lastTXG++
		for _, target := range targets {
			s, err := c.newSnapshot(target, snap, z.state.lastTXG)
			if err != nil {
				return err
			}
			s.Local = merged(normal, nil)
		}
		return nil
	})
}

// Rollback implements Store.
func (z *Store) Rollback(ctx context.Context, name string, opts zfsstore.RollbackOptions) error {
	return z.do(ctx, name, cmdline.Rollback(opts).Args(name), func(c *change) error {
		d, s, err := c.open(name)
		if err != nil {
			return err
		}
		if d != nil {
			return c.refuse(1, "cannot open '%s': operation not applicable to datasets of this type", name)
		}
		d = s.of
		at := slices.Index(d.snapshots, s)
		newer := slices.Clone(d.snapshots[at+1:])
		var names, clones []string
		for _, n := range newer {
			names = append(names, n.name())
			for _, clone := range n.clones {
				clones = append(clones, clone.Name)
			}
		}
		slices.Sort(clones)
		switch {
		case len(newer) > 0 && !opts.Recent && !opts.Dependents:
			return c.refuse(1, "cannot rollback to '%s': more recent snapshots or bookmarks exist\n"+
				"use '-r' to force deletion of the following snapshots and bookmarks:\n%s", name, strings.Join(names, "\n"))
		case len(clones) > 0 && !opts.Dependents:
			return c.refuse(1, "cannot rollback to '%s': clones of previous snapshots exist\n"+
				"use '-R' to force deletion of the following clones and dependents:\n%s", name, strings.Join(clones, "\n"))
		}
		v := newVictims(c, true, opts.Force)
		v.single = true
		for _, n := range newer {
			v.visitSnapshot(n)
		}
		if err := v.destroy(); err != nil {
			return err
		}
		return c.replaceFiles(d, z.snapshotDir(s))
	})
}

// replaceFiles replaces the files of a file system by a copy of a directory. What
// is mounted below stays mounted.
func (c *change) replaceFiles(d *dataset, from string) error {
	if d.Type != zfsstore.Filesystem {
		return nil
	}
	z, k := c.z, c.z.disks[zfsname.Pool(d.Name)]
	defer func() {
		if d.ReadOnly != "" {
			d.ReadOnly = z.filesOf(d) // not written, but replaced
		}
	}()
	rolled := k.rolled(d.ID)
	if err := c.copyFiles(from, rolled); err != nil {
		return err
	}
	events := len(c.events)
	var stacked []*dataset
	if d.MountedAt != "" {
		for _, other := range z.byMountOrder() {
			if other == d || other.MountSeq > d.MountSeq && below(other.MountedAt, d.MountedAt) {
				stacked = append(stacked, other)
			}
		}
	}
	paths := make([]string, len(stacked))
	for i, other := range slices.Backward(stacked) {
		paths[i] = other.MountedAt
		if err := c.unmount(other); err != nil {
			return err
		}
	}
	if err := c.swap(k, d, rolled); err != nil {
		return err
	}
	for i, other := range stacked {
		c.touch(other)
		z.state.lastMount++
		if err := z.disks[zfsname.Pool(other.Name)].attach(other.ID, paths[i], z.state.lastMount); err != nil {
			return err
		}
		z.state.setMounted(other, paths[i], z.state.lastMount)
	}
	c.events = c.events[:events]
	return nil
}

// swap replaces the files of an unmounted dataset, but keeps its snapshots.
func (c *change) swap(k *disk, d *dataset, rolled string) error {
	files, old := k.files(d.ID), k.temp(d.ID)
	d.Pristine = false
	c.touch(d)
	if control := filepath.Join(files, controlDir); exists(control) {
		if err := k.rename(control, filepath.Join(rolled, controlDir)); err != nil {
			return err
		}
	}
	if err := removeTree(old); err != nil {
		return err
	}
	if exists(files) {
		if err := k.rename(files, old); err != nil {
			return err
		}
	}
	if err := k.rename(rolled, files); err != nil {
		return err
	}
	c.after = append(c.after, func() { _ = removeTree(old) })
	return nil
}

// Hold implements Store.
func (z *Store) Hold(ctx context.Context, name, tag string, recursive bool) error {
	return z.do(ctx, name, cmdline.Hold("hold", name, tag, recursive), func(c *change) error {
		held, err := c.named(name, recursive)
		if err != nil {
			return err
		}
		held = slices.DeleteFunc(held, func(s *snapshot) bool { return s == nil })
		if len(held) == 0 {
			return c.refuse(1, "cannot hold snapshot '%s': dataset does not exist", name)
		}
		for _, s := range held {
			if slices.Contains(s.Holds, tag) {
				return c.refuse(1, "cannot hold snapshot '%s': tag already exists on this dataset", s.name())
			}
		}
		for _, s := range held {
			s.Holds = append(slices.Clone(s.Holds), tag)
			c.touchSnapshot(s)
		}
		return nil
	})
}

// Release implements Store.
func (z *Store) Release(ctx context.Context, name, tag string, recursive bool) error {
	return z.do(ctx, name, cmdline.Hold("release", name, tag, recursive), func(c *change) error {
		held, err := c.named(name, recursive)
		if err != nil {
			return err
		}
		// As in ZFS, the words are about the last one that could not be released.
		words := ""
		held = slices.DeleteFunc(held, func(s *snapshot) bool {
			switch {
			case s == nil:
				words = "dataset does not exist"
			case !slices.Contains(s.Holds, tag):
				words = "no such tag on this dataset"
			default:
				return false
			}
			return true
		})
		if len(held) == 0 {
			return c.refuse(1, "cannot release hold from snapshot '%s': %s", name, words)
		}
		for _, s := range held {
			s.Holds = slices.DeleteFunc(slices.Clone(s.Holds), func(t string) bool { return t == tag })
			c.touchSnapshot(s)
			if s.Deferred && len(s.Holds) == 0 && len(s.clones) == 0 {
				c.dropSnapshot(s)
			}
		}
		return nil
	})
}

// named returns the snapshot of that name and, if recursive, those of the same
// name below, with a nil for each dataset that lacks one.
func (c *change) named(name string, recursive bool) (all []*snapshot, err error) {
	of, snap, ok := strings.Cut(name, "@")
	if !ok {
		return nil, c.missingSnapshotName()
	}
	d, _, err := c.open(of)
	if err != nil {
		return nil, err
	}
	targets := []*dataset{d}
	if recursive {
		targets = d.subtree()
	}
	for _, target := range targets {
		all = append(all, target.snapshotNamed(snap))
	}
	return all, nil
}
