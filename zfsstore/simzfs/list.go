package simzfs

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/libioc/go-libioc/zfsstore"
	"github.com/libioc/go-libioc/zfsstore/internal/cmdline"
	"github.com/libioc/go-libioc/zfsstore/internal/zfsname"
	"github.com/libioc/go-libioc/zfsstore/internal/zfsprop"
)

// open finds a dataset or a snapshot; one of the two is not nil.
func (c *change) open(name string) (*dataset, *snapshot, error) {
	if words := zfsname.Words(name, strings.Contains(name, "@")); words != "" {
		return nil, nil, c.refuse(1, "cannot open '%s': %s", name, words)
	}
	if d := c.z.state.datasets[name]; d != nil {
		return d, nil, nil
	}
	if s := c.z.state.find(name); s != nil {
		return nil, s, nil
	}
	return nil, nil, c.refuse(1, "cannot open '%s': dataset does not exist", name)
}

// same refuses a dataset or snapshot that has another guid.
func (c *change) same(name string, guid uint64) error {
	d, s, err := c.open(name)
	switch {
	case err != nil:
		return err
	case d != nil && d.GUID == guid, s != nil && s.GUID == guid:
		return nil
	}
	return c.refuse(1, "cannot open '%s': dataset does not exist", name)
}

// filesystem finds a file system.
func (c *change) filesystem(name string) (*dataset, error) {
	d, s, err := c.open(name)
	if err != nil {
		return nil, err
	}
	if s != nil || d.Type != zfsstore.Filesystem {
		return nil, c.refuse(1, "cannot open '%s': operation not applicable to datasets of this type", name)
	}
	return d, nil
}

// checkWanted refuses properties that zfs-get does not know.
func (c *change) checkWanted(names []string) error {
	for _, name := range names {
		if _, known := c.z.rules.Natives[name]; !known && !zfsprop.ValidUserName(name) && name != zfsstore.AllProperties {
			return c.refuse(2, "bad property list: invalid property '%s'", name)
		}
	}
	return nil
}

// Get implements Store.
func (z *Store) Get(ctx context.Context, name string, opts zfsstore.GetOptions) (zfsstore.Dataset, error) {
	var found zfsstore.Dataset
	err := z.do(ctx, name, cmdline.Get(opts).Args(name), func(c *change) error {
		if err := c.checkWanted(opts.Properties); err != nil {
			return err
		}
		d, s, err := c.open(name)
		if err != nil {
			return err
		}
		if s != nil {
			found = z.describeSnapshot(s, opts.Properties)
		} else {
			found = z.describe(d, opts.Properties)
		}
		return nil
	})
	if err != nil {
		return zfsstore.Dataset{}, err
	}
	return found, nil
}

// List implements Store.
func (z *Store) List(ctx context.Context, root string, opts zfsstore.ListOptions) ([]zfsstore.Dataset, error) {
	var found []zfsstore.Dataset
	args := append([]string{"zfs"}, cmdline.List[zfsstore.Type](opts).Args(root)...)
	err := z.run(&change{z: z, ctx: ctx, op: OpList, target: root, args: args}, func(c *change) error {
		if err := c.checkWanted(opts.Properties); err != nil {
			return err
		}
		types := opts.Types
		if len(types) == 0 {
			types = []zfsstore.Type{zfsstore.Filesystem, zfsstore.Volume}
		}
		l := lister{opts: opts, types: types}
		if root == "" {
			for name := range z.disks {
				l.walk(z.state.datasets[name], 0)
			}
		} else {
			d, s, err := c.open(root)
			if err != nil {
				return err
			}
			if s != nil {
				l.found = append(l.found, listed{dataset: s.of, snapshot: s})
			} else {
				l.walk(d, 0)
			}
		}
		slices.SortFunc(l.found, func(a, b listed) int {
			return cmp.Or(strings.Compare(a.dataset.Name, b.dataset.Name), cmp.Compare(a.age, b.age))
		})
		found = make([]zfsstore.Dataset, len(l.found))
		for i, f := range l.found {
			if f.snapshot != nil {
				found[i] = z.describeSnapshot(f.snapshot, opts.Properties)
			} else {
				found[i] = z.describe(f.dataset, opts.Properties)
			}
		}
		return nil
	})
	return found, err
}

