package simzfs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/libioc/go-libioc/zfsstore/internal/zfsname"
)

// disk has the directories of one pool:
//
//	ALTROOT/...             what is mounted
//	PRIVATE/fs/ID           the files of dataset ID while it is not mounted
//	PRIVATE/mnt/ID/at       while it is mounted: where, and in which order
//	PRIVATE/mnt/ID/covered  the directory that the mount covers
//	PRIVATE/tmp             copies in progress and files to be removed
//
// To mount is to move the directory at the mountpoint to covered and the files
// of the dataset to the mountpoint; both are renames, so they take no time and
// nothing is lost between them.
type disk struct {
	z       *Store
	altroot string // real path
	private string // real path
	// receiving has the directories in tmp that Receive is filling.
	receiving map[string]bool
}

// mountNote is the content of PRIVATE/mnt/ID/at.
type mountNote struct {
	Path string
	Seq  uint64
	// Made is the topmost directory that had to be made for the mountpoint.
	Made string `json:",omitempty"`
}

func newDisk(z *Store, p Pool) (*disk, error) {
	for _, dir := range []string{p.Altroot, p.Private} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	altroot, err := filepath.EvalSymlinks(p.Altroot)
	if err != nil {
		return nil, err
	}
	private, err := filepath.EvalSymlinks(p.Private)
	if err != nil {
		return nil, err
	}
	d := &disk{z: z, altroot: altroot, private: private, receiving: make(map[string]bool)}
	for _, name := range []string{"fs", "mnt", "tmp"} {
		if err := os.MkdirAll(filepath.Join(private, name), 0o755); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (k *disk) files(id uint64) string { return k.path("fs", id) }
func (k *disk) note(id uint64) string  { return k.path("mnt", id) }
func (k *disk) temp(id uint64) string  { return k.path("tmp", id) }
func (k *disk) covered(id uint64) string {
	return filepath.Join(k.note(id), "covered")
}

func (k *disk) path(kind string, id uint64) string {
	return filepath.Join(k.private, kind, strconv.FormatUint(id, 10))
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// rename moves a directory, after which tests may stop the process.
func (k *disk) rename(from, to string) error {
	err := os.Rename(from, to)
	if errors.Is(err, fs.ErrPermission) {
		// Moving a directory changes its "..", for which it must be writable.
		err = renameReadOnly(from, to)
	}
	if err == nil {
		k.z.stop("rename")
	}
	return err
}

func renameReadOnly(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if err := os.Chmod(from, info.Mode().Perm()|0o700); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return errors.Join(err, os.Chmod(from, info.Mode().Perm()))
	}
	return os.Chmod(to, info.Mode().Perm())
}

// attach mounts dataset id: its files appear at path.
func (k *disk) attach(id uint64, path string, seq uint64) error {
	made := ""
	for dir := path; !exists(dir); dir = filepath.Dir(dir) {
		made = dir
	}
	text, err := json.Marshal(mountNote{Path: path, Seq: seq, Made: made})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(k.note(id), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(k.note(id), "at"), text, 0o644); err != nil {
		return err
	}
	k.z.stop("note")
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	if err := k.rename(path, k.covered(id)); err != nil {
		return err
	}
	return k.rename(k.files(id), path)
}

// detach unmounts dataset id, whose files are at path now.
func (k *disk) detach(id uint64, path string) error {
	if err := k.rename(path, k.files(id)); err != nil {
		return err
	}
	if err := k.rename(k.covered(id), path); err != nil {
		return err
	}
	return k.forget(id)
}

func (k *disk) forget(id uint64) error {
	err := removeTree(k.note(id))
	k.z.stop("forget")
	return err
}

// place returns where the files of d are.
func (z *Store) place(d *dataset) string {
	k := z.disks[zfsname.Pool(d.Name)]
	if d.MountedAt == "" {
		return k.files(d.ID)
	}
	return z.found(d.MountedAt, d.MountSeq)
}

// found returns where a path that was visible after mount number seq is now: at
// itself, or below the covered directory of the first later mount on top of it.
func (z *Store) found(path string, seq uint64) string {
	var over *dataset
	for dir := path; ; dir = filepath.Dir(dir) {
		for _, d := range z.state.mountsAt[dir] {
			if d.MountSeq > seq && (over == nil || d.MountSeq < over.MountSeq) {
				over = d
			}
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	if over == nil {
		return path
	}
	return filepath.Join(z.disks[zfsname.Pool(over.Name)].covered(over.ID), path[len(over.MountedAt):])
}

// below reports whether path is dir or in it.
func below(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, dir) && os.IsPathSeparator(path[len(dir)])
}

// resolve returns the real path of a mountpoint. Symbolic links are followed as
// if the altroot were the root directory, so that none leads out of it.
func (k *disk) resolve(mountpoint string) (string, error) {
	at := k.altroot
	rest := strings.Split(filepath.ToSlash(mountpoint), "/")
	for links := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			if at != k.altroot {
				at = filepath.Dir(at)
			}
			continue
		}
		next := filepath.Join(at, name)
		info, err := os.Lstat(next)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		if links++; links > 40 {
			return "", fmt.Errorf("%s: too many levels of symbolic links", mountpoint)
		}
		target, err := os.Readlink(next)
		if err != nil {
			return "", err
		}
		if filepath.IsAbs(target) {
			if below(target, k.altroot) {
				target = target[len(k.altroot):]
			}
			at = k.altroot
		}
		rest = append(strings.Split(filepath.ToSlash(target), "/"), rest...)
	}
	return at, nil
}
