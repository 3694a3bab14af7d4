package archive

import (
	"errors"
	"fmt"
	"strings"
)

// Reasons for which an archive is refused, for errors.Is.
var (
	// ErrAbsolutePath: a member's name is absolute.
	ErrAbsolutePath = errors.New("absolute path")
	// ErrDotDot: a member's name has a ".." component.
	ErrDotDot = errors.New(`path has a ".." component`)
	// ErrThroughSymlink: a member's name or a hard link's target leads through
	// a symbolic link, or a link exists where the member is a directory.
	ErrThroughSymlink = errors.New("path leads through a symbolic link")
	// ErrLinkEscape: a hard link's target is absolute or has a ".." component.
	ErrLinkEscape = errors.New("hard link target is outside of the root")
	// ErrLinkTarget: a hard link's target does not exist or is a directory.
	ErrLinkTarget = errors.New("hard link target does not exist")
	// ErrNotDirectory: a component on the way to the name is not a directory.
	ErrNotDirectory = errors.New("parent is not a directory")
	// ErrDevice: the member is a device node or a fifo.
	ErrDevice = errors.New("device node or fifo")
	// ErrTooLarge: a limit of [Options] is exceeded.
	ErrTooLarge = errors.New("too large")
	// ErrTruncated: the archive ends before its end-of-archive marker, or has
	// fewer bytes than Options.Size.
	ErrTruncated = errors.New("archive is truncated")
	// ErrHashMismatch: the SHA-256 of the compressed bytes is not Options.SHA256.
	ErrHashMismatch = errors.New("SHA-256 does not match")
	// ErrFormat: not an archive, corrupt, or ambiguous.
	ErrFormat = errors.New("not a valid archive")
)

// MemberError names the member of the archive that was rejected or could not be
// written. Err is one of this package's sentinels, or the error of the system
// call.
type MemberError struct {
	Name   string // as it is in the archive
	Reason string // detail, may be empty
	Err    error
}

// Error returns the name quoted, the cause and the detail.
func (e *MemberError) Error() string {
	s := fmt.Sprintf("archive member %q: %v", e.Name, e.Err)
	if e.Reason != "" {
		s += " (" + e.Reason + ")"
	}
	return s
}

// Unwrap returns Err.
func (e *MemberError) Unwrap() error { return e.Err }

// ToolError is the failure of a program of the base system, bsdtar(1) or xz(1).
type ToolError struct {
	Args     []string // argv
	ExitCode int      // -1 if it could not be started or was killed
	Stderr   string   // the first 8 kB
	Err      error    // from os/exec
}

// Error returns the command line, the exit status and stderr.
func (e *ToolError) Error() string {
	s := fmt.Sprintf("%s: %v", strings.Join(e.Args, " "), e.Err)
	if text := strings.TrimSpace(e.Stderr); text != "" {
		s += ": " + text
	}
	return s
}

// Unwrap returns Err.
func (e *ToolError) Unwrap() error { return e.Err }
