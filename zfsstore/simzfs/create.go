package simzfs

import (
	"context"
	"os"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/zfsstore"
	"github.com/libioc/go-libioc/zfsstore/internal/cmdline"
	"github.com/libioc/go-libioc/zfsstore/internal/zfsname"
	"github.com/libioc/go-libioc/zfsstore/internal/zfsprop"
)

// newDataset makes a dataset's record, with an empty directory for a file
// system.
func (c *change) newDataset(name string, t zfsstore.Type) *dataset {
	s := &c.z.state
	s.lastTXG++
	d := &dataset{datasetRecord: datasetRecord{
		ID: s.nextID(), Name: name, Type: t, GUID: c.z.opts.NewGUID(), TXG: s.lastTXG, Creation: c.z.opts.Clock().Unix(),
	}}
	s.add(d)
	c.touch(d)
	return d
}

// makeFiles makes the empty directory of a new file system.
func (c *change) makeFiles(d *dataset) error {
	files := c.z.disks[zfsname.Pool(d.Name)].files(d.ID)
	if err := removeTree(files); err != nil {
		return err
	}
	return os.Mkdir(files, 0o755)
}

// room checks that a dataset can be made at name, and makes its ancestors if
// parents is set. It answers with the words and exit status of zfs-create.
func (c *change) room(name string, parents bool) error {
	z := c.z
	if words := zfsname.Words(name, false); words != "" {
		return c.refuse(1, "cannot create '%s': %s", name, words)
	}
	if z.state.datasets[zfsname.Pool(name)] == nil {
		return c.refuse(1, "cannot create '%s': no such pool '%s'", name, zfsname.Pool(name))
	}
	parent := zfsname.Parent(name)
	if parent == "" {
		return c.refuse(1, "cannot create '%s': missing dataset name", name)
	}
	for up := parent; up != ""; up = zfsname.Parent(up) {
		d := z.state.datasets[up]
		switch {
		case d == nil && !parents:
			return c.refuse(1, "cannot create '%s': parent does not exist", name)
		case d == nil:
			continue
		case d.Type != zfsstore.Filesystem:
			return c.refuse(1, "cannot create '%s': parent is not a filesystem", name)
		}
		break
	}
	if z.state.datasets[name] != nil {
		return c.refuse(1, "cannot create '%s': dataset already exists", name)
	}
	return nil
}

// ancestors makes the missing ancestors of name.
func (c *change) ancestors(name string) error {
	for i, char := range name {
		if char != '/' || c.z.state.datasets[name[:i]] != nil {
			continue
		}
		d := c.newDataset(name[:i], zfsstore.Filesystem)
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
func (z *Store) Create(ctx context.Context, name string, opts zfsstore.CreateOptions) error {
	return z.do(ctx, name, cmdline.Create(opts).Args(name), func(c *change) error {
		if d := z.state.datasets[name]; d != nil && opts.Parents && strings.Contains(name, "/") {
			return nil
		}
		if err := c.room(name, opts.Parents); err != nil {
			return err
		}
		t := zfsstore.Filesystem
		if opts.VolumeSize != 0 {
			t = zfsstore.Volume
		}
		normal, words := z.checkProperties(t, opts.Properties, true)
		if words != "" {
			return c.refuse(1, "cannot create '%s': %s", name, words)
		}
		quota, _ := zfsprop.ParseSize(normal["quota"])
		if quota != 0 && quota < nominalUsed || opts.VolumeSize > z.poolSize(zfsname.Pool(name)) {
			return c.refuse(1, "cannot create '%s': out of space", name)
		}
		if err := c.ancestors(name); err != nil {
			return err
		}
		d := c.newDataset(name, t)
		d.Local, d.VolSize = normal, opts.VolumeSize
		if t == zfsstore.Volume {
			return nil
		}
		if err := c.makeFiles(d); err != nil {
			return err
		}
		z.stop("create")
		if opts.NoMount {
			return nil
		}
		return c.mountNew(d)
	})
}

// Clone implements Store.
func (z *Store) Clone(ctx context.Context, source, target string, opts zfsstore.CloneOptions) error {
	return z.do(ctx, target, cmdline.Clone(opts).Args(source, target), func(c *change) error {
		d, s, err := c.open(source)
		if err != nil {
			return err
		}
		if d != nil {
			return c.refuse(1, "cannot open '%s': missing '@' delimiter in snapshot name", source)
		}
		if z.state.datasets[target] != nil && opts.Parents {
			return nil
		}
		if err := c.room(target, opts.Parents); err != nil {
			return err
		}
		if zfsname.Pool(target) != zfsname.Pool(source) {
			return c.refuse(1, "cannot create '%s': source and target pools differ", target)
		}
		normal, words := z.checkProperties(s.of.Type, opts.Properties, true)
		if words != "" {
			return c.refuse(1, "cannot create '%s': %s", target, words)
		}
		if err := c.ancestors(target); err != nil {
			return err
		}
		clone := c.newDataset(target, s.of.Type)
		clone.Local, clone.VolSize = normal, s.of.VolSize
		clone.Origin, clone.Pristine = s.ID, clone.Type == zfsstore.Filesystem
		s.clones[clone.ID] = clone
		return c.mountNew(clone)
	})
}

// Promote implements Store.
func (z *Store) Promote(ctx context.Context, name string) error {
	return z.do(ctx, name, []string{"promote", name}, func(c *change) error {
		d, s, err := c.open(name)
		if err != nil {
			return err
		}
		if s != nil {
			return c.refuse(1, "cannot open '%s': operation not applicable to datasets of this type", name)
		}
		origin := z.state.snapshots[d.Origin]
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
		if above := z.state.snapshots[d.Origin]; above != nil {
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
