package step

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/atomicfile"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/saferoot"
	"github.com/libioc/go-libioc/jail/jailerr"
)

// FormerFile is what a file was before a step changed it.
type FormerFile struct {
	Absent bool        `json:"absent,omitempty"`
	Data   []byte      `json:"data,omitempty"`
	Mode   fs.FileMode `json:"mode,omitempty"`
	// Now is what the step makes of it. A file that is neither was changed by
	// somebody else since.
	Now *Before `json:"now,omitempty"`
}

// Before is a FormerFile whose mode is known: a jail's configuration or the record
// of its network.
type Before struct {
	Data []byte `json:"data,omitempty"`
	Had  bool   `json:"had"`
}

// MostFormer is how large a file of a jail's dataset may be that is kept, in bytes.
const MostFormer = 16 << 20

// ReadFormer returns what a file below an open directory is now, of at most so many
// bytes.
func ReadFormer(root *saferoot.Root, name string, most int64) (FormerFile, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return FormerFile{Absent: errors.Is(err, fs.ErrNotExist)}, ignore.Err(err, fs.ErrNotExist)
	}
	data, err := root.ReadFile(name, most)
	return FormerFile{Data: data, Mode: info.Mode.Perm()}, err
}

// restore makes a file what it was. A full disk may have kept it from ever being
// changed, and would also keep it from being written again. What somebody else has
// made of it since stays, which is jailerr.ErrChanged.
func (f FormerFile) restore(root *saferoot.Root, name string) error {
	now, err := ReadFormer(root, name, MostFormer)
	if err == nil && now.is(f) && now.Mode == f.Mode {
		return nil
	}
	if err := f.mayChange(root, name); errors.Is(err, jailerr.ErrChanged) {
		return plan.Final(err)
	} else if err != nil {
		return err
	}
	if f.Absent {
		return ignore.Err(root.Remove(name), fs.ErrNotExist)
	}
	return root.WriteFile(name, f.Data, f.Mode)
}

// replace writes a file, or removes it, after that was noted for the undo.
func (f FormerFile) replace(c *plan.Call, root *saferoot.Root, name string, to Before) error {
	if err := f.mayChange(root, name); err != nil {
		return endChanged(c, err)
	}
	f.Now = &to
	if err := c.SetEffect(f); err != nil {
		return err
	}
	if !to.Had {
		return ignore.Err(root.Remove(name), fs.ErrNotExist)
	}
	return root.WriteFile(name, to.Data, 0o644)
}

// mayChange returns jailerr.ErrChanged for a file that is neither what it was nor what
// the step has made of it.
func (f FormerFile) mayChange(root *saferoot.Root, name string) error {
	if f.Now == nil {
		return nil
	}
	now, err := ReadFormer(root, name, MostFormer)
	if err == nil && !now.is(f) && !now.is(FormerFile{Absent: !f.Now.Had, Data: f.Now.Data}) {
		err = fmt.Errorf("%s %w", filepath.Join(root.Path(), name), jailerr.ErrChanged)
	}
	return err
}

func (f FormerFile) is(other FormerFile) bool {
	return f.Absent == other.Absent && bytes.Equal(f.Data, other.Data)
}

// openProved opens where a dataset is mounted. What is opened stays that dataset,
// whatever somebody makes of its name in the meantime. Errors: those of Located.
func openProved(ctx context.Context, e Env, c *plan.Call, dataset string) (*saferoot.Root, error) {
	_, path, err := Located(ctx, e, c, dataset)
	if err != nil {
		return nil, err
	}
	root, err := saferoot.Open(path)
	if err != nil {
		return nil, err
	}
	_, now, err := Located(ctx, e, c, dataset) // as it was when it was opened
	if err == nil {
		err = sameDir(root, now)
	}
	if err != nil {
		root.Close()
		return nil, err
	}
	return root, nil
}

// sameDir checks that an open directory is what is at a path now. A file system that
// was unmounted for a moment shows the directory that it covers.
func sameDir(root *saferoot.Root, path string) error {
	again, err := saferoot.Open(path)
	if err != nil {
		return err
	}
	defer again.Close()
	opened, err1 := root.Lstat(".")
	there, err2 := again.Lstat(".")
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if opened.Dev != there.Dev || opened.Ino != there.Ino {
		return fmt.Errorf("%s: %w", path, jailerr.ErrReplaced)
	}
	return nil
}

// besideRoot opens a jail's dataset to change a file in it. What the file is now goes
// to the journal first, once: a step that runs again after a crash finds its own work
// there. What killed writers have left is removed.
func besideRoot(ctx context.Context, e Env, dataset, name string, c *plan.Call) (*saferoot.Root, FormerFile, error) {
	var was FormerFile
	root, err := openProved(ctx, e, c, dataset)
	if err != nil {
		return nil, was, err
	}
	_, err = atomicfile.Clean(filepath.Join(root.Path(), name))
	if err == nil {
		_, err = root.Clean(".")
	}
	if err == nil && !c.Effect(&was) {
		if was, err = ReadFormer(root, name, MostFormer); err == nil {
			err = c.SetEffect(was)
		}
	}
	if err != nil {
		root.Close()
		return nil, was, err
	}
	return root, was, nil
}

// putBack makes a file what it was. Its dataset may be destroyed already, or not
// created yet; then nothing is left to do. It may have its former name back already. One
// that exists and is not mounted is host.ErrNotMounted.
func putBack(ctx context.Context, e Env, datasets []string, name string, c *plan.Call) error {
	var was FormerFile
	if !c.Effect(&was) {
		return nil
	}
	mounts, err := e.Host.Mounts(ctx)
	if err != nil {
		return err
	}
	for _, dataset := range datasets {
		if _, ok := mounts.Dataset(dataset); !ok {
			continue
		}
		root, err := openProved(ctx, e, c, dataset)
		if err != nil {
			return LeaveReplaced(c, err)
		}
		defer root.Close()
		return was.restore(root, name)
	}
	for _, dataset := range datasets {
		if dataset != "" {
			gone := fmt.Errorf("%w: %s", host.ErrNotMounted, dataset)
			err = errors.Join(err, UnlessDestroyed(ctx, e, dataset, gone))
		}
	}
	return err
}

// before returns what the record is now.
func (k NetKey) before(h *host.Host) (Before, error) {
	data, err := os.ReadFile(k.path(h))
	return Before{data, err == nil}, ignore.Err(err, fs.ErrNotExist)
}

// restore makes the record what it was.
func (k NetKey) restore(ctx context.Context, h *host.Host, was Before) error {
	if was.Had {
		if _, _, err := k.understood(h); err != nil { // a damaged one is not written over
			return err
		}
		if err := plan.WriteFault(ctx); err != nil {
			return err
		}
		return network.WriteRecord(k.path(h), was.Data)
	}
	return k.Remove(h)
}
