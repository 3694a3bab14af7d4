package saferoot

import (
	"errors"
	"io/fs"
	"slices"
	"syscall"
)

// MkdirAll creates a directory and missing parents, with permissions perm minus the
// umask. It returns the directories that it created, outermost first, even if it
// fails, for RemoveEmptyDirs. A link, file or device in the way is an *EscapeError.
func (r *Root) MkdirAll(rel string, perm fs.FileMode) (created []string, err error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	parts, err := split(rel)
	if err != nil {
		return nil, err
	}
	d, err := r.walk(target{rel: rel})
	if err != nil {
		return nil, err
	}
	for i, name := range parts {
		t := target{rel, parts[:i+1]}
		next, err := r.enter(d, t)
		if errors.Is(err, fs.ErrNotExist) {
			err = d.mkdir(name, perm)
			if err == nil {
				created = append(created, join(t.parts))
			}
			if err == nil || errors.Is(err, fs.ErrExist) {
				next, err = r.enter(d, t)
			} else {
				err = t.failed("mkdir", err)
			}
		}
		r.leave(d)
		if err != nil {
			return created, err
		}
		d = next
	}
	r.leave(d)
	return created, nil
}

// Remove removes a file, an empty directory, or a symbolic link itself. Errors
// are *EscapeError and *fs.PathError.
func (r *Root) Remove(rel string) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.remove(rel, false)
}

// RemoveEmptyDirs undoes MkdirAll: it removes the directories that are empty,
// the last one first. Missing or nonempty directories are skipped without an error.
// It tries all and joins the errors.
func (r *Root) RemoveEmptyDirs(created []string) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var errs []error
	for _, rel := range slices.Backward(created) {
		err := r.remove(rel, true)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTEMPTY) && !errors.Is(err, fs.ErrExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (r *Root) remove(rel string, onlyDir bool) error {
	d, t, err := r.above(rel)
	if err != nil {
		return err
	}
	defer r.leave(d)
	info, err := d.lstat(t.base())
	if err != nil {
		return t.failed("remove", err)
	}
	if onlyDir && !info.IsDir() {
		return t.refused(info.reasonOr(ReasonNotDir), nil)
	}
	if err := r.checkDevice(t, info); err != nil {
		return err
	}
	if err := d.remove(t.base(), info.IsDir()); err != nil {
		return t.failed("remove", err)
	}
	return nil
}
