package simzfs

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/libioc/go-libioc/zfsstore"
	"github.com/libioc/go-libioc/zfsstore/internal/zfsname"
)

// restore loads the state from the committed records and repairs the directories,
// whatever an operation left half done.
func (z *Store) restore() error {
	if err := z.load(); err != nil {
		return err
	}
	if err := z.detachStale(); err != nil {
		return err
	}
	for _, d := range z.state.byID {
		if err := z.repairFiles(d); err != nil {
			return err
		}
	}
	for _, k := range z.disks {
		if err := k.sweep(); err != nil {
			return err
		}
	}
	if err := z.attachMissing(); err != nil {
		return err
	}
	return z.repairSnapshots()
}

type foundNote struct {
	mountNote
	disk *disk
	id   uint64
}

// detachStale undoes all mounts, newest first, unless each of them is as the
// records say.
func (z *Store) detachStale() error {
	var notes []foundNote
	stale := false
	for _, k := range z.disks {
		ids, err := k.ids("mnt")
		if err != nil {
			return err
		}
		for _, id := range ids {
			n := foundNote{disk: k, id: id}
			text, err := os.ReadFile(filepath.Join(k.note(id), "at"))
			if err != nil || json.Unmarshal(text, &n.mountNote) != nil {
				// The process was killed while writing it, before anything was moved.
				if err := removeTree(k.note(id)); err != nil {
					return err
				}
				stale = true
				continue
			}
			notes = append(notes, n)
			d := z.state.byID[id]
			stale = stale || d == nil || d.MountedAt != n.Path || d.MountSeq != n.Seq ||
				exists(k.files(id)) || !exists(k.covered(id))
		}
	}
	if !stale && len(notes) == len(z.state.mounts) {
		return nil
	}
	slices.SortFunc(notes, func(a, b foundNote) int { return cmp.Compare(b.Seq, a.Seq) })
	for _, n := range notes {
		if err := n.disk.takeApart(n); err != nil {
			return err
		}
	}
	return nil
}

// takeApart undoes a mount that may be half done or half undone.
func (k *disk) takeApart(n foundNote) error {
	covered, files := k.covered(n.id), k.files(n.id)
	if exists(covered) {
		if !exists(files) && exists(n.Path) {
			if err := k.rename(n.Path, files); err != nil {
				return err
			}
		}
		if !exists(n.Path) {
			if err := os.MkdirAll(filepath.Dir(n.Path), 0o755); err != nil {
				return err
			}
			if err := k.rename(covered, n.Path); err != nil {
				return err
			}
		}
	}
	if n.Made != "" && below(n.Path, n.Made) {
		for dir := n.Path; below(dir, n.Made) && os.Remove(dir) == nil; {
			dir = filepath.Dir(dir)
		}
	}
	return k.forget(n.id)
}

// repairFiles restores the directory of a dataset that is not mounted.
func (z *Store) repairFiles(d *dataset) error {
	k := z.disks[zfsname.Pool(d.Name)]
	if d.Type != zfsstore.Filesystem || exists(k.note(d.ID)) {
		return nil
	}
	files, rolled := k.files(d.ID), k.rolled(d.ID)
	if exists(rolled) {
		// The process was killed in a rollback: the snapshots move to the new files.
		if !exists(files) {
			if err := k.rename(rolled, files); err != nil {
				return err
			}
		} else if control := filepath.Join(rolled, controlDir); exists(control) && !exists(filepath.Join(files, controlDir)) {
			if err := k.rename(control, filepath.Join(files, controlDir)); err != nil {
				return err
			}
		}
	}
	if d.Pristine || exists(files) {
		return nil
	}
	return os.Mkdir(files, 0o755)
}

// rolled returns where a rollback prepares the files of a snapshot.
func (k *disk) rolled(id uint64) string {
	return filepath.Join(k.private, "tmp", "rolled-"+strconv.FormatUint(id, 10))
}

// sweep removes the files of datasets that do not exist, and unfinished copies.
func (k *disk) sweep() error {
	ids, err := k.ids("fs")
	if err != nil {
		return err
	}
	for _, id := range ids {
		if d := k.z.state.byID[id]; d == nil || k.z.disks[zfsname.Pool(d.Name)] != k {
			if err := removeTree(k.files(id)); err != nil {
				return err
			}
		}
	}
	entries, err := os.ReadDir(filepath.Join(k.private, "tmp"))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if k.receiving[entry.Name()] {
			continue
		}
		if err := removeTree(filepath.Join(k.private, "tmp", entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (k *disk) ids(kind string) ([]uint64, error) {
	entries, err := os.ReadDir(filepath.Join(k.private, kind))
	if err != nil {
		return nil, err
	}
	var ids []uint64
	for _, entry := range entries {
		if id, err := strconv.ParseUint(entry.Name(), 10, 64); err == nil {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// attachMissing mounts what the records say is mounted.
func (z *Store) attachMissing() error {
	for _, d := range z.byMountOrder() {
		k := z.disks[zfsname.Pool(d.Name)]
		if exists(k.note(d.ID)) {
			continue
		}
		if err := k.attach(d.ID, d.MountedAt, d.MountSeq); err != nil {
			return err
		}
	}
	return nil
}

// repairSnapshots moves the directories of snapshots to where they belong, creates
// missing ones and removes those of snapshots that do not exist.
func (z *Store) repairSnapshots() error {
	for _, s := range z.state.snapshots {
		if s.of.Type != zfsstore.Filesystem || exists(z.snapshotDir(s)) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(z.snapshotDir(s)), 0o755); err != nil {
			return err
		}
		if was := z.formerDir(s); was != "" && exists(was) {
			if err := os.Rename(was, z.snapshotDir(s)); err != nil {
				return err
			}
			continue
		}
		if err := os.Mkdir(z.snapshotDir(s), 0o755); err != nil {
			return err
		}
	}
	for _, d := range z.state.byID {
		dir := filepath.Join(z.place(d), controlDir, "snapshot")
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue // no snapshots
		}
		for _, entry := range entries {
			if d.snapshotNamed(entry.Name()) == nil {
				if err := removeTree(filepath.Join(dir, entry.Name())); err != nil {
					return err
				}
			}
		}
		if len(d.snapshots) == 0 {
			_ = removeTree(filepath.Join(z.place(d), controlDir))
		}
	}
	return nil
}

// formerDir returns where the directory of a snapshot was before it was renamed or
// promoted, "" if it never was or if another snapshot is there now.
func (z *Store) formerDir(s *snapshot) string {
	of := z.state.byID[s.WasDataset]
	if of == nil || s.WasName == "" || of.snapshotNamed(s.WasName) != nil {
		return ""
	}
	return filepath.Join(z.place(of), controlDir, "snapshot", s.WasName)
}
