package simzfs

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/libioc/go-libioc/zfsstore"
	"github.com/libioc/go-libioc/zfsstore/internal/cmdline"
	"github.com/libioc/go-libioc/zfsstore/internal/zfsname"
	"github.com/libioc/go-libioc/zfsstore/internal/zfsprop"
)

// Sizes are nominal: those that OpenZFS shows for almost empty datasets.
const (
	nominalUsed     = 24576
	nominalPoolSize = 20 << 30
)

// property returns a dataset's property that can be set or inherited, and its
// source. A user property that is not set has the source "-".
func (z *Store) property(d *dataset, name string) (string, zfsstore.Source) {
	native, known := z.rules.Natives[name]
	if value, ok := d.Local[name]; ok {
		return value, zfsstore.SourceLocal
	}
	if value, ok := d.Received[name]; ok {
		return value, zfsstore.SourceReceived
	}
	if !known || native.Flags&zfsprop.Inherits != 0 {
		for up := d.parent; up != nil; up = up.parent {
			value, ok := up.Local[name]
			if !ok {
				value, ok = up.Received[name]
			}
			if !ok {
				continue
			}
			if name == "mountpoint" && value != "none" && value != "legacy" {
				value = strings.TrimSuffix(value, "/") + d.Name[len(up.Name):]
			}
			return value, zfsstore.Source("inherited from " + up.Name)
		}
	}
	if name == "mountpoint" {
		return "/" + d.Name, zfsstore.SourceDefault
	}
	if !known {
		return "", zfsstore.SourceNone
	}
	return native.Default, zfsstore.SourceDefault
}

// shownMountpoint returns the mountpoint prefixed by the altroot, as ZFS shows it.
func (z *Store) shownMountpoint(d *dataset) (string, zfsstore.Source) {
	value, source := z.property(d, "mountpoint")
	if value == "none" || value == "legacy" {
		return value, source
	}
	return filepath.Join(z.disks[zfsname.Pool(d.Name)].altroot, value), source
}

// checkProperties returns the values to store, or the words of ZFS against one of
// them.
func (z *Store) checkProperties(t zfsstore.Type, properties map[string]string, creating bool) (map[string]string, string) {
	normal := make(map[string]string, len(properties))
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		value := properties[name]
		native, ok := z.rules.Natives[name]
		var words string
		switch {
		case !ok:
			words = zfsprop.CheckUser(name, value)
		case t == zfsstore.Snapshot:
			words = "this property can not be modified for snapshots"
		default:
			value, words = native.Check(t, value, creating)
		}
		if words != "" {
			return nil, words
		}
		normal[name] = value
	}
	return normal, ""
}

// Set implements Store.
func (z *Store) Set(ctx context.Context, name string, properties map[string]string) error {
	return z.do(ctx, name, cmdline.Set(name, properties), func(c *change) error {
		d, s, err := c.open(name)
		if err != nil {
			return err
		}
		t := zfsstore.Snapshot
		if d != nil {
			t = d.Type
		}
		exit := z.rules.SetExit
		normal, words := z.checkProperties(t, properties, false)
		if words != "" {
			return c.refuse(exit, "cannot set property for '%s': %s", name, words)
		}
		if s != nil {
			s.Local = merged(s.Local, normal)
			c.touchSnapshot(s)
			return nil
		}
		if size, ok := zfsprop.ParseSize(normal["quota"]); ok && size != 0 && size < nominalUsed {
			return c.refuse(exit, "cannot set property for '%s': size is less than current used or reserved space", name)
		}
		if size, ok := normal["volsize"]; ok {
			d.VolSize, _ = strconv.ParseUint(size, 10, 64)
			delete(normal, "volsize")
		}
		return c.alter(d, normal, func() { d.Local = merged(d.Local, normal) })
	})
}

// merged returns a new map, so that no two records share one.
func merged(old, more map[string]string) map[string]string {
	all := make(map[string]string, len(old)+len(more))
	maps.Copy(all, old)
	maps.Copy(all, more)
	return all
}

// alter changes properties of d and remounts the datasets that this moves.
func (c *change) alter(d *dataset, names map[string]string, changing func()) error {
	c.touch(d)
	changing = c.watched(d, changing)
	_, moved := names["mountpoint"]
	_, jailed := names["jailed"]
	canmount, switched := names["canmount"]
	if d.Type != zfsstore.Filesystem || !moved && !jailed && !switched {
		changing()
		return nil
	}
	set := []*dataset{d}
	if moved || jailed {
		set = c.z.inheriting(d, "mountpoint")
	}
	if jailed && !moved {
		set = slices.DeleteFunc(c.z.inheriting(d, "jailed"), func(o *dataset) bool { return o.Type != zfsstore.Filesystem })
	}
	if switched && canmount != "off" && !moved && !jailed {
		set = nil // canmount=on and noauto leave mounts as they are
	}
	if jailed && names["jailed"] == "off" && !moved {
		set = nil
	}
	before := make(map[*dataset]bool)
	for _, o := range set {
		value, _ := c.z.property(o, "mountpoint")
		before[o] = moved && (value == "none" || value == "legacy")
	}
	return c.remount(set, false, changing, func(o *dataset) bool {
		value, _ := c.z.property(o, "canmount")
		return before[o] && value != "noauto"
	})
}

// inheriting returns d and the datasets below that inherit a property from it.
func (z *Store) inheriting(d *dataset, property string) []*dataset {
	set := []*dataset{d}
	for _, child := range d.sortedChildren() {
		_, local := child.Local[property]
		_, received := child.Received[property]
		if !local && !received {
			set = append(set, z.inheriting(child, property)...)
		}
	}
	return set
}

// Inherit implements Store.
func (z *Store) Inherit(ctx context.Context, name, property string, recursive bool) error {
	return z.do(ctx, name, cmdline.Inherit(name, property, recursive), func(c *change) error {
		native, known := z.rules.Natives[property]
		switch {
		case !known && !zfsprop.ValidUserName(property):
			return c.refuse(2, "invalid property '%s'", property)
		case known && native.Flags&zfsprop.Editable == 0:
			return c.refuse(1, "%s property is read-only", property)
		case known && native.Flags&zfsprop.Inherits == 0:
			words := "'" + property + "' property cannot be inherited"
			switch property {
			case "quota", "reservation", "refquota", "refreservation":
				words += "\nuse 'zfs set " + property + "=none' to clear" +
					"\nuse 'zfs inherit -S " + property + "' to revert to received value"
			}
			return c.refuse(1, "%s", words)
		}
		d, s, err := c.open(name)
		if err != nil {
			return err
		}
		if s != nil {
			delete(s.Local, property)
			c.touchSnapshot(s)
			return nil
		}
		targets := []*dataset{d}
		if recursive {
			targets = d.subtree()
		}
		for _, target := range targets {
			if _, ok := target.Local[property]; ok {
				clear := func() {
					target.Local = merged(target.Local, nil)
					delete(target.Local, property)
				}
				if err := c.alter(target, map[string]string{property: ""}, clear); err != nil {
					return err
				}
			}
			if !recursive {
				continue
			}
			for _, snap := range target.snapshots {
				if _, ok := snap.Local[property]; ok {
					delete(snap.Local, property)
					c.touchSnapshot(snap)
				}
			}
		}
		return nil
	})
}
