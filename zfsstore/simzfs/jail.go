package simzfs

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/libioc/go-libioc/zfsstore"
)

// delegated finds a file system and the id under which a jail is recorded, which is
// its jid if jids are known, and calls fn with them.
func (z *Store) delegated(ctx context.Context, op, jail, name string, fn func(c *change, d *dataset, id string) error) error {
	return z.do(ctx, name, []string{op, jail, name}, func(c *change) error {
		id := jail
		if z.opts.Jail != nil {
			jid, ok := z.opts.Jail(jail)
			if !ok {
				return c.refuse(2, "invalid jail id or name")
			}
			id = strconv.Itoa(jid)
		}
		d, err := c.filesystem(name)
		if err != nil {
			return err
		}
		return fn(c, d, id)
	})
}

// Jail implements Store. As with zfs-jail(8), the dataset need not have
// jailed=on.
func (z *Store) Jail(ctx context.Context, jail, name string) error {
	return z.delegated(ctx, OpJail, jail, name, func(c *change, d *dataset, id string) error {
		if slices.Contains(d.Jails, id) {
			return c.refuse(1, "cannot jail '%s': dataset already exists", name)
		}
		d.Jails = append(slices.Clone(d.Jails), id)
		c.touch(d)
		return nil
	})
}

// Unjail implements Store.
func (z *Store) Unjail(ctx context.Context, jail, name string) error {
	return z.delegated(ctx, OpUnjail, jail, name, func(c *change, d *dataset, id string) error {
		if !slices.Contains(d.Jails, id) {
			return c.refuse(1, "cannot unjail '%s': dataset does not exist", name)
		}
		c.dropJail(d, id)
		return nil
	})
}

func (c *change) dropJail(d *dataset, id string) {
	d.Jails = slices.DeleteFunc(slices.Clone(d.Jails), func(o string) bool { return o == id })
	c.touch(d)
}

// Jailed returns the datasets attached to a jail, sorted by name. zfs-list(8) in
// the jail shows these and their ancestors.
func (z *Store) Jailed(jid int) []string {
	z.mu.Lock()
	defer z.mu.Unlock()
	var names []string
	for _, d := range z.state.byID {
		if slices.Contains(d.Jails, strconv.Itoa(jid)) {
			names = append(names, d.Name)
		}
	}
	slices.Sort(names)
	return names
}

// JailGone detaches all datasets from a jail that ended, as the kernel does.
func (z *Store) JailGone(jid int) error {
	return z.quietly("jail gone", func(c *change) error {
		for _, d := range z.state.byID {
			if slices.Contains(d.Jails, strconv.Itoa(jid)) {
				c.dropJail(d, strconv.Itoa(jid))
			}
		}
		return nil
	})
}

// Reboot does what a reboot of the host does: every jail's datasets are
// detached, everything is unmounted, in use or not, and what zfs-mount(8) -a
// mounts is mounted again.
func (z *Store) Reboot() error {
	return z.quietly("reboot", func(c *change) error {
		mounted := z.byMountOrder()
		for _, d := range slices.Backward(mounted) {
			if err := c.unmount(d); err != nil {
				return err
			}
		}
		var all []*dataset
		for name := range z.disks {
			all = append(all, z.state.datasets[name].subtree()...)
		}
		slices.SortFunc(all, func(a, b *dataset) int { return compareMountpoints(z, a, b) })
		for _, d := range all {
			if len(d.Jails) > 0 {
				d.Jails = nil
				c.touch(d)
			}
			if err := c.mountNew(d); err != nil {
				if _, refused := errors.AsType[*zfsstore.Error](err); !refused {
					return err
				}
			}
		}
		return nil
	})
}

// quietly runs a change that is not an operation of a Store.
func (z *Store) quietly(name string, fn func(*change) error) error {
	z.mu.Lock()
	defer z.mu.Unlock()
	c := &change{z: z, ctx: context.Background(), op: name, dirty: make(map[string]any)}
	err := fn(c)
	if err == nil {
		err = c.commit()
	}
	if err != nil {
		return c.failed(errors.Join(err, z.undo(c)))
	}
	return nil
}

// compareMountpoints orders datasets as zfs-mount(8) -a mounts them: a path
// before those below it.
func compareMountpoints(z *Store, a, b *dataset) int {
	at, _ := z.property(a, "mountpoint")
	bt, _ := z.property(b, "mountpoint")
	return cmp.Or(cmp.Compare(at, bt), cmp.Compare(a.Name, b.Name))
}
