package zfsstore

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// open finds a dataset or a snapshot; one of the two is not nil.
func (c *change) open(name string) (*dataset, *snapshot, error) {
	if words := nameWords(name, strings.Contains(name, "@")); words != "" {
		return nil, nil, c.refuse(1, "cannot open '%s': %s", name, words)
	}
	if d := c.m.state.datasets[name]; d != nil {
		return d, nil, nil
	}
	if s := c.m.state.find(name); s != nil {
		return nil, s, nil
	}
	return nil, nil, c.refuse(1, "cannot open '%s': dataset does not exist", name)
}

// filesystem finds a file system.
func (c *change) filesystem(name string) (*dataset, error) {
	d, s, err := c.open(name)
	if err != nil {
		return nil, err
	}
	if s != nil || d.Type != Filesystem {
		return nil, c.refuse(1, "cannot open '%s': operation not applicable to datasets of this type", name)
	}
	return d, nil
}

// checkWanted refuses properties that zfs-get does not know.
func (c *change) checkWanted(names []string) error {
	for _, name := range names {
		if _, known := c.m.natives[name]; !known && !validUserName(name) && name != AllProperties {
			return c.refuse(2, "bad property list: invalid property '%s'", name)
		}
	}
	return nil
}

// Get implements Store.
func (m *Memory) Get(ctx context.Context, name string, opts GetOptions) (Dataset, error) {
	var found Dataset
	err := m.do(ctx, name, getArgs(name, opts), func(c *change) error {
		if err := c.checkWanted(opts.Properties); err != nil {
			return err
		}
		d, s, err := c.open(name)
		if err != nil {
			return err
		}
		if s != nil {
			found = m.describeSnapshot(s, opts.Properties)
		} else {
			found = m.describe(d, opts.Properties)
		}
		return nil
	})
	if err != nil {
		return Dataset{}, err
	}
	return found, nil
}

