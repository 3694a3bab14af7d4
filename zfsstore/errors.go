package zfsstore

import (
	"errors"
	"strconv"
	"strings"

	"github.com/libioc/go-libioc/internal/shellwords"
)

// The reasons for a refusal, for errors.Is. An *[Error] has the details. The
// methods of Store list those they return.
var (
	ErrNotFound        = errors.New("dataset does not exist")
	ErrExists          = errors.New("dataset already exists")
	ErrReplaced        = errors.New("another dataset has this name")
	ErrBusy            = errors.New("dataset is busy")
	ErrHasChildren     = errors.New("dataset has children")
	ErrHasDependents   = errors.New("dataset has dependent clones")
	ErrInvalidName     = errors.New("invalid dataset name")
	ErrParentNotFound  = errors.New("parent dataset does not exist")
	ErrNoPool          = errors.New("no such pool")
	ErrIsPool          = errors.New("operation does not apply to pools")
	ErrCrossPool       = errors.New("datasets are not in the same pool")
	ErrPermission      = errors.New("permission denied")
	ErrInvalidProperty = errors.New("invalid property or value")
	ErrNoSpace         = errors.New("out of space")
	ErrMounted         = errors.New("file system is mounted")
	ErrNotMounted      = errors.New("file system is not mounted")
	ErrNoMountpoint    = errors.New("file system has no mountpoint of its own to mount at")
	ErrJailed          = errors.New("dataset is managed from within a jail")
	ErrWrongType       = errors.New("operation does not apply to this type of dataset")
	ErrNewerSnapshots  = errors.New("more recent snapshots exist")
	ErrNotClone        = errors.New("dataset is not a clone")
	ErrStream          = errors.New("invalid or incomplete stream")
	ErrModified        = errors.New("target does not match the stream")
	ErrNoJail          = errors.New("no such jail")
	ErrUnsupported     = errors.New("not supported on this system")
)

// An Error is a refused or failed operation. Its text is short: the subcommand, the
// dataset and the first line of what zfs(8) said. Args is the whole command line, which
// can be repeated in a shell; a Store that runs no commands names the one that would have
// been run.
type Error struct {
	Op       string   // zfs subcommand, such as "create"; "zpool list" for pools
	Dataset  string   // the dataset that was named
	Args     []string // the command line, the program first
	ExitCode int      // exit status; -1 if the program was killed or not run
	Stderr   string   // standard error
	Err      error    // a sentinel of this package, or the cause; may be nil
}

// Error returns text such as "zfs destroy zroot/x: cannot open 'zroot/x': dataset does not exist".
func (e *Error) Error() string {
	text := e.Op
	if !strings.HasPrefix(text, "zpool ") {
		text = "zfs " + text
	}
	if e.Dataset != "" {
		text += " " + shellwords.Quote(e.Dataset)
	}
	said, _, _ := strings.Cut(strings.TrimSpace(e.Stderr), "\n")
	switch {
	case said != "":
	case e.Err != nil:
		said = e.Err.Error()
	default:
		said = "exit status " + strconv.Itoa(e.ExitCode)
	}
	return text + ": " + said
}

// Unwrap returns the sentinel or cause.
func (e *Error) Unwrap() error { return e.Err }
