package devfs

import (
	"regexp"
	"strconv"
	"strings"
)

// header matches a header as rc.subr(8) does: a line that begins with a bracket.
// The name is a variable of sh(1) or, as libioc allows, has dashes.
var header = regexp.MustCompile(`^\[([A-Za-z_][A-Za-z0-9_-]*)=([0-9]+)\][ \t\r]*(#.*)?$`)

// brokenName and brokenNumber find what they can in a line that was meant as a header.
var (
	brokenName   = regexp.MustCompile(`^\[[ \t]*([A-Za-z_][A-Za-z0-9_-]*)[ \t]*(?:[]=]|$)`)
	brokenNumber = regexp.MustCompile(`^\[[^]=]*=[ \t]*([0-9]+)[ \t]*(?:]|$)`)
)

// bom is what some editors put before the first line.
const bom = "\ufeff"

// Ruleset is one ruleset of a File or Set.
type Ruleset struct {
	// Name and Number are empty and 0 where a header that could not be read does
	// not tell them, and for what is before the first header.
	Name   string
	Number uint16
	// Comment is the text after the header's #, without blanks around it.
	Comment string
	// Rules are in the order of the file, without lines that could not be read,
	// see Err.
	Rules []Rule
	// Err is nil or the *SyntaxError of the first line that could not be read, the
	// header included. In a Set it may be a *NotFoundError, of an include of a name
	// that no ruleset before has. Such a ruleset must not be used.
	Err error
	// Position is its place in the file.
	Position Position
}

// File is one devfs.rules(5) file in memory.
type File struct {
	name     string
	data     []byte
	rulesets []Ruleset
}

// Parse reads a file; name is for errors and positions. It cannot fail: a line that
// cannot be read is kept, and is the Err of its ruleset. What follows a header that
// cannot be read, up to the next header, is that ruleset's, and what is before the
// first header is a ruleset without name and number.
func Parse(name string, data []byte) *File {
	f := &File{name: name, data: data[:len(data):len(data)]}
	number := 0
	rest := string(data)
	for rest != "" {
		start := number + 1
		var text string
		text, rest, number = logicalLine(rest, number)
		f.addLine(text, start)
	}
	return f
}

// logicalLine takes a line off s, joining lines that end in a backslash like read
// of sh(1), and counts the lines taken.
func logicalLine(s string, number int) (text, rest string, _ int) {
	for {
		line, after, _ := strings.Cut(s, "\n")
		number++
		joined, more := strings.CutSuffix(line, `\`)
		if !more || after == "" {
			return text + line, after, number
		}
		text, s = text+joined, after
	}
}

func (f *File) addLine(text string, number int) {
	trimmed := strings.Trim(text, " \t\r")
	if trimmed == "" || trimmed[0] == '#' {
		return
	}
	refuse := func(reason string) error {
		return &SyntaxError{File: f.name, Line: number, Text: text, Reason: reason}
	}
	if strings.HasPrefix(strings.TrimPrefix(trimmed, bom), "[") {
		rs, reason := parseHeader(trimmed)
		if reason != "" {
			rs.Err = refuse(reason)
		}
		rs.Position = Position{File: f.name, Line: number, Name: rs.Name, Number: rs.Number}
		f.rulesets = append(f.rulesets, rs)
		return
	}
	if len(f.rulesets) == 0 {
		f.rulesets = []Ruleset{{Position: Position{File: f.name, Line: number}, Err: refuse("rule before the first ruleset")}}
	}
	rs := &f.rulesets[len(f.rulesets)-1]
	rule, reason := parseRule(trimmed)
	switch {
	case reason == "":
		rs.Rules = append(rs.Rules, rule)
	case rs.Err == nil:
		rs.Err = refuse(reason)
	}
}

// parseHeader reads a header. With a reason that it cannot be used it returns what
// could be read, so that the ruleset is still found by name or number.
func parseHeader(line string) (rs Ruleset, reason string) {
	if m := header.FindStringSubmatch(line); m != nil {
		rs = Ruleset{Name: m[1], Number: rulesetNumber(m[2]), Comment: strings.Trim(strings.TrimPrefix(m[3], "#"), " \t")}
		if rs.Number == 0 {
			reason = "ruleset number not in 1 to 65535"
		}
		return rs, reason
	}
	reason = "not a header of the form [name=number]"
	rest, marked := strings.CutPrefix(line, bom)
	if marked {
		reason = "byte order mark before the header"
	}
	if m := brokenName.FindStringSubmatch(rest); m != nil {
		rs.Name = m[1]
	}
	if m := brokenNumber.FindStringSubmatch(rest); m != nil {
		rs.Number = rulesetNumber(m[1])
	}
	return rs, reason
}

// rulesetNumber returns 0 for what is not the number of a ruleset.
func rulesetNumber(text string) uint16 {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0
	}
	return uint16(n)
}

// Marshal returns the file's bytes: those that were parsed, followed by the
// appended rulesets.
func (f *File) Marshal() []byte { return append([]byte(nil), f.data...) }

// Rulesets returns the file's rulesets, in order.
func (f *File) Rulesets() []Ruleset {
	list := make([]Ruleset, len(f.rulesets))
	for i, rs := range f.rulesets {
		list[i] = rs.clone()
	}
	return list
}

// Append adds a ruleset at the end, with its header and canonical rules after
// one blank line. Errors are *SyntaxError for a name, number, comment or rule
// that cannot be written, and *DuplicateError.
func (f *File) Append(rs Ruleset) error {
	var b strings.Builder
	if len(f.data) > 0 {
		if f.data[len(f.data)-1] != '\n' {
			b.WriteByte('\n')
		}
		if !strings.HasSuffix(string(f.data), "\n\n") {
			b.WriteByte('\n')
		}
	}
	head := "[" + rs.Name + "=" + strconv.Itoa(int(rs.Number)) + "]"
	if rs.Comment != "" {
		head += " # " + rs.Comment
	}
	if rs.Number == 0 || !validName(rs.Name) || strings.ContainsAny(rs.Comment, "\n\x00") || strings.HasSuffix(rs.Comment, `\`) {
		return &SyntaxError{File: f.name, Text: head, Reason: "bad name, number or comment"}
	}
	for _, have := range f.rulesets {
		if have.Name == rs.Name || have.Number == rs.Number {
			return &DuplicateError{First: have.Position, Second: Position{File: f.name, Name: rs.Name, Number: rs.Number}}
		}
	}
	b.WriteString(head + "\n")
	for _, rule := range rs.Rules {
		text := rule.String()
		if back, reason := parseRule(text); reason != "" || back != rule {
			return &SyntaxError{File: f.name, Text: text, Reason: "rule cannot be written"}
		}
		b.WriteString(text + "\n")
	}
	*f = *Parse(f.name, append(f.data[:len(f.data):len(f.data)], b.String()...))
	return nil
}

func (rs Ruleset) clone() Ruleset {
	rs.Rules = append([]Rule(nil), rs.Rules...)
	return rs
}

// validName reports whether a name is valid in a header.
func validName(s string) bool {
	return header.MatchString("[" + s + "=1]")
}
