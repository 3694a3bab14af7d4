package jail

import (
	"errors"
	"fmt"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/jail/jailerr"
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
	ErrNotRunning = jailerr.ErrNotRunning
	// ErrTemplate: a template cannot be started (JailIsTemplate).
	ErrTemplate = errors.New("jail is a template")
	// ErrNotTemplate: a jail can only be created from a template (JailNotTemplate).
	ErrNotTemplate = errors.New("jail is not a template")
	// ErrHostID: the jail belongs to another host and hostid_strict_check is on
	// (JailHostUUIDMismatch).
	ErrHostID = errors.New("jail belongs to another host")
	// ErrPlanStale: what the plan was made from has changed since.
	ErrPlanStale = errors.New("plan is stale")
	// ErrConfig: a property keeps the jail from being started.
	ErrConfig = jailerr.ErrConfig
	// ErrStuck: processes of the removed jail did not end in time.
	ErrStuck = jailerr.ErrStuck
	// ErrReplaced: somebody has replaced a dataset of the jail during the operation.
	ErrReplaced = jailerr.ErrReplaced
	// ErrChanged: somebody has written to a dataset or a file of the jail during the
	// operation, or after it was interrupted, and to go on or undo it would lose that.
	ErrChanged = jailerr.ErrChanged

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

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errors that say more, for errors.As.
type (
	// HookError is a hook or command of a jail that did not exit with status 0.
	HookError = jailerr.HookError
	// HeldError is a file system that cannot be unmounted because it is in use.
	HeldError = jailerr.HeldError
	// ParamError is a jail parameter that the kernel does not have.
	ParamError = jailerr.ParamError
	// AddressError is a jail that got no address in time.
	AddressError = jailerr.AddressError
)
