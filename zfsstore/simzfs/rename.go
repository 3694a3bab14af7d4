package simzfs

import (
	"context"
	"strings"

	"github.com/libioc/go-libioc/zfsstore"
	"github.com/libioc/go-libioc/zfsstore/internal/cmdline"
	"github.com/libioc/go-libioc/zfsstore/internal/zfsname"
)

// Rename implements Store.
func (z *Store) Rename(ctx context.Context, from, to string, opts zfsstore.RenameOptions) error {
	return z.do(ctx, from, cmdline.Rename(opts).Args(from, to), func(c *change) error {
		d, s, err := c.open(from)
		if err != nil {
			return err
		}
		if s != nil {
			return c.renameSnapshot(s, from, to, opts)
		}
		if words := zfsname.Words(to, false); words != "" {
			return c.refuse(1, "cannot rename to '%s': %s", to, words)
		}
		if d.parent == nil {
			return c.refuse(1, "cannot rename '%s': operation does not apply to pools", from)
		}
		switch err := c.room(to, opts.Parents); {
		case z.state.datasets[to] != nil:
			return c.refuse(1, "cannot rename '%s': dataset already exists", from)
		case strings.HasPrefix(to, from+"/"):
			return c.refuse(1, "cannot rename to '%s': New dataset name cannot be a descendant of current dataset name", to)
		case err != nil:
			return err
		case zfsname.Pool(to) != zfsname.Pool(from):
			return c.refuse(1, "cannot rename to '%s': datasets must be within same pool", to)
		}
		// Everything is checked before the ancestors are made.
		set := z.inheriting(d, "mountpoint")
		if opts.NoUnmount {
			set = nil
		}
		if _, err := c.mountedOf(set, opts.Force); err != nil {
			return err
		}
		if err := c.ancestors(to); err != nil {
			return err
		}
		move := func() { c.moveDataset(d, to) }
		return c.remount(set, opts.Force, move, func(*dataset) bool { return false })
	})
}

// moveDataset renames a subtree.
func (c *change) moveDataset(d *dataset, to string) {
	from := d.Name
	all := d.subtree()
	for i := len(all) - 1; i >= 0; i-- {
		c.z.state.unlink(all[i])
	}
	for _, one := range all {
		one.Name = to + one.Name[len(from):]
		one.count = 1
		c.z.state.link(one)
		c.touch(one)
	}
}

// renameSnapshot renames a snapshot, or all of that name in a subtree.
func (c *change) renameSnapshot(s *snapshot, from, to string, opts zfsstore.RenameOptions) error {
	of, name := zfsname.Split(to)
	if !strings.ContainsAny(to, "@/") {
		of, name = s.of.Name, to // zfs-rename accepts the new name alone
	}
	if of == "" {
		of = s.of.Name
	}
	if words := zfsname.Words(of+"@"+name, true); words != "" {
		return c.refuse(1, "cannot rename to '%s': %s", to, words)
	}
	if of != s.of.Name {
		return c.refuse(1, "cannot rename to '%s': snapshots must be part of same dataset", to)
	}
	targets := []*dataset{s.of}
	if opts.Recursive {
		targets = s.of.subtree()
	}
	old := s.Name
	for _, d := range targets {
		if d.snapshotNamed(old) != nil && d.snapshotNamed(name) != nil {
			return c.refuse(1, "cannot rename '%s': dataset already exists", from)
		}
	}
	for _, d := range targets {
		if snap := d.snapshotNamed(old); snap != nil {
			c.moveSnapshot(snap, d, name)
		}
	}
	return nil
}
