package config

import (
	"regexp"
	"slices"
	"strings"
)

// Terms select jails: every term must match. No terms match every jail.
type Terms []Term

// A Term matches when one of its values does. The text form is
// key=value[,value...], or just the values for the key name.
type Term struct {
	Key    string
	Values []Pattern
}

// A Pattern is one value of a term. * stands for any text, + for at least one
// character; everything else is literal, brackets and bars included.
type Pattern struct {
	raw    string         // canonical, with escapes
	text   string         // without escapes
	glob   *regexp.Regexp // nil without wildcards
	source *Pattern       // before the slash of a name
}

// ParseTerms reads terms separated by blanks and values separated by commas;
// a backslash quotes a blank, comma, = or backslash after it. A bare word is a value of name. A value of name may have a source and a
// slash before it; without wildcards it must be a valid name (ErrInvalidName).
// A none word or blank text has no terms. Errors are *PropertyError.
func ParseTerms(text string) (Terms, error) {
	if isNone(strings.TrimSpace(text)) {
		return nil, nil
	}
	var terms Terms
	for _, word := range splitUnescaped(text, isBlank) {
		if word == "" {
			continue
		}
		t, err := parseTerm(word)
		if err != nil {
			return nil, err
		}
		terms = append(terms, t)
	}
	return terms, nil
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func parseTerm(word string) (Term, error) {
	t := Term{Key: "name"}
	values := word
	if i := indexUnescaped(word, '='); i >= 0 {
		t.Key, values = unescape(word[:i]), word[i+1:]
		if t.Key == "" {
			return t, &PropertyError{Key: "selector", Value: word, Reason: "empty key", Err: ErrInvalidValue}
		}
	}
	for _, v := range splitUnescaped(values, func(c byte) bool { return c == ',' }) {
		p := newPattern(v)
		if t.Key == "name" {
			var err error
			if p, err = newNamePattern(v); err != nil {
				return t, err
			}
		}
		t.Values = append(t.Values, p)
	}
	return t, nil
}

// patternSpecial are the characters that a canonical pattern escapes.
const patternSpecial = "\\, =*+\t\n\r"

// newPattern takes a value with its escapes.
func newPattern(escaped string) Pattern {
	var raw, text, expr strings.Builder
	wild := false
	for i := 0; i < len(escaped); i++ {
		c := escaped[i]
		if c == '*' || c == '+' {
			wild = true
			raw.WriteByte(c)
			text.WriteByte(c)
			expr.WriteString("." + string(c))
			continue
		}
		if c == '\\' && i+1 < len(escaped) {
			i++
			c = escaped[i]
		}
		if strings.IndexByte(patternSpecial, c) >= 0 {
			raw.WriteByte('\\')
		}
		raw.WriteByte(c)
		text.WriteByte(c)
		if c < 0x80 {
			expr.WriteString(regexp.QuoteMeta(string(c)))
		} else {
			expr.WriteByte(c)
		}
	}
	p := Pattern{raw: raw.String(), text: text.String()}
	if wild {
		// RE2: linear in the text for any pattern. Invalid UTF-8 does not
		// compile, and cannot be a name either.
		p.glob, _ = regexp.Compile(`(?s)\A` + expr.String() + `\z`)
	}
	return p
}

// newNamePattern takes [source/]name with its escapes.
func newNamePattern(escaped string) (Pattern, error) {
	source, name, found := strings.Cut(escaped, "/")
	if !found {
		name = escaped
	}
	p := newPattern(name)
	if found {
		s := newPattern(source)
		if !sourcePattern.MatchString(s.text) {
			return p, &PropertyError{Key: "name", Value: escaped, Reason: "source is not alphanumerics joined by single - or _", Err: ErrInvalidName}
		}
		p.source = &s
	}
	if p.glob != nil {
		return p, nil
	}
	return p, ValidName(p.text)
}

// sourcePattern is libioc's rule for the name of a source, allowing wildcards.
var sourcePattern = regexp.MustCompile(`^[0-9A-Za-z*+]+([-_][0-9A-Za-z*+]+)*$`)

// Match calls lookup for the values of each term's key: a property's text, each
// element of a list, or a state such as running; ok is false for a key that the
// resource does not have, which never matches. For name, lookup returns the
// jail's name; a term with a source also needs the key source.
func (t Terms) Match(lookup func(key string) (values []string, ok bool)) bool {
	for _, term := range t {
		if !term.match(lookup) {
			return false
		}
	}
	return true
}

func (t Term) match(lookup func(key string) ([]string, bool)) bool {
	values, ok := lookup(t.Key)
	if !ok {
		return false
	}
	if len(values) == 0 {
		values = []string{"-"}
	}
	return slices.ContainsFunc(t.Values, func(p Pattern) bool {
		return slices.ContainsFunc(values, func(v string) bool {
			if t.Key == "name" {
				return p.matchName(v, lookup)
			}
			return p.matchValue(v)
		})
	})
}

func (p Pattern) matchName(name string, lookup func(key string) ([]string, bool)) bool {
	if p.source != nil {
		sources, _ := lookup("source")
		if !slices.ContainsFunc(sources, p.source.matchText) {
			return false
		}
	}
	return p.matchText(name) || p.matchShort(name)
}

// matchShort compares with the human-readable form of a UUID.
func (p Pattern) matchShort(s string) bool {
	return p.glob == nil && len(p.text) == 8 && IsUUID(s) && p.text == s[:8]
}

func (p Pattern) matchText(s string) bool {
	if p.glob != nil {
		return p.glob.MatchString(s)
	}
	return p.text == s
}

// matchValue compares as libioc does: all truth words are equal, and so are
// all none words.
func (p Pattern) matchValue(s string) bool {
	if p.glob != nil {
		return p.glob.MatchString(s) || p.glob.MatchString(normalize(s))
	}
	return normalize(p.text) == normalize(s) || p.matchShort(s)
}

func normalize(s string) string {
	if isNone(s) {
		return "-"
	}
	if b, err := ParseBool(s); err == nil {
		return boolText(formWord, b, JSON)
	}
	return s
}

// String returns the text that ParseTerms reads; name= is left out.
func (t Terms) String() string { return joined(t, " ") }

// String returns key=value,value.
func (t Term) String() string {
	text := joined(t.Values, ",")
	// Lone none words would read as no terms at all.
	if t.Key == "name" && !isNone(text) {
		return text
	}
	return escape(t.Key, `\ =`+"\t\n\r") + "=" + text
}

// String returns the value with the necessary escapes.
func (p Pattern) String() string {
	if p.source != nil {
		return p.source.raw + "/" + p.raw
	}
	return p.raw
}

func escape(s, special string) string {
	if !strings.ContainsAny(s, special) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(special, s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func indexUnescaped(s string, want byte) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case want:
			return i
		}
	}
	return -1
}

// splitUnescaped cuts at separators without a backslash before them, and
// leaves the backslashes in.
func splitUnescaped(s string, isSep func(byte) bool) []string {
	var parts []string
	start := 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case isSep(s[i]):
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

// blanks is the form that parseDepends merges: names separated by blanks, which is all
// that iocage reads.
func (t Terms) blanks() string {
	if len(t) != 1 || t[0].Key != "name" {
		return t.String()
	}
	if text := joined(t[0].Values, " "); !isNone(text) {
		return text
	}
	return t.String() // of a jail called none
}

// parseDepends reads terms; several bare names separated by blanks, iocage's
// form, become the alternatives of one term. As libioc reads them (one jail with
// all these names) they would never match.
func parseDepends(text string) (Terms, error) {
	terms, err := ParseTerms(text)
	if err != nil || len(terms) < 2 {
		return terms, err
	}
	merged := Term{Key: "name"}
	for _, t := range terms {
		if t.Key != "name" {
			return terms, nil
		}
		merged.Values = append(merged.Values, t.Values...)
	}
	return Terms{merged}, nil
}
