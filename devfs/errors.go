package devfs

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrSyntax: the line is not valid devfs.rules(5).
	ErrSyntax = errors.New("devfs.rules syntax error")
	// ErrDuplicate: a ruleset to be appended has the name or number of another.
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

// DuplicateError is a ruleset to be appended that has the name or number of one in
// the file. It wraps ErrDuplicate.
type DuplicateError struct {
	First, Second Position // the second is in no line yet
}

// Position is the place of a ruleset's header.
type Position struct {
	File   string
	Line   int // from 1, 0 for a ruleset that is in no file
	Name   string
	Number uint16
}

func (p Position) String() string {
	text := fmt.Sprintf("[%s=%d]", p.Name, p.Number)
	if p.Line > 0 {
		text += fmt.Sprintf(" at %s:%d", p.File, p.Line)
	}
	return text
}

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("devfs: duplicate ruleset %v, first %v", e.Second, e.First)
}

// Unwrap returns ErrDuplicate.
func (e *DuplicateError) Unwrap() error { return ErrDuplicate }

// NotFoundError is a ruleset that does not exist. It wraps ErrNotFound.
type NotFoundError struct {
	Ruleset string // name or number
	From    string // name of the ruleset that includes it, if any
	// Unread is the error of the first ruleset whose name or number could not be
	// read, if any: it may be the one.
	Unread error
}

func (e *NotFoundError) Error() string {
	text := fmt.Sprintf("devfs: ruleset %q not found", e.Ruleset)
	if e.From != "" {
		text = fmt.Sprintf("devfs: ruleset %q, included by %q, not found in what is before it", e.Ruleset, e.From)
	}
	if e.Unread != nil {
		text += "; " + e.Unread.Error()
	}
	return text
}

// Unwrap returns ErrNotFound.
func (e *NotFoundError) Unwrap() error { return ErrNotFound }

// IncludeError is an include that failed. It wraps ErrInclude.
type IncludeError struct {
	Chain  []string // names of rulesets, beginning with the one to be resolved
	Reason string
}

func (e *IncludeError) Error() string {
	return fmt.Sprintf("devfs: include %s: %s", strings.Join(e.Chain, " > "), e.Reason)
}

// Unwrap returns ErrInclude.
func (e *IncludeError) Unwrap() error { return ErrInclude }
