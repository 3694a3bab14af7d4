//go:build (darwin || dragonfly || freebsd || linux || netbsd || openbsd) && !osroot

package saferoot

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// dir is an open directory. Its methods take names of files in it, and return
// errors of the system.
type dir struct {
	fd   int
	path string
}

func localName(string) bool { return true }

func openTop(path string) (dir, error) {
	fd, err := OpenDirAt(unix.AT_FDCWD, path)
	return dir{fd, path}, err
}

func (d dir) close() error { return unix.Close(d.fd) }

// isAt reports whether path leads to this directory.
func (d dir) isAt(path string) (bool, error) {
	there, err := dir{fd: unix.AT_FDCWD}.lstat(path)
	if err != nil {
		return false, err
	}
	here, err := d.lstat(".")
	return err == nil && here.Dev == there.Dev && here.Ino == there.Ino, err
}

func (d dir) enter(name string) (dir, error) {
	fd, err := OpenDirAt(d.fd, name)
	return dir{fd, filepath.Join(d.path, name)}, err
}

// list opens the directory for reading its names.
func (d dir) list() (*os.File, error) {
	fd, err := OpenDirAt(d.fd, ".")
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), d.path), nil
}

// lstat of "." is of the directory that was opened: FreeBSD would look up what has
// been mounted over it since.
func (d dir) lstat(name string) (Info, error) {
	var st unix.Stat_t
	var err error
	if name == "." {
		err = unix.Fstat(d.fd, &st)
	} else {
		err = unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	}
	if err != nil {
		return Info{}, err
	}
	return infoOf(name, &st), nil
}

func (d dir) mkdir(name string, perm fs.FileMode) error {
	return unix.Mkdirat(d.fd, name, uint32(perm.Perm()))
}

func (d dir) open(name string, flags int, perm fs.FileMode) (*os.File, error) {
	// Without O_NONBLOCK it would wait for a fifo's writer.
	flags |= unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC | unix.O_NOCTTY
	fd, err := openat(d.fd, name, flags, uint32(perm.Perm()))
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), filepath.Join(d.path, name)), nil
}

func (d dir) rename(from, to string) error { return unix.Renameat(d.fd, from, d.fd, to) }

func (d dir) remove(name string, isDir bool) error {
	flags := 0
	if isDir {
		flags = unix.AT_REMOVEDIR
	}
	return unix.Unlinkat(d.fd, name, flags)
}

func (d dir) sync() error { return unix.Fsync(d.fd) }

// replaced reports whether an error of enter or open means that there was a
// link, a file or a fifo instead. The errno for a link differs between systems.
func replaced(err error) bool {
	return errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EMLINK) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ENXIO)
}

func statFile(f *os.File) (Info, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return Info{}, &fs.PathError{Op: "fstat", Path: f.Name(), Err: err}
	}
	return infoOf(filepath.Base(f.Name()), &st), nil
}

func infoOf(name string, st *unix.Stat_t) Info {
	sec, nsec := st.Mtim.Unix()
	return Info{
		Name: name, Mode: fileMode(uint32(st.Mode)), Size: st.Size, ModTime: time.Unix(sec, nsec),
		Dev: uint64(st.Dev), Ino: uint64(st.Ino), UID: st.Uid, GID: st.Gid,
	}
}

var fileTypes = map[uint32]fs.FileMode{
	unix.S_IFREG:  0,
	unix.S_IFDIR:  fs.ModeDir,
	unix.S_IFLNK:  fs.ModeSymlink,
	unix.S_IFIFO:  fs.ModeNamedPipe,
	unix.S_IFSOCK: fs.ModeSocket,
	unix.S_IFBLK:  fs.ModeDevice,
	unix.S_IFCHR:  fs.ModeDevice | fs.ModeCharDevice,
}

func fileMode(m uint32) fs.FileMode {
	mode, ok := fileTypes[m&unix.S_IFMT]
	if !ok {
		mode = fs.ModeIrregular
	}
	mode |= fs.FileMode(m & 0o777)
	for bit, flag := range map[uint32]fs.FileMode{unix.S_ISUID: fs.ModeSetuid, unix.S_ISGID: fs.ModeSetgid, unix.S_ISVTX: fs.ModeSticky} {
		if m&bit != 0 {
			mode |= flag
		}
	}
	return mode
}