type lister struct {
	opts  zfsstore.ListOptions
	types []zfsstore.Type
	found []listed
}

// listed is a dataset, or one of its snapshots. It is sorted before it is
// described: a Dataset is large, and a list of thousands would be copied often.
type listed struct {
	dataset  *dataset
	snapshot *snapshot
	age      int // 0 for the dataset itself, then its snapshots by age
}

func (l *lister) walk(d *dataset, depth int) {
	if slices.Contains(l.types, d.Type) {
		l.found = append(l.found, listed{dataset: d})
	}
	if l.opts.Depth > 0 && depth == l.opts.Depth {
		return
	}
	if slices.Contains(l.types, zfsstore.Snapshot) {
		for i, s := range d.snapshots {
			l.found = append(l.found, listed{dataset: d, snapshot: s, age: i + 1})
		}
	}
	for _, child := range d.children {
		l.walk(child, depth+1)
	}
}

// describe returns the Dataset of a file system or volume.
func (z *Store) describe(d *dataset, properties []string) zfsstore.Dataset {
	out := zfsstore.Dataset{
		Name: d.Name, Type: d.Type, GUID: d.GUID, CreateTXG: d.TXG, Creation: time.Unix(d.Creation, 0),
		Mounted: d.MountedAt != "", Used: d.count*nominalUsed + d.VolSize, Referenced: nominalUsed,
		Available: z.poolSize(zfsname.Pool(d.Name)),
	}
	if origin := z.state.snapshots[d.Origin]; origin != nil {
		out.Origin = origin.name()
	}
	if d.Type == zfsstore.Filesystem {
		if shown, _ := z.shownMountpoint(d); shown != "none" && shown != "legacy" {
			out.Mountpoint = shown
		}
	}
	out.Properties = z.wanted(properties, d.Type, out, func(name string) (string, zfsstore.Source) {
		if name == "mountpoint" {
			return z.shownMountpoint(d)
		}
		return z.property(d, name)
	}, d.propertyNames, map[string]string{
		"objsetid": strconv.FormatUint(d.ID, 10), "volsize": strconv.FormatUint(d.VolSize, 10),
		"usedbychildren": strconv.FormatUint((d.count-1)*nominalUsed, 10),
	})
	return out
}

// propertyNames returns the names of all properties set on d or above.
func (d *dataset) propertyNames() (names []string) {
	for up := d; up != nil; up = up.parent {
		names = slices.AppendSeq(slices.AppendSeq(names, maps.Keys(up.Local)), maps.Keys(up.Received))
	}
	return names
}

// describeSnapshot returns the Dataset of a snapshot.
func (z *Store) describeSnapshot(s *snapshot, properties []string) zfsstore.Dataset {
	out := zfsstore.Dataset{
		Name: s.name(), Type: zfsstore.Snapshot, GUID: s.GUID, CreateTXG: s.TXG, Creation: time.Unix(s.Creation, 0),
		Referenced: nominalUsed,
	}
	for _, clone := range s.clones {
		out.Clones = append(out.Clones, clone.Name)
	}
	slices.Sort(out.Clones)
	deferred := "off"
	if s.Deferred {
		deferred = "on"
	}
	out.Properties = z.wanted(properties, zfsstore.Snapshot, out, func(name string) (string, zfsstore.Source) {
		if value, ok := s.Local[name]; ok {
			return value, zfsstore.SourceLocal
		}
		if value, ok := s.Received[name]; ok {
			return value, zfsstore.SourceReceived
		}
		value, source := z.property(s.of, name)
		if source == zfsstore.SourceLocal || source == zfsstore.SourceReceived {
			source = zfsstore.Source("inherited from " + s.of.Name)
		}
		return value, source
	}, func() []string {
		return slices.AppendSeq(slices.AppendSeq(s.of.propertyNames(), maps.Keys(s.Local)), maps.Keys(s.Received))
	}, map[string]string{
		"objsetid": strconv.FormatUint(s.ID, 10), "userrefs": strconv.Itoa(len(s.Holds)), "defer_destroy": deferred,
		"volsize": strconv.FormatUint(s.of.VolSize, 10),
	})
	return out
}

