package simzfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// controlDir is the directory of a file system that its snapshots are in.
const controlDir = ".zfs"

// A copier copies trees of files: modes, times, owners where permitted,
// symbolic links, hard links and named pipes. Sockets and devices, which a
// file system in a directory cannot stand for, are left out.
type copier struct {
	// instead maps a directory that is mounted over to the covered one, which
	// is read in its place.
	instead map[string]string
	linked  map[fileID]string
}

// copyTree copies the directory from to the new directory to, without the
// control directory at its top.
func (c *copier) copyTree(from, to string) error {
	c.linked = make(map[fileID]string)
	return c.copyDir(from, to, true)
}

func (c *copier) source(dir string) string {
	for {
		other, ok := c.instead[dir]
		if !ok {
			return dir
		}
		dir = other
	}
}

func (c *copier) copyDir(from, to string, top bool) error {
	if !top {
		from = c.source(from)
	}
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	for _, entry := range entries {
		if top && entry.Name() == controlDir {
			continue
		}
		if err := c.copyEntry(filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name())); err != nil {
			return err
		}
	}
	return keep(to, info)
}

func (c *copier) copyEntry(from, to string) error {
	info, err := os.Lstat(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // removed in the meantime
	}
	if err != nil {
		return err
	}
	switch info.Mode().Type() {
	case fs.ModeDir:
		return c.copyDir(from, to, false)
	case fs.ModeSymlink:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		if err := os.Symlink(target, to); err != nil {
			return err
		}
		return keepOwner(to, info)
	case fs.ModeNamedPipe:
		if err := makePipe(to); err != nil {
			return err
		}
		return keep(to, info)
	case 0:
		return c.copyFile(from, to, info)
	}
	return nil
}

func (c *copier) copyFile(from, to string, info fs.FileInfo) error {
	id, shared := linkID(info)
	if shared {
		if first, ok := c.linked[id]; ok {
			return os.Link(first, to)
		}
		c.linked[id] = to
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err := writeAll(out, err, in); err != nil {
		return err
	}
	return keep(to, info)
}

// writeAll writes all of in to a file that was just opened, and closes it. From
// file to file io.Copy is copy_file_range(2) where that exists, which shares the
// blocks if the file system can.
func writeAll(out *os.File, err error, in io.Reader) error {
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// permissions returns a file's mode as chmod(2) takes it.
func permissions(info fs.FileInfo) fs.FileMode {
	return info.Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
}

// keep gives a copy the owner, mode and times of its original. The owner comes
// first: changing it clears the setuid bit.
func keep(path string, info fs.FileInfo) error {
	if err := keepOwner(path, info); err != nil {
		return err
	}
	if err := os.Chmod(path, permissions(info)); err != nil {
		return err
	}
	return os.Chtimes(path, info.ModTime(), info.ModTime())
}

// removeTree removes a tree, directories without permission to do so included.
func removeTree(path string) error {
	err := os.RemoveAll(path)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	// The second try reports what remains.
	_ = filepath.WalkDir(path, func(p string, entry fs.DirEntry, err error) error {
		if entry != nil && entry.IsDir() {
			_ = os.Chmod(p, 0o700)
			if err != nil {
				return filepath.SkipDir
			}
		}
		return nil
	})
	return os.RemoveAll(path)
}
