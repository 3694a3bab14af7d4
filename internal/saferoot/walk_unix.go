//go:build (darwin || dragonfly || freebsd || linux || netbsd || openbsd) && !osroot

package saferoot

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// platform is the part of a Root that depends on the system.
type platform struct {
	fd       int // -1 when closed
	dev, ino uint64
}

func localName(string) bool { return true }

func (r *Root) open() error {
	r.fd = -1
	fd, err := OpenDirAt(unix.AT_FDCWD, r.path)
	if err != nil {
		var st unix.Stat_t
		if unix.Lstat(r.path, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK {
			return &EscapeError{Path: r.path, Component: r.path, Reason: ReasonSymlink, Err: err}
		}
		return &fs.PathError{Op: "open", Path: r.path, Err: err}
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		_ = unix.Close(fd)
		return &fs.PathError{Op: "fstat", Path: r.path, Err: err}
	}
	r.fd, r.dev, r.ino = fd, uint64(st.Dev), uint64(st.Ino)
	return nil
}

func (r *Root) close() error {
	if r.fd < 0 {
		return fs.ErrClosed
	}
	err := unix.Close(r.fd)
	r.fd = -1
	return err
}

// dir is an open directory of the path. Closing it does not close the root's own
// descriptor.
type dir struct {
	fd    int
	owned bool
}

func (d dir) close() {
	if d.owned {
		_ = unix.Close(d.fd) // opened for reading
	}
}

// walk opens the directory of parts, which are the beginning of rel.
func (r *Root) walk(rel string, parts []string) (dir, error) {
	if r.fd < 0 {
		return dir{}, &fs.PathError{Op: "open", Path: rel, Err: fs.ErrClosed}
	}
	d := dir{fd: r.fd}
	for i := range parts {
		next, err := r.enter(d, rel, parts[:i+1])
		d.close()
		if err != nil {
			return dir{}, err
		}
		d = next
	}
	return d, nil
}

// openDir opens a directory for reading its names.
func (r *Root) openDir(rel string, parts []string) (*os.File, error) {
	d, err := r.walk(rel, parts)
	if err != nil {
		return nil, err
	}
	defer d.close()
	fd, err := OpenDirAt(d.fd, ".")
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: rel, Err: err}
	}
	return os.NewFile(uintptr(fd), rel), nil
}

// enter opens the last of parts in d. A missing one is fs.ErrNotExist.
func (r *Root) enter(d dir, rel string, parts []string) (dir, error) {
	name := parts[len(parts)-1]
	fd, err := OpenDirAt(d.fd, name)
	if err != nil {
		return dir{}, refusal(d, rel, parts, err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		_ = unix.Close(fd)
		return dir{}, &fs.PathError{Op: "fstat", Path: rel, Err: err}
	}
	if err := r.checkDevice(rel, parts, uint64(st.Dev)); err != nil {
		_ = unix.Close(fd)
		return dir{}, err
	}
	return dir{fd: fd, owned: true}, nil
}

// refusal returns why a component could not be opened as a directory: the errno
// for a link differs between systems (ELOOP, EMLINK, ENOTDIR).
func refusal(d dir, rel string, parts []string, err error) error {
	info, statErr := statat(d.fd, parts[len(parts)-1])
	if statErr == nil && !info.IsDir() {
		reason := ReasonNotDir
		if info.IsSymlink() {
			reason = ReasonSymlink
		}
		return &EscapeError{Path: rel, Component: join(parts), Reason: reason, Err: err}
	}
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EMLINK) || errors.Is(err, unix.ENOTDIR) {
		// It was a link or a file when it was opened.
		return &EscapeError{Path: rel, Component: join(parts), Reason: ReasonReplaced, Err: err}
	}
	return &fs.PathError{Op: "open", Path: rel, Err: err}
}

func (r *Root) checkDevice(rel string, parts []string, dev uint64) error {
	if !r.options.SameDevice || dev == r.dev || slices.Contains(r.options.Devices, dev) {
		return nil
	}
	return &EscapeError{Path: rel, Component: join(parts), Reason: ReasonMountPoint, Err: unix.EXDEV}
}

func (r *Root) lstat(rel string, parts []string) (Info, error) {
	if len(parts) == 0 {
		d, err := r.walk(rel, nil)
		if err != nil {
			return Info{}, err
		}
		var st unix.Stat_t
		if err := unix.Fstat(d.fd, &st); err != nil {
			return Info{}, &fs.PathError{Op: "fstat", Path: rel, Err: err}
		}
		return infoOf(".", &st), nil
	}
	d, err := r.walk(rel, parts[:len(parts)-1])
	if err != nil {
		return Info{}, err
	}
	defer d.close()
	info, err := statat(d.fd, parts[len(parts)-1])
	if err != nil {
		return Info{}, &fs.PathError{Op: "lstat", Path: rel, Err: err}
	}
	if err := r.checkDevice(rel, parts, info.Dev); err != nil {
		return Info{}, err
	}
	return info, nil
}

// sameRoot checks that the root's path still leads to the open directory.
func (r *Root) sameRoot(rel string) error {
	var st unix.Stat_t
	if err := unix.Lstat(r.path, &st); err != nil || uint64(st.Dev) != r.dev || uint64(st.Ino) != r.ino {
		return &EscapeError{Path: rel, Component: r.path, Reason: ReasonRootChanged, Err: err}
	}
	return nil
}

func statat(fd int, name string) (Info, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return Info{}, err
	}
	return infoOf(name, &st), nil
}

func infoOf(name string, st *unix.Stat_t) Info {
	sec, nsec := st.Mtim.Unix()
	return Info{
		Name: name, Mode: fileMode(uint32(st.Mode)), Size: st.Size, ModTime: time.Unix(sec, nsec),
		Dev: uint64(st.Dev), Ino: uint64(st.Ino), UID: st.Uid, GID: st.Gid,
	}
}

func fileMode(m uint32) fs.FileMode {
	mode := fs.FileMode(m & 0o777)
	switch m & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		mode |= fs.ModeDir
	case unix.S_IFLNK:
		mode |= fs.ModeSymlink
	case unix.S_IFIFO:
		mode |= fs.ModeNamedPipe
	case unix.S_IFSOCK:
		mode |= fs.ModeSocket
	case unix.S_IFBLK:
		mode |= fs.ModeDevice
	case unix.S_IFCHR:
		mode |= fs.ModeDevice | fs.ModeCharDevice
	default:
		mode |= fs.ModeIrregular
	}
	if m&unix.S_ISUID != 0 {
		mode |= fs.ModeSetuid
	}
	if m&unix.S_ISGID != 0 {
		mode |= fs.ModeSetgid
	}
	if m&unix.S_ISVTX != 0 {
		mode |= fs.ModeSticky
	}
	return mode
}

func unixMode(mode fs.FileMode) uint32 {
	m := uint32(mode.Perm())
	if mode&fs.ModeSetuid != 0 {
		m |= unix.S_ISUID
	}
	if mode&fs.ModeSetgid != 0 {
		m |= unix.S_ISGID
	}
	if mode&fs.ModeSticky != 0 {
		m |= unix.S_ISVTX
	}
	return m
}

// newFile returns an os.File of a regular file's descriptor, without O_NONBLOCK,
// which was only needed to open it.
func newFile(fd int, name string) (*os.File, error) {
	if err := unix.SetNonblock(fd, false); err != nil {
		_ = unix.Close(fd)
		return nil, &fs.PathError{Op: "fcntl", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}