// wanted returns the named properties. set returns one that can be set, users the
// names of all user properties, and fixed has values computed by the caller.
func (z *Store) wanted(names []string, t zfsstore.Type, d zfsstore.Dataset, set func(string) (string, zfsstore.Source), users func() []string, fixed map[string]string) map[string]zfsstore.Property {
	if len(names) == 0 {
		return nil
	}
	all := len(names) == 1 && names[0] == zfsstore.AllProperties
	if all {
		names = append(slices.Clone(z.rules.Order), users()...)
	}
	out := make(map[string]zfsstore.Property, len(names))
	for _, name := range names {
		native, known := z.rules.Natives[name]
		switch {
		case !known:
			if value, source := set(name); source != zfsstore.SourceNone {
				out[name] = zfsstore.Property{Value: value, Source: source}
			}
		case native.Flags&zfsprop.TypeFlag(t) == 0:
			if !all {
				out[name] = zfsstore.Property{Value: "-", Source: zfsstore.SourceNone}
			}
		case native.Flags&(zfsprop.Editable|zfsprop.Inherits) != 0 && name != "volsize":
			value, source := set(name)
			if native.Flags&zfsprop.NoSource != 0 && source == zfsstore.SourceDefault {
				source = zfsstore.SourceNone
			}
			out[name] = zfsstore.Property{Value: value, Source: source}
		default:
			value, ok := fixed[name]
			if !ok {
				value = fieldValue(d, name, native.Default)
			}
			source := zfsstore.SourceNone
			if native.Flags&zfsprop.Defaulted != 0 {
				source = zfsstore.SourceDefault
			}
			if value != "" || !all {
				out[name] = zfsstore.Property{Value: cmp.Or(value, "-"), Source: source}
			}
		}
	}
	return out
}

// fieldValue returns the property that a field of d is read from.
func fieldValue(d zfsstore.Dataset, name, def string) string {
	switch name {
	case "type":
		return string(d.Type)
	case "creation":
		return strconv.FormatInt(d.Creation.Unix(), 10)
	case "used":
		return strconv.FormatUint(d.Used, 10)
	case "available":
		return strconv.FormatUint(d.Available, 10)
	case "referenced", "usedbydataset", "written":
		return strconv.FormatUint(d.Referenced, 10)
	case "origin":
		return d.Origin
	case "mounted":
		return map[bool]string{true: "yes", false: "no"}[d.Mounted]
	case "createtxg":
		return strconv.FormatUint(d.CreateTXG, 10)
	case "guid":
		return strconv.FormatUint(d.GUID, 10)
	case "clones":
		return strings.Join(d.Clones, ",")
	}
	return def
}

func (z *Store) poolSize(name string) uint64 {
	for _, p := range z.opts.Pools {
		if p.Name == name && p.Size != 0 {
			return p.Size
		}
	}
	return nominalPoolSize
}

// Pools implements Store.
func (z *Store) Pools(ctx context.Context) ([]zfsstore.Pool, error) {
	var pools []zfsstore.Pool
	args := append([]string{"zpool"}, cmdline.Pools...)
	err := z.run(&change{z: z, ctx: ctx, op: OpPools, args: args}, func(*change) error {
		for _, p := range z.opts.Pools {
			size := z.poolSize(p.Name)
			used := z.state.datasets[p.Name].count * nominalUsed
			pools = append(pools, zfsstore.Pool{
				Name: p.Name, GUID: z.state.pools[p.Name].GUID, Health: cmp.Or(p.Health, "ONLINE"),
				Size: size, Allocated: used, Free: size - used, Altroot: z.disks[p.Name].altroot, ReadOnly: p.ReadOnly,
			})
		}
		slices.SortFunc(pools, func(a, b zfsstore.Pool) int { return cmp.Compare(a.Name, b.Name) })
		return nil
	})
	return pools, err
}
