package freebsd

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/internal/saferoot"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/precheck"
	"github.com/libioc/go-libioc/kernel/internal/refusal"
)

// mountPoint opens one component after the other below the root that the request
// names, without following a symbolic link, and returns the real path of the
// mount point.
func mountPoint(req kernel.MountRequest) (string, error) {
	escape := func(msg string) error {
		return &kernel.CallError{Op: "nmount", Subject: req.Path, Err: kernel.ErrEscape, Msg: msg}
	}
	components, ok := precheck.Below(req.Below, req.Path)
	if !ok {
		return "", escape("is not below " + req.Below)
	}
	root, err := filepath.EvalSymlinks(req.Below)
	if err != nil {
		return "", lookupError(req.Below, err)
	}
	r, err := saferoot.Open(root)
	if err != nil {
		return "", lookupError(root, err)
	}
	defer r.Close()
	at, err := r.MountPoint(strings.Join(append([]string{"."}, components...), "/"))
	if err == nil {
		return at, nil
	}
	refused, ok := errors.AsType[*saferoot.EscapeError](err)
	if !ok {
		return "", lookupError(req.Path, err)
	}
	at = filepath.Join(root, refused.Component)
	switch refused.Reason {
	case saferoot.ReasonNotDir, saferoot.ReasonNotRegular:
		return "", lookupError(at, syscall.ENOTDIR)
	}
	return "", escape(at + ": " + refused.Reason)
}

// lookupError returns the error of a mount whose path could not be looked up.
func lookupError(path string, err error) error {
	return refusal.NotFound(callError("nmount", path, err))
}

// callError returns the error of a call, with its errno if it has one.
func callError(op, subject string, err error) *kernel.CallError {
	e := &kernel.CallError{Op: op, Subject: subject}
	if !errors.As(err, &e.Errno) {
		e.Msg = err.Error()
	}
	return e
}
