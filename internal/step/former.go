package step

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/atomicfile"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/saferoot"
)

// FormerFile is what a file was before a step changed it.
type FormerFile struct {
	Absent bool        `json:"absent,omitempty"`
	Data   []byte      `json:"data,omitempty"`
	Mode   fs.FileMode `json:"mode,omitempty"`
}

// Before is a FormerFile whose mode is known: a jail's configuration or the record
// of its network.
type Before struct {
	Data []byte `json:"data,omitempty"`
	Had  bool   `json:"had"`
}

// ReadFormer returns what a file of the host is now.
func ReadFormer(path string) (FormerFile, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return FormerFile{Absent: errors.Is(err, fs.ErrNotExist)}, ignore.Err(err, fs.ErrNotExist)
	}
	data, err := os.ReadFile(path)
	return FormerFile{Data: data, Mode: info.Mode().Perm()}, err
}

// restore makes the file at path what it was. A full disk may have kept it from ever
// being changed, and would also keep it from being written again.
func (f FormerFile) restore(path string) error {
	if f.Absent {
		return removeFile(path)
	}
	if now, err := ReadFormer(path); err == nil && !now.Absent && now.Mode == f.Mode && bytes.Equal(now.Data, f.Data) {
		return nil
	}
	if _, err := atomicfile.Clean(path); err != nil {
		return err
	}
	return atomicfile.Write(path, f.Data, f.Mode)
}

// removeFile removes a file of a jail's dataset. One that is gone is no error.
func removeFile(path string) error {
	dir, err := saferoot.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return ignore.Err(dir.Remove(filepath.Base(path)), fs.ErrNotExist)
}

// besideRoot returns the path of a file in a jail's dataset. What it is now goes to
// the journal first, once: a step that runs again after a crash finds its own work
// there.
func besideRoot(ctx context.Context, e Env, dataset, name string, c *plan.Call) (string, error) {
	_, dir, err := Located(ctx, e, c, dataset)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	if _, err := atomicfile.Clean(path); err != nil { // of a killed writer
		return "", err
	}
	var was FormerFile
	if c.Effect(&was) {
		return path, nil
	}
	if was, err = ReadFormer(path); err != nil {
		return "", err
	}
	return path, c.SetEffect(was)
}

// putBack makes a file what it was. Its dataset may be destroyed already, or not
// created yet; then nothing is left to do. It may have its former name back already.
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
		if dir, ok := mounts.Dataset(dataset); ok {
			if err := sameMounted(mounts, c, dataset); err != nil {
				return LeaveReplaced(c, err)
			}
			return was.restore(filepath.Join(dir, name))
		}
	}
	return nil
}

// before returns what the record is now.
func (k NetKey) before(h *host.Host) (Before, error) {
	data, err := os.ReadFile(k.path(h))
	return Before{data, err == nil}, ignore.Err(err, fs.ErrNotExist)
}

// restore makes the record what it was.
func (k NetKey) restore(h *host.Host, was Before) error {
	if was.Had {
		return network.WriteRecord(k.path(h), was.Data)
	}
	return k.Remove(h)
}
