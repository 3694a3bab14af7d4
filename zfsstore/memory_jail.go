package zfsstore

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
)

// jailID returns what a jail is remembered by: its jid, if jids are known.
func (c *change) jailID(jail string) (string, error) {
	if c.m.opts.Jail == nil {
		return jail, nil
	}
	jid, ok := c.m.opts.Jail(jail)
	if !ok {
		return "", c.refuse(2, "invalid jail id or name")
	}
	return strconv.Itoa(jid), nil
}

// Jail implements Store. As with zfs-jail(8), the dataset need not have
// jailed=on.
func (m *Memory) Jail(ctx context.Context, jail, name string) error {
	return m.do(ctx, name, []string{"jail", jail, name}, func(c *change) error {
		id, err := c.jailID(jail)
		if err != nil {
			return err
		}
		d, err := c.filesystem(name)
		if err != nil {
			return err
		}
		if slices.Contains(d.Jails, id) {
			return c.refuse(1, "cannot jail '%s': dataset already exists", name)
		}
		d.Jails = append(slices.Clone(d.Jails), id)
		c.touch(d)
		return nil
	})
}

// Unjail implements Store.
func (m *Memory) Unjail(ctx context.Context, jail, name string) error {
	return m.do(ctx, name, []string{"unjail", jail, name}, func(c *change) error {
		id, err := c.jailID(jail)
		if err != nil {
			return err
		}
		d, err := c.filesystem(name)
		if err != nil {
			return err
		}
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

// Jailed returns the datasets attached to a jail, by name: what zfs-list(8)
// shows inside it besides their ancestors.
func (m *Memory) Jailed(jid int) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for _, d := range m.state.byID {
		if slices.Contains(d.Jails, strconv.Itoa(jid)) {
			names = append(names, d.Name)
		}
	}
	slices.Sort(names)
	return names
}

// JailGone detaches all datasets from a jail that ended, as the kernel does.
func (m *Memory) JailGone(jid int) error {
	return m.quietly("jail gone", func(c *change) error {
		for _, d := range m.state.byID {
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
func (m *Memory) Reboot() error {
	return m.quietly("reboot", func(c *change) error {
		mounted := m.byMountOrder()
		for _, d := range slices.Backward(mounted) {
			if err := c.unmount(d); err != nil {
				return err
			}
		}
		var all []*dataset
		for name := range m.disks {
			all = append(all, m.state.datasets[name].subtree()...)
		}
		slices.SortFunc(all, func(a, b *dataset) int { return compareMountpoints(m, a, b) })
		for _, d := range all {
			if len(d.Jails) > 0 {
				d.Jails = nil
				c.touch(d)
			}
			if err := c.mountNew(d); err != nil {
				if _, refused := errors.AsType[*Error](err); !refused {
					return err
				}
			}
		}
		return nil
	})
}

// quietly runs a change that is no operation of a Store.
func (m *Memory) quietly(name string, fn func(*change) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := &change{m: m, ctx: context.Background(), op: name, dirty: make(map[string]any)}
	err := fn(c)
	if err == nil {
		err = c.commit()
	}
	if err != nil {
		return c.failed(errors.Join(err, m.undo(c)))
	}
	return nil
}

// compareMountpoints orders datasets as zfs-mount(8) -a mounts them: parents
// of a path before what is below.
func compareMountpoints(m *Memory, a, b *dataset) int {
	at, _ := m.property(a, "mountpoint")
	bt, _ := m.property(b, "mountpoint")
	return cmp.Or(cmp.Compare(at, bt), cmp.Compare(a.Name, b.Name))
}
