package simzfs

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/libioc/go-libioc/zfsstore"
	"github.com/libioc/go-libioc/zfsstore/internal/zfsname"
)

// poolRecord, datasetRecord and snapshotRecord are the records. Datasets and
// snapshots have an id that never changes, so that renaming touches
// the records of the names only.
type poolRecord struct {
	Name string
	GUID uint64
}

type datasetRecord struct {
	ID        uint64
	Name      string
	Type      zfsstore.Type
	GUID      uint64
	TXG       uint64
	Creation  int64
	Origin    uint64            `json:",omitempty"` // id of a snapshot
	Pristine  bool              `json:",omitempty"` // a clone whose files were not copied yet
	VolSize   uint64            `json:",omitempty"`
	Local     map[string]string `json:",omitempty"` // properties set here
	Received  map[string]string `json:",omitempty"` // properties that came with a stream
	MountedAt string            `json:",omitempty"` // real path
	MountSeq  uint64            `json:",omitempty"` // order of mounting
	Jails     []string          `json:",omitempty"`
	ReadOnly  string            `json:",omitempty"` // digest of the files since readonly=on
}

type snapshotRecord struct {
	ID       uint64
	Dataset  uint64 // id
	Name     string // after the @
	GUID     uint64
	TXG      uint64
	Creation int64
	Local    map[string]string `json:",omitempty"`
	Received map[string]string `json:",omitempty"`
	Holds    []string          `json:",omitempty"`
	Deferred bool              `json:",omitempty"`
	// Where the directory may still be if the process was killed while
	// renaming or promoting.
	WasDataset uint64 `json:",omitempty"`
	WasName    string `json:",omitempty"`
}

// state is the records, indexed.
type state struct {
	pools     map[string]*poolRecord
	datasets  map[string]*dataset  // by name
	byID      map[uint64]*dataset  // by id
	snapshots map[uint64]*snapshot // by id
	mounts    map[uint64]*dataset  // mounted ones by id
	mountsAt  map[string][]*dataset
	lastID    uint64
	lastTXG   uint64
	lastMount uint64
}

type dataset struct {
	datasetRecord
	parent    *dataset
	children  map[string]*dataset // by whole name
	snapshots []*snapshot         // oldest first
	count     uint64              // datasets in the subtree, itself included
}

type snapshot struct {
	snapshotRecord
	of      *dataset
	clones  map[uint64]*dataset
	sending int // streams open
}

func (s *snapshot) name() string { return s.of.Name + "@" + s.Name }

func (d *dataset) key() string  { return "dataset/" + strconv.FormatUint(d.ID, 10) }
func (s *snapshot) key() string { return "snapshot/" + strconv.FormatUint(s.ID, 10) }

