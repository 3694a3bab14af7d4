package config

import (
	"errors"
	"fmt"

	"github.com/libioc/go-libioc/internal/atomicfile"
)

// Sentinels for errors.Is. Details are in *PropertyError, *SyntaxError and the
// wrapped operating system errors.
var (
	// ErrUnknownProperty: the key is neither in the schema nor matches one of its
	// patterns (user.*, <nic>_mac, <nic>_mtu, allow_*).
	ErrUnknownProperty = errors.New("unknown property")
	// ErrInvalidValue: the value is not valid for its property's type.
	ErrInvalidValue = errors.New("invalid value")
	// ErrMalformed: the file is not valid JSON or UCL.
	ErrMalformed = errors.New("malformed configuration")
	// ErrInvalidName: the jail name is not valid, see ValidName.
	ErrInvalidName = errors.New("invalid jail name")
	// ErrNoConfig: the directory has no configuration file. The error also wraps
	// fs.ErrNotExist.
	ErrNoConfig = errors.New("no configuration")
	// ErrNotStorable: the store cannot hold the key or value, such as an upper-case
	// key in a ZFS user property.
	ErrNotStorable = errors.New("cannot be stored")
	// ErrNotRegular: the path is a symbolic link or otherwise not a regular file;
	// neither reading nor saving follows links.
	ErrNotRegular = atomicfile.ErrNotRegular
)

// A PropertyError is a property with an invalid key or value. It unwraps to Err,
// which is ErrInvalidValue, ErrUnknownProperty, ErrInvalidName or
// ErrNotStorable.
type PropertyError struct {
	Key    string // property, as written
	Value  string // text, as written
	Reason string // what was expected
	Err    error
}

// Error returns text such as `config: ip4_addr="x": invalid value: expected ...`.
func (e *PropertyError) Error() string {
	msg := fmt.Sprintf("config: %s=%q: %v", e.Key, e.Value, e.Err)
	if e.Reason != "" {
		msg += ": " + e.Reason
	}
	return msg
}

// Unwrap returns the sentinel.
func (e *PropertyError) Unwrap() error { return e.Err }

// A SyntaxError is a syntax error in a JSON or UCL file. It unwraps to
// ErrMalformed.
type SyntaxError struct {
	Path   string // file, empty for text that is not from a file
	Line   int    // 1-based
	Column int    // 1-based, in bytes
	Reason string
}

// Error returns text such as `config: /path:3:7: expected ':'`.
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

// valueError is the reason why a text is invalid; the caller that knows the key
// turns it into a *PropertyError.
type valueError struct{ reason string }

func (e *valueError) Error() string { return e.reason }

func (e *valueError) Unwrap() error { return ErrInvalidValue }
