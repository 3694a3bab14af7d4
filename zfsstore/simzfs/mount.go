package simzfs

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"

	"github.com/libioc/go-libioc/zfsstore"
	"github.com/libioc/go-libioc/zfsstore/internal/cmdline"
	"github.com/libioc/go-libioc/zfsstore/internal/zfsname"
)

// unmountable returns why d cannot be mounted, in zfs-mount's words, or "".
func (z *Store) unmountable(d *dataset) string {
	if value, _ := z.property(d, "jailed"); value == "on" {
		return "dataset is exported to a local zone"
	}
	switch value, _ := z.property(d, "mountpoint"); value {
	case "legacy":
		return "legacy mountpoint\nuse mount(8) to mount this filesystem"
	case "none":
		return "no mountpoint set"
	}
	if value, _ := z.property(d, "canmount"); value == "off" {
		return "'canmount' property is set to 'off'"
	}
	return ""
}

// mountNew mounts a new dataset, as zfs-create and zfs-clone do, unless a property
// prevents that.
func (c *change) mountNew(d *dataset) error {
	if d.Type != zfsstore.Filesystem || d.MountedAt != "" || c.z.unmountable(d) != "" {
		return nil
	}
	if value, _ := c.z.property(d, "canmount"); value == "noauto" {
		return nil
	}
	return c.mount(d)
}

// mount mounts a file system that can be mounted.
func (c *change) mount(d *dataset) error {
	z := c.z
	k := z.disks[zfsname.Pool(d.Name)]
	value, _ := z.property(d, "mountpoint")
	path, err := k.resolve(value)
	if err != nil {
		return c.refuse(1, "cannot mount '%s': failed to create mountpoint: %v", d.Name, err)
	}
	if path == k.altroot || below(path, k.private) || below(k.private, path) {
		return c.refuse(1, "cannot mount '%s': mountpoint or dataset is busy", d.Name)
	}
	if info, err := os.Lstat(path); err == nil && !info.IsDir() {
		return c.refuse(1, "cannot mount '%s': failed to create mountpoint: Not a directory", d.Name)
	}
	if err := c.fill(d); err != nil {
		return err
	}
	c.touch(d)
	z.state.lastMount++
	if err := k.attach(d.ID, path, z.state.lastMount); err != nil {
		return err
	}
	z.state.setMounted(d, path, z.state.lastMount)
	c.events = append(c.events, MountEvent{Dataset: d.Name, GUID: d.GUID, Path: path, Mounted: true})
	return nil
}

// fill copies the files of its origin into a clone that has none yet.
func (c *change) fill(d *dataset) error {
	k := c.z.disks[zfsname.Pool(d.Name)]
	if !d.Pristine {
		return nil
	}
	if !exists(k.files(d.ID)) {
		if err := c.copyFiles(c.z.snapshotDir(c.z.state.snapshots[d.Origin]), k.temp(d.ID)); err != nil {
			return err
		}
		if err := k.rename(k.temp(d.ID), k.files(d.ID)); err != nil {
			return err
		}
	}
	d.Pristine = false
	c.touch(d)
	return nil
}

// copyFiles copies a file system's files, but nothing mounted on top.
func (c *change) copyFiles(from, to string) error {
	if err := removeTree(to); err != nil {
		return err
	}
	err := c.copier().copyTree(from, to)
	if err != nil {
		_ = removeTree(to)
	}
	c.z.stop("copy")
	return err
}

// copier returns a copier that looks below mounts.
func (c *change) copier() *copier {
	instead := make(map[string]string, len(c.z.state.mounts))
	for _, d := range c.z.state.mounts {
		instead[c.z.place(d)] = c.z.disks[zfsname.Pool(d.Name)].covered(d.ID)
	}
	return &copier{instead: instead}
}

// busy returns the refusal to unmount d, or nil if nothing but the members of
// without is mounted on it, and it is not in use or force is set.
func (c *change) busy(d *dataset, force bool, without map[*dataset]bool) error {
	covered := false
	for _, other := range c.z.state.mounts {
		if other.MountSeq > d.MountSeq && !without[other] && below(other.MountedAt, d.MountedAt) {
			covered = true
			break
		}
	}
	if covered || !force && c.z.opts.Busy != nil && c.z.opts.Busy(d.MountedAt) {
		return c.refuse(1, "cannot unmount '%s': pool or dataset is busy", d.MountedAt)
	}
	return nil
}

// mountedOf returns those of the set that are mounted, newest first, or the
// refusal to unmount them all.
func (c *change) mountedOf(set []*dataset, force bool) ([]*dataset, error) {
	mounted := slices.DeleteFunc(slices.Clone(set), func(d *dataset) bool { return d.MountedAt == "" })
	slices.SortFunc(mounted, func(a, b *dataset) int { return cmp.Compare(b.MountSeq, a.MountSeq) })
	in := make(map[*dataset]bool, len(mounted))
	for _, d := range mounted {
		in[d] = true
	}
	for _, d := range mounted {
		if err := c.busy(d, force, in); err != nil {
			return nil, err
		}
	}
	return mounted, nil
}

