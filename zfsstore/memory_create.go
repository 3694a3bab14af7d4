package zfsstore

import (
	"context"
	"os"
	"slices"
	"strings"
)

// newDataset makes a dataset's record, with an empty directory for a file
// system.
func (c *change) newDataset(name string, t Type) *dataset {
	s := &c.m.state
	s.lastTXG++
	d := &dataset{datasetRecord: datasetRecord{
		ID: s.nextID(), Name: name, Type: t, GUID: c.m.opts.NewGUID(), TXG: s.lastTXG, Creation: c.m.opts.Clock().Unix(),
	}}
	s.add(d)
	c.touch(d)
	return d
}

// makeFiles makes the empty directory of a new file system.
func (c *change) makeFiles(d *dataset) error {
	files := c.m.disks[poolName(d.Name)].files(d.ID)
	if err := removeTree(files); err != nil {
		return err
	}
	return os.Mkdir(files, 0o755)
}

// room checks that a dataset can be made at name, and makes its ancestors if
// parents is set. It answers with the words and exit status of zfs-create.
func (c *change) room(name string, parents bool) error {
	m := c.m
	if words := nameWords(name, false); words != "" {
		return c.refuse(1, "cannot create '%s': %s", name, words)
	}
	if m.state.datasets[poolName(name)] == nil {
		return c.refuse(1, "cannot create '%s': no such pool '%s'", name, poolName(name))
	}
	parent := parentName(name)
	if parent == "" {
		return c.refuse(1, "cannot create '%s': missing dataset name", name)
	}
	for up := parent; up != ""; up = parentName(up) {
		d := m.state.datasets[up]
		switch {
		case d == nil && !parents:
			return c.refuse(1, "cannot create '%s': parent does not exist", name)
		case d == nil:
			continue
		case d.Type != Filesystem:
			return c.refuse(1, "cannot create '%s': parent is not a filesystem", name)
		}
		break
	}
	if m.state.datasets[name] != nil {
		return c.refuse(1, "cannot create '%s': dataset already exists", name)
	}
	return nil
}

// ancestors makes the missing ancestors of name.
func (c *change) ancestors(name string) error {
	for i, char := range name {
		if char != '/' || c.m.state.datasets[name[:i]] != nil {
			continue
		}
		d := c.newDataset(name[:i], Filesystem)
		if err := c.makeFiles(d); err != nil {
			return err
		}
		if err := c.mountNew(d); err != nil {
			return err
		}
	}
	return nil
}

// Create implements Store.
func (m *Memory) Create(ctx context.Context, name string, opts CreateOptions) error {
	return m.do(ctx, name, createArgs(name, opts), func(c *change) error {
		if d := m.state.datasets[name]; d != nil && opts.Parents && strings.Contains(name, "/") {
			return nil
		}
		if err := c.room(name, opts.Parents); err != nil {
			return err
		}
		t := Filesystem
		if opts.VolumeSize != 0 {
			t = Volume
		}
		normal, words := m.checkProperties(t, opts.Properties, true)
		if words != "" {
			return c.refuse(1, "cannot create '%s': %s", name, words)
		}
		quota, _ := parseSize(normal["quota"])
		if quota != 0 && quota < nominalUsed || opts.VolumeSize > m.poolSize(poolName(name)) {
			return c.refuse(1, "cannot create '%s': out of space", name)
		}
		if err := c.ancestors(name); err != nil {
			return err
		}
		d := c.newDataset(name, t)
		d.Local, d.VolSize = normal, opts.VolumeSize
		if t == Volume {
			return nil
		}
		if err := c.makeFiles(d); err != nil {
			return err
		}
		m.stop("create")
		if opts.NoMount {
			return nil
		}
		return c.mountNew(d)
	})
}

// Clone implements Store.
func (m *Memory) Clone(ctx context.Context, source, target string, opts CloneOptions) error {
	return m.do(ctx, target, cloneArgs(source, target, opts), func(c *change) error {
		d, s, err := c.open(source)
		if err != nil {
			return err
		}
		if d != nil {
			return c.refuse(1, "cannot open '%s': missing '@' delimiter in snapshot name", source)
		}
		if m.state.datasets[target] != nil && opts.Parents {
			return nil
		}
		if err := c.room(target, opts.Parents); err != nil {
			return err
		}
		if poolName(target) != poolName(source) {
			return c.refuse(1, "cannot create '%s': source and target pools differ", target)
		}
		normal, words := m.checkProperties(s.of.Type, opts.Properties, true)
		if words != "" {
			return c.refuse(1, "cannot create '%s': %s", target, words)
		}
		if err := c.ancestors(target); err != nil {
			return err
		}
		clone := c.newDataset(target, s.of.Type)
		clone.Local, clone.VolSize = normal, s.of.VolSize
		clone.Origin, clone.Pristine = s.ID, clone.Type == Filesystem
		s.clones[clone.ID] = clone
		return c.mountNew(clone)
	})
}

// Promote implements Store.
func (m *Memory) Promote(ctx context.Context, name string) error {
	return m.do(ctx, name, []string{"promote", name}, func(c *change) error {
		d, s, err := c.open(name)
		if err != nil {
			return err
		}
		if s != nil {
			return c.refuse(1, "cannot open '%s': operation not applicable to datasets of this type", name)
		}
		origin := m.state.snapshots[d.Origin]
		if origin == nil {
			return c.refuse(1, "cannot promote '%s': not a cloned filesystem", name)
		}
		former := origin.of
		var moving []*snapshot
		for _, snap := range slices.Backward(former.snapshots) {
			if snap.TXG > origin.TXG {
				continue
			}
			if d.snapshotNamed(snap.Name) != nil {
				return c.refuse(1, "cannot promote '%s': conflicting snapshot '%s' from parent '%s'", name, snap.Name, origin.name())
			}
			moving = append(moving, snap)
		}
		slices.Reverse(moving)
		if err := c.fill(d); err != nil {
			return err
		}
		for _, snap := range moving {
			c.moveSnapshot(snap, d, snap.Name)
		}
		delete(origin.clones, d.ID)
		d.Origin = former.Origin
		if above := m.state.snapshots[d.Origin]; above != nil {
			delete(above.clones, former.ID)
			above.clones[d.ID] = d
		}
		former.Origin = origin.ID
		origin.clones[former.ID] = former
		c.touch(d)
		c.touch(former)
		return nil
	})
}
