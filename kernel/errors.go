package kernel

import (
	"errors"
	"strings"
	"syscall"
)

// Sentinels for errors.Is. Each error of this package also unwraps to the errno
// that caused it, so errors.Is(err, syscall.EBUSY) and
// errors.Is(err, fs.ErrNotExist) work as well.
var (
	// ErrUnsupported: this system or this kernel's configuration lacks the feature.
	ErrUnsupported = errors.New("not supported by this kernel")
	// ErrNotFound: the jail, mount, ruleset, rule, interface or node does not exist.
	ErrNotFound = errors.New("not found")
	// ErrExists: a jail with that name or jid, or an interface, exists already.
	ErrExists = errors.New("already exists")
	// ErrDying: the jail has ended but something still holds it, jail(2).
	ErrDying = errors.New("jail is dying")
	// ErrStale: the jid belongs to another jail now.
	ErrStale = errors.New("identity names a jail that has ended")
	// ErrEscape: a path below a jail's root leads through a symbolic link.
	ErrEscape = errors.New("path leaves the jail's root")
	// ErrEmptyRuleset: devfs would show every device of the host, devfs(5).
	ErrEmptyRuleset = errors.New("devfs ruleset is empty")
)

// JailError is the error of jail_set(2), jail_get(2) or jail_remove(2), or of a
// check before the call.
type JailError struct {
	Op    string        // "jail_set", "jail_get", "jail_remove", "jail_attach"
	Name  string        // the jail's name, or its jid in decimal
	Param string        // the parameter at fault, if known
	Errno syscall.Errno // the kernel's errno
	Msg   string        // the kernel's errmsg, or an explanation if it gave none
	Err   error         // a sentinel that the errno does not imply, or nil
}

func (e *JailError) Error() string {
	return format(e.Op, e.Name, e.Param, e.Msg, e.Errno)
}

// Unwrap returns the errno and the sentinel, if any.
func (e *JailError) Unwrap() []error { return unwrap(e.Errno, e.Err) }

// Is maps errno and message to this package's sentinels.
func (e *JailError) Is(target error) bool {
	switch target {
	case ErrNotFound:
		return e.Errno == syscall.ENOENT
	case ErrDying:
		return e.Errno == syscall.ENOENT && strings.HasSuffix(e.Msg, "is dying")
	case ErrExists:
		return e.Errno == syscall.EEXIST
	}
	return false
}

// CallError is the error of any other call: about mounts, rulesets, limits,
// interfaces, routes, processes and sysctl nodes.
type CallError struct {
	Op      string        // the call, such as "nmount" or "SIOCAIFADDR"
	Subject string        // path, rule, interface or node
	Errno   syscall.Errno // 0 if a check before the call failed
	Msg     string        // the kernel's errmsg, or an explanation
	Err     error         // a sentinel, or nil
}

func (e *CallError) Error() string {
	return format(e.Op, e.Subject, "", e.Msg, e.Errno)
}

// Unwrap returns the errno and the sentinel, if any.
func (e *CallError) Unwrap() []error { return unwrap(e.Errno, e.Err) }

func unwrap(errno syscall.Errno, err error) []error {
	var all []error
	if errno != 0 {
		all = append(all, errno)
	}
	if err != nil {
		all = append(all, err)
	}
	return all
}

func format(op, subject, param, msg string, errno syscall.Errno) string {
	if subject != "" {
		op += " " + subject
	}
	parts := []string{op}
	for _, part := range []string{param, msg} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if errno != 0 {
		parts = append(parts, errno.Error())
	}
	return strings.Join(parts, ": ")
}
