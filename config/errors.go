package config

import (
	"errors"
	"fmt"

	"github.com/libioc/go-libioc/internal/atomicfile"
)

// Sentinels for errors.Is. The detail is in *PropertyError, *SyntaxError and
// the wrapped operating system errors.
var (
	// ErrUnknownProperty marks a key that neither the schema nor one of its
	// patterns (user.*, <nic>_mac, <nic>_mtu, allow_*) knows.
	ErrUnknownProperty = errors.New("unknown property")
	// ErrInvalidValue marks a value that its property's type refuses.
	ErrInvalidValue = errors.New("invalid value")
	// ErrMalformed marks a file that is not JSON, or not UCL, at all.
	ErrMalformed = errors.New("malformed configuration")
	// ErrInvalidName marks a jail name that ValidName refuses.
	ErrInvalidName = errors.New("invalid jail name")
	// ErrNoConfig says that a directory holds no configuration file. It also
	// answers true to errors.Is(err, fs.ErrNotExist).
	ErrNoConfig = errors.New("no configuration")
	// ErrNotStorable marks a key or value that a store cannot hold, such as an
	// upper-case key in a ZFS user property.
	ErrNotStorable = errors.New("cannot be stored")
	// ErrNotRegular marks a path that is a symbolic link or anything else but
	// a regular file; neither reading nor saving follows it.
	ErrNotRegular = atomicfile.ErrNotRegular
)

// A PropertyError is a property whose key or value is refused. It unwraps to
// Err, which is ErrInvalidValue, ErrUnknownProperty, ErrInvalidName or
// ErrNotStorable.
type PropertyError struct {
	Key    string // property, as written
	Value  string // refused text, as written
	Reason string // what was expected
	Err    error
}

// Error reads `config: ip4_addr="x": invalid value: expected ...`.
func (e *PropertyError) Error() string {
	msg := fmt.Sprintf("config: %s=%q: %v", e.Key, e.Value, e.Err)
	if e.Reason != "" {
		msg += ": " + e.Reason
	}
	return msg
}

// Unwrap returns the sentinel.
func (e *PropertyError) Unwrap() error { return e.Err }

// A SyntaxError is a place in a JSON or UCL file where reading stopped. It
// unwraps to ErrMalformed.
type SyntaxError struct {
	Path   string // file, empty when the text did not come from one
	Line   int    // 1-based
	Column int    // 1-based, in bytes
	Reason string
}

// Error reads `config: /path:3:7: expected ':'`.
func (e *SyntaxError) Error() string {
	path := e.Path
	if path == "" {
		path = "text"
	}
	return fmt.Sprintf("config: %s:%d:%d: %s", path, e.Line, e.Column, e.Reason)
}

// Unwrap returns ErrMalformed.
func (e *SyntaxError) Unwrap() error { return ErrMalformed }

func invalid(format string, args ...any) error {
	return &valueError{fmt.Sprintf(format, args...)}
}

// valueError is the reason a parser refuses a text; the caller that knows the
// key turns it into a *PropertyError.
type valueError struct{ reason string }

func (e *valueError) Error() string { return e.reason }

func (e *valueError) Unwrap() error { return ErrInvalidValue }
