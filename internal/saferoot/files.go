package saferoot

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Lstat describes a file or link. The directories above it must not be links.
// Errors are *EscapeError and *fs.PathError (fs.ErrNotExist).
func (r *Root) Lstat(rel string) (Info, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	info, _, err := r.lstat(rel)
	return info, err
}

func (r *Root) lstat(rel string) (Info, target, error) {
	parts, err := split(rel)
	if err != nil {
		return Info{}, target{}, err
	}
	t := target{rel, parts}
	d, err := r.walk(t.dirs())
	if err != nil {
		return Info{}, t, err
	}
	defer r.leave(d)
	info, err := d.lstat(t.base())
	if err != nil {
		return Info{}, t, t.failed("lstat", err)
	}
	return info, t, r.checkDevice(t, info)
}

// above opens the directory of a path, which must be below the root.
func (r *Root) above(rel string) (dir, target, error) {
	parts, err := split(rel)
	t := target{rel, parts}
	if err == nil && len(parts) == 0 {
		err = t.refused(ReasonNotRegular, nil)
	}
	if err != nil {
		return dir{}, t, err
	}
	d, err := r.walk(t.dirs())
	return d, t, err
}

// OpenFile opens a regular file with the flags of os.OpenFile; perm applies to
// os.O_CREATE, minus the umask. Anything but a regular file is an *EscapeError; it
// is not waited for or truncated. The caller closes the file.
func (r *Root) OpenFile(rel string, flags int, perm fs.FileMode) (*os.File, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	d, t, err := r.above(rel)
	if err != nil {
		return nil, err
	}
	defer r.leave(d)
	// Do not open a device: that can have effects.
	if info, err := d.lstat(t.base()); err == nil && !info.IsRegular() {
		return nil, t.refused(info.reasonOr(ReasonNotRegular), nil)
	}
	// Truncate only after checking that it is a regular file.
	f, err := d.open(t.base(), flags&^os.O_TRUNC, perm)
	if err != nil {
		return nil, t.failed("open", err)
	}
	info, err := statFile(f)
	if err == nil && !info.IsRegular() {
		err = t.refused(ReasonReplaced, nil)
	}
	if err == nil {
		err = r.checkDevice(t, info)
	}
	if err == nil && flags&os.O_TRUNC != 0 {
		err = f.Truncate(0)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// ReadFile reads a regular file of at most limit bytes; a larger one is
// ErrTooLarge, so that a jail cannot exhaust the host's memory.
func (r *Root) ReadFile(rel string, limit int64) ([]byte, error) {
	f, err := r.OpenFile(rel, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit))
	if err != nil {
		return nil, err
	}
	if n, err := f.Read(make([]byte, 1)); n > 0 {
		return nil, &fs.PathError{Op: "read", Path: rel, Err: ErrTooLarge}
	} else if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return data, nil
}

// WriteFile replaces a file's content atomically: it writes, syncs and renames a
// temporary file in the same directory, and syncs the directory. An existing
// regular file keeps its mode and owner, a new one gets perm exactly; its
// directory must exist. A link or anything else in its place is an *EscapeError.
func (r *Root) WriteFile(rel string, data []byte, perm fs.FileMode) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	d, t, err := r.above(rel)
	if err != nil {
		return err
	}
	defer r.leave(d)
	old, err := d.lstat(t.base())
	exists := err == nil
	switch {
	case exists && !old.IsRegular():
		return t.refused(old.reasonOr(ReasonNotRegular), nil)
	case exists:
		if err := r.checkDevice(t, old); err != nil {
			return err
		}
		perm = old.Mode
	case !errors.Is(err, fs.ErrNotExist):
		return t.failed("lstat", err)
	}
	temp := tempName()
	f, err := d.open(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return t.failed("create", err)
	}
	err = fill(f, data, perm, old, exists)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		if err = d.rename(temp, t.base()); err != nil {
			err = t.failed("rename", err)
		}
	}
	if err != nil {
		_ = d.remove(temp, false) // the first error is the one to report
		return err
	}
	if err := d.sync(); err != nil {
		return t.failed("fsync", err)
	}
	return nil
}

// fill writes the temporary file. It sets the owner before the mode, since chown(2)
// clears the set-id bits.
func fill(f *os.File, data []byte, perm fs.FileMode, old Info, exists bool) error {
	if _, err := f.Write(data); err != nil {
		return err
	}
	info, err := statFile(f)
	if err != nil {
		return err
	}
	if exists && (info.UID != old.UID || info.GID != old.GID) {
		if err := f.Chown(int(old.UID), int(old.GID)); err != nil {
			return err
		}
	}
	if err := f.Chmod(perm); err != nil {
		return err
	}
	return f.Sync()
}

// MountPoint checks that rel can be mounted on: every component is a real
// directory, or the last one a regular file, and the root is still the directory at
// its path. It returns the absolute path for nmount(2), which does not accept a
// descriptor.
//
// The result is valid while nobody inside the jail can change the path. For a jail
// with processes, compare f_mntonname of getfsstat(2) with the path after the
// mount, and undo the mount if they differ.
func (r *Root) MountPoint(rel string) (abs string, err error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	info, t, err := r.lstat(rel)
	if err != nil {
		return "", err
	}
	if !info.IsDir() && !info.IsRegular() {
		return "", t.refused(info.reasonOr(ReasonNotRegular), nil)
	}
	if same, err := r.top.isAt(r.path); !same {
		return "", &EscapeError{Path: rel, Component: r.path, Reason: ReasonRootChanged, Err: err}
	}
	return filepath.Join(r.path, filepath.FromSlash(join(t.parts))), nil
}
