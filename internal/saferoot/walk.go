package saferoot

import (
	"io/fs"
	"slices"
	"syscall"
)

// target is a path that was asked for, and the components of it, from the root
// on, that an error is about.
type target struct {
	rel   string
	parts []string
}

// dirs returns the directory that the target is in. That of the root is itself.
func (t target) dirs() target {
	return target{t.rel, t.parts[:max(len(t.parts)-1, 0)]}
}

// base returns the name of the target in its directory.
func (t target) base() string {
	if len(t.parts) == 0 {
		return "."
	}
	return t.parts[len(t.parts)-1]
}

func (t target) refused(reason string, err error) error {
	return &EscapeError{Path: t.rel, Component: join(t.parts), Reason: reason, Err: err}
}

// failed returns the error of a system call. What was a directory or regular
// file a moment ago has been replaced.
func (t target) failed(op string, err error) error {
	if replaced(err) {
		return t.refused(ReasonReplaced, err)
	}
	return &fs.PathError{Op: op, Path: t.rel, Err: err}
}

// walk opens the directory of a target.
func (r *Root) walk(t target) (dir, error) {
	if r.closed {
		return dir{}, &fs.PathError{Op: "open", Path: t.rel, Err: fs.ErrClosed}
	}
	d := r.top
	for i := range t.parts {
		next, err := r.enter(d, target{t.rel, t.parts[:i+1]})
		r.leave(d)
		if err != nil {
			return dir{}, err
		}
		d = next
	}
	return d, nil
}

// enter opens a target in its directory d. A missing one is fs.ErrNotExist.
func (r *Root) enter(d dir, t target) (dir, error) {
	next, err := d.enter(t.base())
	if err != nil {
		if info, statErr := d.lstat(t.base()); statErr == nil && !info.IsDir() {
			return dir{}, t.refused(info.reasonOr(ReasonNotDir), err)
		}
		return dir{}, t.failed("open", err)
	}
	info, err := next.lstat(".")
	if err != nil {
		err = t.failed("fstat", err)
	} else {
		err = r.checkDevice(t, info)
	}
	if err != nil {
		r.leave(next)
	}
	return next, err
}

// leave closes a directory of walk or enter. The root's own stays open.
func (r *Root) leave(d dir) {
	if d != r.top {
		_ = d.close() // opened for reading
	}
}

func (r *Root) checkDevice(t target, info Info) error {
	if !r.options.SameDevice || info.Dev == r.device || slices.Contains(r.options.Devices, info.Dev) {
		return nil
	}
	return t.refused(ReasonMountPoint, syscall.EXDEV)
}