func (d *dataset) snapshotNamed(name string) *snapshot {
	for _, s := range d.snapshots {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// sortedChildren returns the children by name.
func (d *dataset) sortedChildren() []*dataset {
	return slices.SortedFunc(maps.Values(d.children), func(a, b *dataset) int { return cmp.Compare(a.Name, b.Name) })
}

// subtree returns d and all datasets below, parents first.
func (d *dataset) subtree() []*dataset {
	all := []*dataset{d}
	for _, child := range d.sortedChildren() {
		all = append(all, child.subtree()...)
	}
	return all
}

// find returns the snapshot "dataset@name", or nil.
func (s *state) find(name string) *snapshot {
	of, snap := zfsname.Split(name)
	if d := s.datasets[of]; d != nil {
		return d.snapshotNamed(snap)
	}
	return nil
}

func (s *state) nextID() uint64 { s.lastID++; return s.lastID }

// add indexes a dataset whose parent is known.
func (s *state) add(d *dataset) {
	d.children = make(map[string]*dataset)
	d.count = 1
	s.byID[d.ID] = d
	s.link(d)
	if origin := s.snapshots[d.Origin]; origin != nil {
		origin.clones[d.ID] = d
	}
	if d.MountedAt != "" {
		s.setMounted(d, d.MountedAt, d.MountSeq)
	}
}

// link indexes a dataset, with its subtree, by name.
func (s *state) link(d *dataset) {
	s.datasets[d.Name] = d
	d.parent = s.datasets[zfsname.Parent(d.Name)]
	if d.parent != nil {
		d.parent.children[d.Name] = d
	}
	for up := d.parent; up != nil; up = up.parent {
		up.count += d.count
	}
}

func (s *state) unlink(d *dataset) {
	delete(s.datasets, d.Name)
	if d.parent != nil {
		delete(d.parent.children, d.Name)
	}
	for up := d.parent; up != nil; up = up.parent {
		up.count -= d.count
	}
}

func (s *state) remove(d *dataset) {
	s.unlink(d)
	delete(s.byID, d.ID)
	if origin := s.snapshots[d.Origin]; origin != nil {
		delete(origin.clones, d.ID)
	}
}

func (s *state) addSnapshot(snap *snapshot) {
	s.snapshots[snap.ID] = snap
	if snap.clones == nil {
		snap.clones = make(map[uint64]*dataset)
	}
	snap.of.snapshots = append(snap.of.snapshots, snap)
	slices.SortStableFunc(snap.of.snapshots, func(a, b *snapshot) int {
		return cmp.Or(cmp.Compare(a.TXG, b.TXG), cmp.Compare(a.ID, b.ID))
	})
}

func (s *state) removeSnapshot(snap *snapshot) {
	delete(s.snapshots, snap.ID)
	snap.of.snapshots = slices.DeleteFunc(snap.of.snapshots, func(o *snapshot) bool { return o == snap })
}

// setMounted records that d is mounted at path, or not mounted if that is "".
func (s *state) setMounted(d *dataset, path string, seq uint64) {
	if old := d.MountedAt; s.mounts[d.ID] != nil {
		rest := slices.DeleteFunc(s.mountsAt[old], func(o *dataset) bool { return o == d })
		if s.mountsAt[old] = rest; len(rest) == 0 {
			delete(s.mountsAt, old)
		}
		delete(s.mounts, d.ID)
	}
	d.MountedAt, d.MountSeq = path, seq
	if path != "" {
		s.mounts[d.ID] = d
		s.mountsAt[path] = append(s.mountsAt[path], d)
	}
}

// touch marks records as changed.
func (c *change) touch(d *dataset)          { c.dirty[d.key()] = &d.datasetRecord }
func (c *change) touchSnapshot(s *snapshot) { c.dirty[s.key()] = &s.snapshotRecord }
func (c *change) gone(key string)           { c.dirty[key] = nil }

func (z *Store) remember(r Record) {
	if len(r.Value) == 0 || string(r.Value) == "null" {
		delete(z.committed, r.Key)
	} else {
		z.committed[r.Key] = r.Value
	}
}

// compareKeys orders records: pools, datasets, snapshots, each by id.
func compareKeys(a, b string) int {
	kindA, idA, _ := strings.Cut(a, "/")
	kindB, idB, _ := strings.Cut(b, "/")
	rank := map[string]int{"pool": 0, "dataset": 1, "snapshot": 2}
	return cmp.Or(cmp.Compare(rank[kindA], rank[kindB]), cmp.Compare(len(idA), len(idB)), cmp.Compare(idA, idB))
}

// load indexes the committed records.
func (z *Store) load() error {
	old := z.state.snapshots
	z.state = state{
		pools:     make(map[string]*poolRecord),
		datasets:  make(map[string]*dataset),
		byID:      make(map[uint64]*dataset),
		snapshots: make(map[uint64]*snapshot),
		mounts:    make(map[uint64]*dataset),
		mountsAt:  make(map[string][]*dataset),
	}
	s := &z.state
	var datasets []*dataset
	var snapshots []*snapshot
	for key, value := range z.committed {
		kind, _, _ := strings.Cut(key, "/")
		var err error
		switch kind {
		case "pool":
			p := new(poolRecord)
			if err = json.Unmarshal(value, p); err == nil {
				s.pools[p.Name] = p
			}
		case "dataset":
			d := new(dataset)
			err = json.Unmarshal(value, &d.datasetRecord)
			datasets = append(datasets, d)
			s.lastID, s.lastTXG, s.lastMount = max(s.lastID, d.ID), max(s.lastTXG, d.TXG), max(s.lastMount, d.MountSeq)
		case "snapshot":
			snap := new(snapshot)
			err = json.Unmarshal(value, &snap.snapshotRecord)
			snapshots = append(snapshots, snap)
			s.lastID, s.lastTXG = max(s.lastID, snap.ID), max(s.lastTXG, snap.TXG)
		}
		if err != nil {
			return fmt.Errorf("record %s: %w", key, err)
		}
	}
	// A name is longer than its parent's, so this is parents first.
	slices.SortFunc(datasets, func(a, b *dataset) int { return cmp.Compare(a.Name, b.Name) })
	for _, d := range datasets {
		if z.disks[zfsname.Pool(d.Name)] == nil {
			return fmt.Errorf("dataset %s: %w", d.Name, zfsstore.ErrNoPool)
		}
		s.add(d)
		if d.parent == nil && zfsname.Parent(d.Name) != "" {
			return fmt.Errorf("dataset %s: %w", d.Name, zfsstore.ErrParentNotFound)
		}
	}
	for _, snap := range snapshots {
		if snap.of = s.byID[snap.Dataset]; snap.of == nil {
			return fmt.Errorf("snapshot %d@%s: %w", snap.Dataset, snap.Name, zfsstore.ErrNotFound)
		}
		if before := old[snap.ID]; before != nil {
			snap.sending = before.sending
		}
		s.addSnapshot(snap)
	}
	for _, d := range datasets {
		if d.Origin != 0 {
			origin := s.snapshots[d.Origin]
			if origin == nil {
				return fmt.Errorf("origin of %s: %w", d.Name, zfsstore.ErrNotFound)
			}
			origin.clones[d.ID] = d
		}
	}
	return nil
}

// createPools makes the pools that the records do not know.
func (z *Store) createPools() error {
	for _, p := range z.opts.Pools {
		if z.state.datasets[p.Name] != nil {
			continue
		}
		c := &change{z: z, ctx: context.Background(), op: "create", target: p.Name, dirty: map[string]any{}}
		pool := &poolRecord{Name: p.Name, GUID: z.opts.NewGUID()}
		z.state.pools[p.Name] = pool
		c.dirty["pool/"+p.Name] = pool
		d := c.newDataset(p.Name, zfsstore.Filesystem)
		if err := c.makeFiles(d); err != nil {
			return err
		}
		if err := c.mountNew(d); err != nil {
			return err
		}
		if err := c.commit(); err != nil {
			return err
		}
	}
	return nil
}