// unmount unmounts a mounted file system that is not busy.
func (c *change) unmount(d *dataset) error {
	path := d.MountedAt
	c.touch(d)
	if err := c.z.disks[zfsname.Pool(d.Name)].detach(d.ID, c.z.place(d)); err != nil {
		return err
	}
	c.z.state.setMounted(d, "", 0)
	c.events = append(c.events, MountEvent{Dataset: d.Name, GUID: d.GUID, Path: path})
	return nil
}

// vacate removes the directory that d is or would be mounted on after the commit,
// unless the mountpoint was set on d.
func (c *change) vacate(d *dataset) {
	value, source := c.z.property(d, "mountpoint")
	if d.Type != zfsstore.Filesystem || source == zfsstore.SourceLocal || value == "none" || value == "legacy" {
		return
	}
	if d.MountedAt != "" {
		c.removeMountpoint(d.MountedAt)
	} else if path, err := c.z.disks[zfsname.Pool(d.Name)].resolve(value); err == nil {
		c.removeMountpoint(path)
	}
}

// removeMountpoint removes the directory that a file system was mounted on,
// if it is empty, as ZFS does after moving or destroying it.
func (c *change) removeMountpoint(path string) {
	c.after = append(c.after, func() {
		if len(c.z.state.mountsAt[path]) == 0 {
			os.Remove(path)
		}
	})
}

// remount unmounts the mounted members of the set, changes where they belong, and
// mounts them again, as well as those that also selects. If it returns that
// something is busy, nothing has been done.
func (c *change) remount(set []*dataset, force bool, changing func(), also func(*dataset) bool) error {
	mounted, err := c.mountedOf(set, force)
	if err != nil {
		return err
	}
	if len(set) > 0 && set[0].MountedAt == "" {
		c.vacate(set[0])
	}
	was := make(map[*dataset]bool, len(mounted))
	for _, d := range mounted {
		was[d] = true
		c.vacate(d)
		if err := c.unmount(d); err != nil {
			return err
		}
	}
	changing()
	for _, d := range set {
		if (was[d] || also(d)) && d.Type == zfsstore.Filesystem && c.z.unmountable(d) == "" {
			if err := c.mount(d); err != nil {
				return err
			}
		}
	}
	return nil
}

// Mount implements Store.
func (z *Store) Mount(ctx context.Context, name string) error {
	return z.do(ctx, name, []string{"mount", name}, func(c *change) error {
		d, err := c.filesystem(name)
		if err != nil {
			return err
		}
		if words := z.unmountable(d); words != "" {
			return c.refuse(1, "cannot mount '%s': %s", name, words)
		}
		if d.MountedAt != "" {
			return c.refuse(1, "cannot mount '%s': filesystem already mounted", name)
		}
		return c.mount(d)
	})
}

// Files returns the directory with the files of a file system that is not mounted, for who
// mounts it otherwise, as mount(8) does one whose mountpoint is legacy. The error is
// zfsstore.ErrMounted if it is mounted.
func (z *Store) Files(ctx context.Context, name string) (dir string, err error) {
	err = z.do(ctx, name, []string{"mount", name}, func(c *change) error {
		d, err := c.filesystem(name)
		if err != nil {
			return err
		}
		if d.MountedAt != "" {
			return c.refuse(1, "cannot mount '%s': filesystem already mounted", name)
		}
		dir = z.disks[zfsname.Pool(name)].files(d.ID)
		if err := c.fill(d); err != nil || exists(dir) {
			return err
		}
		return os.MkdirAll(dir, 0o755)
	})
	return dir, err
}

// Unmount implements Store.
func (z *Store) Unmount(ctx context.Context, name string, force bool) error {
	return z.do(ctx, name, cmdline.Unmount(name, force), func(c *change) error {
		d, err := c.filesystem(name)
		if err != nil {
			return err
		}
		if d.MountedAt == "" {
			return c.refuse(1, "cannot unmount '%s': not currently mounted", name)
		}
		// Datasets below that inherit its mountpoint are unmounted with it.
		mounted, err := c.mountedOf(z.inheriting(d, "mountpoint"), force)
		if err != nil {
			return err
		}
		for _, one := range mounted {
			if err := c.unmount(one); err != nil {
				return err
			}
		}
		return nil
	})
}

// A Mount is a mounted file system.
type Mount struct {
	Dataset string
	GUID    uint64 // of the dataset
	Path    string // real path of the mountpoint
}

// Settle waits for the change in progress, if there is one. During it the directories of
// file systems move, and MountHook has not been called yet.
func (z *Store) Settle() {
	z.mu.Lock()
	defer z.mu.Unlock()
}

// Mounts returns the mounted file systems in the order of mounting.
func (z *Store) Mounts() []Mount {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.mountList()
}

func (z *Store) mountList() []Mount {
	var all []Mount
	for _, d := range z.byMountOrder() {
		all = append(all, Mount{Dataset: d.Name, GUID: d.GUID, Path: d.MountedAt})
	}
	return all
}

func (z *Store) byMountOrder() []*dataset {
	all := make([]*dataset, 0, len(z.state.mounts))
	for _, d := range z.state.mounts {
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b *dataset) int { return cmp.Compare(a.MountSeq, b.MountSeq) })
	return all
}

// snapshotDir returns where the files of a snapshot are.
func (z *Store) snapshotDir(s *snapshot) string {
	return filepath.Join(z.place(s.of), controlDir, "snapshot", s.Name)
}
