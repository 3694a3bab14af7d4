//go:build (darwin || dragonfly || freebsd || linux || netbsd || openbsd) && !osroot

package saferoot

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

func (r *Root) mkdirAll(rel string, parts []string, perm fs.FileMode) (created []string, err error) {
	d, err := r.walk(rel, nil)
	if err != nil {
		return nil, err
	}
	for i, name := range parts {
		next, err := r.enter(d, rel, parts[:i+1])
		if errors.Is(err, fs.ErrNotExist) {
			err = unix.Mkdirat(d.fd, name, unixMode(perm))
			if err == nil {
				created = append(created, join(parts[:i+1]))
			}
			if err == nil || errors.Is(err, unix.EEXIST) {
				next, err = r.enter(d, rel, parts[:i+1])
			} else {
				err = &fs.PathError{Op: "mkdir", Path: rel, Err: err}
			}
		}
		d.close()
		if err != nil {
			return created, err
		}
		d = next
	}
	d.close()
	return created, nil
}

func (r *Root) openFile(rel string, dirs []string, base string, flags int, perm fs.FileMode) (*os.File, error) {
	d, err := r.walk(rel, dirs)
	if err != nil {
		return nil, err
	}
	defer d.close()
	parts := append(dirs[:len(dirs):len(dirs)], base)
	// Do not open a device: that can have effects.
	if info, err := statat(d.fd, base); err == nil && !info.IsRegular() {
		return nil, &EscapeError{Path: rel, Component: join(parts), Reason: leafReason(info.Mode)}
	}
	// Truncate only after checking that it is a regular file.
	how := flags&^os.O_TRUNC | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC | unix.O_NOCTTY
	fd, err := openat(d.fd, base, how, unixMode(perm))
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EMLINK) || errors.Is(err, unix.ENXIO) {
		return nil, &EscapeError{Path: rel, Component: join(parts), Reason: ReasonReplaced, Err: err}
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: rel, Err: err}
	}
	if err := r.checkFile(rel, parts, fd, flags); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return newFile(fd, filepath.Join(r.path, rel))
}

func (r *Root) checkFile(rel string, parts []string, fd, flags int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return &fs.PathError{Op: "fstat", Path: rel, Err: err}
	}
	info := infoOf(parts[len(parts)-1], &st)
	if !info.IsRegular() {
		return &EscapeError{Path: rel, Component: join(parts), Reason: leafReason(info.Mode)}
	}
	if err := r.checkDevice(rel, parts, info.Dev); err != nil {
		return err
	}
	if flags&os.O_TRUNC != 0 {
		if err := unix.Ftruncate(fd, 0); err != nil {
			return &fs.PathError{Op: "ftruncate", Path: rel, Err: err}
		}
	}
	return nil
}

func (r *Root) writeFile(rel string, dirs []string, base string, data []byte, perm fs.FileMode) error {
	d, err := r.walk(rel, dirs)
	if err != nil {
		return err
	}
	defer d.close()
	parts := append(dirs[:len(dirs):len(dirs)], base)
	old, err := statat(d.fd, base)
	exists := err == nil
	switch {
	case exists && !old.IsRegular():
		return &EscapeError{Path: rel, Component: join(parts), Reason: leafReason(old.Mode)}
	case exists:
		if err := r.checkDevice(rel, parts, old.Dev); err != nil {
			return err
		}
		perm = old.Mode
	case !errors.Is(err, unix.ENOENT):
		return &fs.PathError{Op: "lstat", Path: rel, Err: err}
	}
	temp := tempName()
	fd, err := openat(d.fd, temp, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return &fs.PathError{Op: "create", Path: rel, Err: err}
	}
	f := os.NewFile(uintptr(fd), rel)
	err = fill(f, data, perm, old, exists)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		if err = unix.Renameat(d.fd, temp, d.fd, base); err != nil {
			err = &fs.PathError{Op: "rename", Path: rel, Err: err}
		}
	}
	if err != nil {
		_ = unix.Unlinkat(d.fd, temp, 0) // the first error is the one to report
		return err
	}
	if err := unix.Fsync(d.fd); err != nil {
		return &fs.PathError{Op: "fsync", Path: rel, Err: err}
	}
	return nil
}

// fill writes the temporary file. It sets the owner before the mode, since chown(2)
// clears the set-id bits.
func fill(f *os.File, data []byte, perm fs.FileMode, old Info, exists bool) error {
	if _, err := f.Write(data); err != nil {
		return err
	}
	fd := int(f.Fd())
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return &fs.PathError{Op: "fstat", Path: f.Name(), Err: err}
	}
	if exists && (st.Uid != old.UID || st.Gid != old.GID) {
		if err := unix.Fchown(fd, int(old.UID), int(old.GID)); err != nil {
			return &fs.PathError{Op: "fchown", Path: f.Name(), Err: err}
		}
	}
	if err := unix.Fchmod(fd, unixMode(perm)); err != nil {
		return &fs.PathError{Op: "fchmod", Path: f.Name(), Err: err}
	}
	return f.Sync()
}

func (r *Root) remove(rel string, dirs []string, base string, onlyDir bool) error {
	d, err := r.walk(rel, dirs)
	if err != nil {
		return err
	}
	defer d.close()
	info, err := statat(d.fd, base)
	if err != nil {
		return &fs.PathError{Op: "remove", Path: rel, Err: err}
	}
	parts := append(dirs[:len(dirs):len(dirs)], base)
	if onlyDir && !info.IsDir() {
		reason := ReasonNotDir
		if info.IsSymlink() {
			reason = ReasonSymlink
		}
		return &EscapeError{Path: rel, Component: join(parts), Reason: reason}
	}
	if err := r.checkDevice(rel, parts, info.Dev); err != nil {
		return err
	}
	flags := 0
	if info.IsDir() {
		flags = unix.AT_REMOVEDIR
	}
	if err := unix.Unlinkat(d.fd, base, flags); err != nil {
		return &fs.PathError{Op: "remove", Path: rel, Err: err}
	}
	return nil
}
