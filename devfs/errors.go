package devfs

import (
	"errors"
	"fmt"
)

var (
	// ErrSyntax: the line is not valid devfs.rules(5).
	ErrSyntax = errors.New("devfs.rules syntax error")
	// ErrDuplicate: two rulesets have the same name or number.
	ErrDuplicate = errors.New("duplicate devfs ruleset")
	// ErrNotFound: there is no ruleset of this name or number.
	ErrNotFound = errors.New("devfs ruleset not found")
	// ErrInclude: includes cannot be resolved, because they form a cycle or their
	// conditions cannot be expressed by single rules.
	ErrInclude = errors.New("devfs include cannot be resolved")
	// ErrNumbers: no ruleset number is left.
	ErrNumbers = errors.New("no devfs ruleset number left")
)

// SyntaxError is a line that could not be read. It wraps ErrSyntax.
type SyntaxError struct {
	File   string // as given to Parse, empty for a rule that is in no file
	Line   int    // from 1, 0 for a rule that is in no file
	Text   string
	Reason string
}

func (e *SyntaxError) Error() string {
	if e.File == "" && e.Line == 0 {
		return fmt.Sprintf("devfs: rule %q: %s", e.Text, e.Reason)
	}
	return fmt.Sprintf("%s:%d: %q: %s", e.File, e.Line, e.Text, e.Reason)
}

// Unwrap returns ErrSyntax.
func (e *SyntaxError) Unwrap() error { return ErrSyntax }

// Position is the place of a ruleset's header.
type Position struct {
	File   string
	Line   int // from 1
	Name   string
	Number uint16
}

func (p Position) String() string {
	return fmt.Sprintf("[%s=%d] at %s:%d", p.Name, p.Number, p.File, p.Line)
}
