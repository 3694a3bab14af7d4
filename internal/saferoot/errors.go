package saferoot

import (
	"errors"
	"fmt"
)

var (
	// ErrEscape says that a path was refused because it leads, or could lead,
	// out of the root, or to something that must not be touched.
	ErrEscape = errors.New("path escapes from root")
	// ErrTooLarge says that a file has more bytes than ReadFile may read.
	ErrTooLarge = errors.New("file too large")
)

// The reasons of an EscapeError.
const (
	ReasonAbsolute    = "absolute path"
	ReasonDotDot      = `".." in path`
	ReasonInvalid     = "invalid name"
	ReasonSymlink     = "symbolic link"
	ReasonNotDir      = "not a directory"
	ReasonNotRegular  = "not a regular file"
	ReasonMountPoint  = "on another file system"
	ReasonReplaced    = "replaced while in use"
	ReasonRootChanged = "root directory was replaced"
)

// EscapeError tells which component of a path was refused, and why. It wraps
// ErrEscape, and the errno where a system call refused.
type EscapeError struct {
	Path      string // the path that was asked for, relative to the root
	Component string // the part of Path up to what was refused
	Reason    string // one of the Reason constants
	Err       error  // the system call's error, or nil
}

func (e *EscapeError) Error() string {
	return fmt.Sprintf("saferoot: %q refused at %q: %s", e.Path, e.Component, e.Reason)
}

// Unwrap returns ErrEscape and Err.
func (e *EscapeError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrEscape}
	}
	return []error{ErrEscape, e.Err}
}
