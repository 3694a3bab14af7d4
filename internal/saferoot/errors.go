package saferoot

import (
	"errors"
	"fmt"
)

var (
	// ErrEscape: the path leads, or could lead, out of the root, or to a file that
	// must not be opened.
	ErrEscape = errors.New("path escapes from root")
	// ErrTooLarge: the file is larger than the limit of ReadFile.
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

// EscapeError is a rejected path, with the component and the reason. It wraps
// ErrEscape, and the errno if a system call failed.
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
