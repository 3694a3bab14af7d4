package archive

import (
	"errors"
	"hash/maphash"
	"io/fs"
	"os"
)

// kind is the type of file at a path.
type kind uint8

const (
	kindNone kind = iota
	kindDir
	kindFile
	kindSymlink
	kindOther // device, fifo, socket
)

// tree reports what exists at a path below the root, without following links.
type tree interface {
	at(name string) (kind, error)
	// set records what an accepted member creates at a name.
	set(name string, k kind)
}

// diskTree looks at the disk each time, for an extractor that has written each member
// before the next one is checked.
type diskTree struct{ root *os.Root }

func (t diskTree) at(name string) (kind, error) {
	fi, err := t.root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return kindNone, nil
	case err != nil:
		return kindNone, err
	}
	switch mode := fi.Mode(); {
	case mode.IsDir():
		return kindDir, nil
	case mode.IsRegular():
		return kindFile, nil
	case mode&fs.ModeSymlink != 0:
		return kindSymlink, nil
	}
	return kindOther, nil
}

func (diskTree) set(string, kind) {}

// modelTree also remembers what the archive's earlier members create, for an
// extractor that writes later. A path is kept as a keyed 128-bit hash: half a million
// of them take some 25 MB, whatever their length.
type modelTree struct {
	disk  diskTree
	seeds [2]maphash.Seed
	known map[[2]uint64]kind
}

func newModelTree(root *os.Root) *modelTree {
	return &modelTree{
		disk:  diskTree{root},
		seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		known: map[[2]uint64]kind{},
	}
}

func (t *modelTree) key(name string) [2]uint64 {
	return [2]uint64{maphash.String(t.seeds[0], name), maphash.String(t.seeds[1], name)}
}

func (t *modelTree) at(name string) (kind, error) {
	if k, ok := t.known[t.key(name)]; ok {
		return k, nil
	}
	return t.disk.at(name)
}

func (t *modelTree) set(name string, k kind) { t.known[t.key(name)] = k }