// List implements Store.
func (m *Memory) List(ctx context.Context, root string, opts ListOptions) ([]Dataset, error) {
	var found []Dataset
	err := m.do(ctx, root, listArgs(root, opts), func(c *change) error {
		if err := c.checkWanted(opts.Properties); err != nil {
			return err
		}
		types := opts.Types
		if len(types) == 0 {
			types = []Type{Filesystem, Volume}
		}
		l := lister{opts: opts, types: types}
		if root == "" {
			for name := range m.disks {
				l.walk(m.state.datasets[name], 0)
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
		found = make([]Dataset, len(l.found))
		for i, f := range l.found {
			if f.snapshot != nil {
				found[i] = m.describeSnapshot(f.snapshot, opts.Properties)
			} else {
				found[i] = m.describe(f.dataset, opts.Properties)
			}
		}
		return nil
	})
	return found, err
}

type lister struct {
	opts  ListOptions
	types []Type
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
	if slices.Contains(l.types, Snapshot) {
		for i, s := range d.snapshots {
			l.found = append(l.found, listed{dataset: d, snapshot: s, age: i + 1})
		}
	}
	for _, child := range d.children {
		l.walk(child, depth+1)
	}
}

// describe makes the Dataset of a file system or volume.
func (m *Memory) describe(d *dataset, properties []string) Dataset {
	out := Dataset{
		Name: d.Name, Type: d.Type, GUID: d.GUID, CreateTXG: d.TXG, Creation: time.Unix(d.Creation, 0),
		Mounted: d.MountedAt != "", Used: d.count*nominalUsed + d.VolSize, Referenced: nominalUsed,
		Available: m.poolSize(poolName(d.Name)),
	}
	if origin := m.state.snapshots[d.Origin]; origin != nil {
		out.Origin = origin.name()
	}
	if d.Type == Filesystem {
		if shown, _ := m.shownMountpoint(d); shown != "none" && shown != "legacy" {
			out.Mountpoint = shown
		}
	}
	out.Properties = m.wanted(properties, d.Type, out, func(name string) (string, Source) {
		if name == "mountpoint" {
			return m.shownMountpoint(d)
		}
		return m.property(d, name)
	}, func() []string {
		var names []string
		for up := d; up != nil; up = up.parent {
			names = append(append(names, slices.Collect(maps.Keys(up.Local))...), slices.Collect(maps.Keys(up.Received))...)
		}
		return names
	}, map[string]string{
		"objsetid": strconv.FormatUint(d.ID, 10), "volsize": strconv.FormatUint(d.VolSize, 10),
		"usedbychildren": strconv.FormatUint((d.count-1)*nominalUsed, 10),
	})
	return out
}

// describeSnapshot makes the Dataset of a snapshot.
func (m *Memory) describeSnapshot(s *snapshot, properties []string) Dataset {
	out := Dataset{
		Name: s.name(), Type: Snapshot, GUID: s.GUID, CreateTXG: s.TXG, Creation: time.Unix(s.Creation, 0),
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
	out.Properties = m.wanted(properties, Snapshot, out, func(name string) (string, Source) {
		if value, ok := s.Local[name]; ok {
			return value, SourceLocal
		}
		if value, ok := s.Received[name]; ok {
			return value, SourceReceived
		}
		value, source := m.property(s.of, name)
		if source == SourceLocal || source == SourceReceived {
			source = Source("inherited from " + s.of.Name)
		}
		return value, source
	}, func() []string {
		names := append(slices.Collect(maps.Keys(s.Local)), slices.Collect(maps.Keys(s.Received))...)
		for up := s.of; up != nil; up = up.parent {
			names = append(append(names, slices.Collect(maps.Keys(up.Local))...), slices.Collect(maps.Keys(up.Received))...)
		}
		return names
	}, map[string]string{
		"objsetid": strconv.FormatUint(s.ID, 10), "userrefs": strconv.Itoa(len(s.Holds)), "defer_destroy": deferred,
		"volsize": strconv.FormatUint(s.of.VolSize, 10),
	})
	return out
}

// wanted makes the map of the properties asked for. set finds those that can
// be set, users the names of user properties there are, and fixed has values
// worked out elsewhere.
func (m *Memory) wanted(names []string, t Type, d Dataset, set func(string) (string, Source), users func() []string, fixed map[string]string) map[string]Property {
	if len(names) == 0 {
		return nil
	}
	all := len(names) == 1 && names[0] == AllProperties
	if all {
		names = append(slices.Clone(m.order), users()...)
	}
	out := make(map[string]Property, len(names))
	for _, name := range names {
		native, known := m.natives[name]
		switch {
		case !known:
			if value, source := set(name); source != SourceNone {
				out[name] = Property{Value: value, Source: source}
			}
		case native.flags&typeFlag(t) == 0:
			if !all {
				out[name] = Property{Value: "-", Source: SourceNone}
			}
		case native.flags&(editable|inherits) != 0 && name != "volsize":
			value, source := set(name)
			if native.flags&noSource != 0 && source == SourceDefault {
				source = SourceNone
			}
			out[name] = Property{Value: value, Source: source}
		default:
			value, ok := fixed[name]
			if !ok {
				value = fieldValue(d, name, native.def)
			}
			source := SourceNone
			if native.flags&defaulted != 0 {
				source = SourceDefault
			}
			if value != "" || !all {
				out[name] = Property{Value: cmp.Or(value, "-"), Source: source}
			}
		}
	}
	return out
}

// fieldValue is the property that a field of d is read from.
func fieldValue(d Dataset, name, def string) string {
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

func (m *Memory) poolSize(name string) uint64 {
	for _, p := range m.opts.Pools {
		if p.Name == name && p.Size != 0 {
			return p.Size
		}
	}
	return nominalPoolSize
}

// Pools implements Store.
func (m *Memory) Pools(ctx context.Context) ([]Pool, error) {
	var pools []Pool
	c := &change{m: m, ctx: ctx, op: "zpool list", args: append([]string{"zpool"}, poolArgs...)}
	err := m.run(c, func(*change) error {
		for _, p := range m.opts.Pools {
			size := m.poolSize(p.Name)
			used := m.state.datasets[p.Name].count * nominalUsed
			pools = append(pools, Pool{
				Name: p.Name, GUID: m.state.pools[p.Name].GUID, Health: cmp.Or(p.Health, "ONLINE"),
				Size: size, Allocated: used, Free: size - used, Altroot: m.disks[p.Name].altroot, ReadOnly: p.ReadOnly,
			})
		}
		slices.SortFunc(pools, func(a, b Pool) int { return cmp.Compare(a.Name, b.Name) })
		return nil
	})
	return pools, err
}
