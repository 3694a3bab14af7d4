package config

import (
	"encoding/hex"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

// maxNameLength is libioc's limit, in characters.
const maxNameLength = 31

var namePattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\A[A-Za-z0-9](?:[-!_^\[\]{}()<>.,]?[A-Za-z0-9\x{00C0}-\x{017F}])*\z`)
})

// ValidName checks a jail's name by libioc's rule: at most 31 characters,
// starting with an ASCII letter or digit, then letters, digits and Latin
// letters (U+00C0 to U+017F), with at most one of ! - _ ^ [ ] { } ( ) < > . ,
// between two of them. A UUID (8-4-4-4-12 hexadecimal digits) is accepted too.
// It takes time linear in the length. The error is a *PropertyError wrapping
// ErrInvalidName.
func ValidName(name string) error {
	var reason string
	switch {
	case IsUUID(name):
		return nil
	case name == "":
		reason = "empty"
	case !utf8.ValidString(name):
		reason = "not UTF-8"
	case utf8.RuneCountInString(name) > maxNameLength:
		reason = "longer than 31 characters"
	case !namePattern().MatchString(name):
		reason = "letters and digits, with single special characters between them"
	default:
		return nil
	}
	return &PropertyError{Key: "name", Value: name, Reason: reason, Err: ErrInvalidName}
}

// IsUUID reports whether s has the form 8-4-4-4-12 of hexadecimal digits.
func IsUUID(s string) bool {
	plain := strings.ReplaceAll(s, "-", "")
	_, err := hex.DecodeString(plain)
	return err == nil && len(s) == 36 && len(plain) == 32 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-'
}

// HumanReadableName returns the first 8 characters of a UUID, and any other name
// unchanged, as libioc shows it and uses it as a hostname.
func HumanReadableName(name string) string {
	if IsUUID(name) {
		return name[:8]
	}
	return name
}
