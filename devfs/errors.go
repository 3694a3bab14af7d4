package devfs

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrSyntax says that a line is not devfs.rules(5).
	ErrSyntax = errors.New("devfs.rules syntax error")
	// ErrDuplicate says that two rulesets have one name or number.
	ErrDuplicate = errors.New("duplicate devfs ruleset")
	// ErrNotFound says that there is no ruleset of this name or number.
	ErrNotFound = errors.New("devfs ruleset not found")
	// ErrInclude says that includes cannot be resolved: they form a circle, or
	// their conditions cannot be expressed by single rules.
	ErrInclude = errors.New("devfs include cannot be resolved")
	// ErrNumbers says that no ruleset number is left.
	ErrNumbers = errors.New("no devfs ruleset number left")
)

// SyntaxError names a line that could not be read. It wraps ErrSyntax.
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

// DuplicateError names two rulesets that cannot be told apart. It wraps
// ErrDuplicate.
type DuplicateError struct {
	First, Second Position
}

// Position is where a ruleset's header stands.
type Position struct {
	File   string
	Line   int // from 1
	Name   string
	Number uint16
}

func (p Position) String() string {
	return fmt.Sprintf("[%s=%d] at %s:%d", p.Name, p.Number, p.File, p.Line)
}

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("devfs: duplicate ruleset %v, first %v", e.Second, e.First)
}

// Unwrap returns ErrDuplicate.
func (e *DuplicateError) Unwrap() error { return ErrDuplicate }

// NotFoundError names a ruleset that is missing. It wraps ErrNotFound.
type NotFoundError struct {
	Ruleset string // name or number
	From    string // name of the ruleset that includes it, if any
}

func (e *NotFoundError) Error() string {
	if e.From != "" {
		return fmt.Sprintf("devfs: ruleset %q, included by %q, not found", e.Ruleset, e.From)
	}
	return fmt.Sprintf("devfs: ruleset %q not found", e.Ruleset)
}

// Unwrap returns ErrNotFound.
func (e *NotFoundError) Unwrap() error { return ErrNotFound }

// IncludeError tells along which rulesets an include failed. It wraps ErrInclude.
type IncludeError struct {
	Chain  []string // names, the ruleset that was to be resolved first
	Reason string
}

func (e *IncludeError) Error() string {
	return fmt.Sprintf("devfs: include %s: %s", strings.Join(e.Chain, " > "), e.Reason)
}

// Unwrap returns ErrInclude.
func (e *IncludeError) Unwrap() error { return ErrInclude }
