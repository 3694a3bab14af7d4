package jail

import (
	"errors"
	"fmt"
	"strings"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/host"
)

// Sentinels for errors.Is.
var (
	// ErrNotFound: no jail of that name (libioc: JailNotFound).
	ErrNotFound = errors.New("jail not found")
	// ErrAmbiguous: several jails have a UUID that begins like that. An
	// *AmbiguousError names them.
	ErrAmbiguous = errors.New("name is ambiguous")
	// ErrExists: a jail of that name is there already (JailAlreadyExists).
	ErrExists = errors.New("jail already exists")
	// ErrRunning: the jail must be stopped first (JailAlreadyRunning).
	ErrRunning = errors.New("jail is running")
	// ErrNotRunning: the jail must be started first (JailNotRunning).
	ErrNotRunning = errors.New("jail is not running")
	// ErrTemplate: a template cannot be started (JailIsTemplate).
	ErrTemplate = errors.New("jail is a template")
	// ErrNotTemplate: a jail cannot be created from one that is no template
	// (JailNotTemplate).
	ErrNotTemplate = errors.New("jail is not a template")
	// ErrHostID: the jail belongs to another host and hostid_strict_check is on
	// (JailHostUUIDMismatch).
	ErrHostID = errors.New("jail belongs to another host")
	// ErrPlanStale: what the plan was made from has changed since.
	ErrPlanStale = errors.New("plan is stale")
	// ErrConfig: a property keeps the jail from being started.
	ErrConfig = errors.New("configuration does not allow it")
	// ErrStuck: processes of the removed jail did not end in time.
	ErrStuck = errors.New("processes of the jail do not end")

	// ErrInvalidName is a name that breaks libioc's rule (InvalidJailName).
	ErrInvalidName = config.ErrInvalidName
	// ErrBusy: another operation is running on the jail. A *host.BusyError
	// names it.
	ErrBusy = host.ErrBusy
)

// Error is an operation that failed on one jail.
type Error struct {
	Op   string // "start", "load", ...
	Jail string // as FullName gives it
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("%s jail %s: %v", e.Op, e.Jail, e.Err) }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

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
	var b strings.Builder
	fmt.Fprintf(&b, "hook %s: %s", e.Hook, e.Command)
	switch {
	case e.Err != nil:
		fmt.Fprintf(&b, ": %v", e.Err)
	case e.Signal != 0:
		fmt.Fprintf(&b, ": killed by signal %d", e.Signal)
	default:
		fmt.Fprintf(&b, ": exit status %d", e.ExitCode)
	}
	if out := strings.TrimSpace(e.Output); out != "" {
		b.WriteString(": " + out)
	}
	return b.String()
}

// Unwrap gives the cause, if it could not run.
func (e *HookError) Unwrap() error { return e.Err }
