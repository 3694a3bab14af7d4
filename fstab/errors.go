package fstab

import (
	"errors"
	"fmt"
)

var (
	// ErrDestinationExists: another entry has this destination.
	ErrDestinationExists = errors.New("destination exists")
	// ErrDestinationNotFound: no entry has this destination.
	ErrDestinationNotFound = errors.New("destination not found")
	// ErrSyntax: the line is not fstab(5).
	ErrSyntax = errors.New("fstab syntax error")
	// ErrInvalid: the value cannot be written as fstab(5), or must not be used as
	// the path of a mount.
	ErrInvalid = errors.New("invalid fstab value")
)

// SyntaxError is a line that could not be read. It wraps ErrSyntax.
type SyntaxError struct {
	Line   int // from 1
	Text   string
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("fstab line %d: %q: %s", e.Line, e.Text, e.Reason)
}

// Unwrap returns ErrSyntax.
func (e *SyntaxError) Unwrap() error { return ErrSyntax }

// DestinationError is a failed lookup of a destination. It wraps
// ErrDestinationExists or ErrDestinationNotFound.
type DestinationError struct {
	Destination string
	Err         error
}

func (e *DestinationError) Error() string {
	return fmt.Sprintf("fstab: %q: %v", e.Destination, e.Err)
}

func (e *DestinationError) Unwrap() error { return e.Err }

// InvalidError is an invalid value. It wraps ErrInvalid.
type InvalidError struct {
	Field  string // "source", "destination", "type", "options", "comment" or "root"
	Value  string
	Reason string
}

func (e *InvalidError) Error() string {
	return fmt.Sprintf("fstab: %s %q: %s", e.Field, e.Value, e.Reason)
}

// Unwrap returns ErrInvalid.
func (e *InvalidError) Unwrap() error { return ErrInvalid }
