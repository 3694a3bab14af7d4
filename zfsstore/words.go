package zfsstore

import (
	"regexp"
	"strings"
)

// words maps what zfs(8) and zpool(8) write to the sentinels, the first match
// wins. Quoted text, which is names and values, is taken out before, so that
// a dataset's name cannot pass for an answer.
var words = []struct {
	text string
	err  error
}{
	{"has dependent clones", ErrHasDependents},
	{"clones of previous snapshots exist", ErrHasDependents},
	{"snapshot is cloned", ErrHasDependents},
	{"has children", ErrHasChildren},
	{"more recent snapshots or bookmarks exist", ErrNewerSnapshots},
	{"could not find any snapshots", ErrNotFound},
	{"parent does not exist", ErrParentNotFound},
	{"no such pool", ErrNoPool},
	{"does not match incremental source", ErrModified},
	{"has been modified", ErrModified},
	{"no such tag on this dataset", ErrNotFound},
	{"tag already exists on this dataset", ErrExists},
	{"does not exist", ErrNotFound},
	{"no such dataset", ErrNotFound},
	{"another dataset has this name", ErrReplaced},
	{"snapshot exists", ErrExists},
	{"already exists", ErrExists},
	{"conflicting snapshot", ErrExists},
	{"destination '' exists", ErrExists},
	{"filesystem already mounted", ErrMounted},
	{"is busy", ErrBusy},
	{"being held", ErrBusy},
	{"operation does not apply to pools", ErrIsPool},
	{"within same pool", ErrCrossPool},
	{"source and target pools differ", ErrCrossPool},
	{"permission denied", ErrPermission},
	{"Operation not permitted", ErrPermission},
	{"must be run as root", ErrPermission},
	{"out of space", ErrNoSpace},
	{"errno: 28", ErrNoSpace}, // zfs-program(8)
	{"not currently mounted", ErrNotMounted},
	{"no mountpoint set", ErrNoMountpoint},
	{"legacy mountpoint", ErrNoMountpoint},
	{"'' property is set to ''", ErrNoMountpoint},
	{"exported to a local zone", ErrJailed},
	{"operation not applicable to datasets of this type", ErrWrongType},
	{"not a cloned filesystem", ErrNotClone},
	{"incomplete stream", ErrStream},
	{"failed to read from stream", ErrStream},
	{"checksum mismatch", ErrStream},
	{"invalid stream", ErrStream},
	{"invalid backup stream", ErrStream},
	{"invalid jail id or name", ErrNoJail},
	{"delimiter", ErrInvalidName},
	{"invalid character", ErrInvalidName},
	{"trailing slash", ErrInvalidName},
	{"leading slash", ErrInvalidName},
	{"empty component", ErrInvalidName},
	{"self reference", ErrInvalidName},
	{"parent reference", ErrInvalidName},
	{"name is too long", ErrInvalidName},
	{"missing dataset name", ErrInvalidName},
	{"cannot be a descendant", ErrInvalidName},
	{"invalid property", ErrInvalidProperty},
	{"property value too long", ErrInvalidProperty},
	{"property name '' is too long", ErrInvalidProperty},
	{"'' must be", ErrInvalidProperty},
	{"'' is readonly", ErrInvalidProperty},
	{"'' does not apply", ErrInvalidProperty},
	{"property is read-only", ErrInvalidProperty},
	{"can not be modified", ErrInvalidProperty},
	{"property cannot be inherited", ErrInvalidProperty},
	{"bad numeric value", ErrInvalidProperty},
	{"invalid numeric value", ErrInvalidProperty},
}

var (
	quoted = regexp.MustCompile(`'[^'\n]*'`)
	// unquotedSnapshot is the one message that names a dataset without quotes.
	unquotedSnapshot = regexp.MustCompile(`(?m)^cannot destroy snapshot .*@[^ ]*: `)
)

// Refused returns the Error of a command line that zfs(8) refused, whose Err is
// the sentinel for what was written to standard error, or nil if the words are
// unknown. It is for Stores that get their answers from elsewhere.
func Refused(op, dataset string, args []string, exitCode int, stderr string) *Error {
	return &Error{Op: op, Dataset: dataset, Args: args, ExitCode: exitCode, Stderr: stderr, Err: classify(stderr)}
}

// classify returns the sentinel for what was written to standard error, or nil.
func classify(stderr string) error {
	stderr = strings.ReplaceAll(stderr, "it's", "it is")
	text := quoted.ReplaceAllString(stderr, "''")
	text = unquotedSnapshot.ReplaceAllString(text, "cannot destroy snapshot: ")
	if i := strings.Index(text, "usage:\n"); i >= 0 {
		text = text[:i]
	}
	for _, w := range words {
		if strings.Contains(text, w.text) {
			return w.err
		}
	}
	return nil
}
