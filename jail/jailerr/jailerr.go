// Package jailerr holds the errors of operations that the steps of package
// jail return. Package jail has all of them under the same names.
package jailerr

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/libioc/go-libioc/internal/tail"
	"github.com/libioc/go-libioc/kernel"
)

// Sentinels for errors.Is, see package jail.
var (
	ErrNotRunning = errors.New("jail is not running")
	ErrConfig     = errors.New("configuration does not allow it")
	ErrStuck      = errors.New("processes of the jail do not end")
)

// HookError is a hook or command of a jail that did not end with status 0
// (libioc: JailHookFailed).
type HookError struct {
	Hook     string // "prestart", "start", ..., "command"
	Command  string
	ExitCode int // -1 when a signal ended it
	Signal   int
	Output   string // the end of what it wrote
	Err      error  // why it could not run, or the context's error; else nil
}

func (e *HookError) Error() string {
	return "hook " + e.Hook + ": " + e.Command + ": " + tail.Ended(e.Err, e.Signal, e.ExitCode, e.Output)
}

// Unwrap returns the cause, if it could not run.
func (e *HookError) Unwrap() error { return e.Err }

// HeldError is a file system that cannot be unmounted because something uses it,
// after a bounded wait. It names what can be known of that without looking into
// processes: jails at or below the place with their processes, and mounts on it
// or from it. fstat(1) finds the files of others.
type HeldError struct {
	Path      string
	Mounts    []string         // where further file systems are mounted on it or from it
	Jails     []string         // that live in it, by name
	Dying     []string         // that were removed and live on while a socket of theirs is open, often a minute
	Processes []kernel.Process // of those jails
	Err       error            // EBUSY, as the kernel said it
}

func (e *HeldError) Error() string {
	var by []string
	for _, m := range e.Mounts {
		by = append(by, "mount "+m)
	}
	for _, j := range e.Jails {
		by = append(by, "jail "+j)
	}
	for _, j := range e.Dying {
		by = append(by, "dying jail "+j)
	}
	for _, p := range e.Processes {
		by = append(by, fmt.Sprintf("process %d (%s)", p.PID, p.Command))
	}
	if len(by) == 0 {
		by = append(by, "a process of the host, see fstat -f "+e.Path)
	}
	return fmt.Sprintf("%s is in use by %s: %v", e.Path, strings.Join(by, ", "), e.Err)
}

// Unwrap returns the kernel's error.
func (e *HeldError) Unwrap() error { return e.Err }

// ParamError is a jail parameter that this kernel does not have.
type ParamError struct {
	Param    string // as jail(8) writes it: "allow.mount.fusefs"
	Property string // that asks for it; may be empty
	Module   string // kernel module that would bring it; empty when none does
	Remedy   string // what the administrator can do; may be empty
	Err      error  // why the module could not be loaded, or nil
}

func (e *ParamError) Error() string {
	text := "this kernel has no jail parameter " + e.Param
	if e.Property != "" {
		text += " (" + e.Property + ")"
	}
	if e.Err != nil {
		text += fmt.Sprintf(", and its module cannot be loaded: %v", e.Err)
	}
	if e.Remedy != "" {
		text += "; " + e.Remedy
	}
	return text
}

// Unwrap returns ErrConfig and the cause.
func (e *ParamError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrConfig}
	}
	return []error{ErrConfig, e.Err}
}

// AddressError is a jail that got no address within the time it has.
type AddressError struct {
	Interface string // in the jail
	Method    string // dhcp or slaac
	After     time.Duration
	Output    string // the end of what the program wrote
}

func (e *AddressError) Error() string {
	text := fmt.Sprintf("no address for %s by %s within %s", e.Interface, e.Method, e.After.Round(time.Millisecond))
	if out := strings.TrimSpace(e.Output); out != "" {
		text += ": " + out
	}
	return text
}

// Timeout returns true, as with net.Error.
func (e *AddressError) Timeout() bool { return true }
