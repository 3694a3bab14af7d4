package devfs

import (
	"regexp"
	"strconv"
	"strings"
)

// header matches a header as rc.subr(8) does: a line that begins with a bracket.
// The name is a variable of sh(1) or, as libioc allows, has dashes.
var header = regexp.MustCompile(`^\[([A-Za-z_][A-Za-z0-9_-]*)=([0-9]+)\][ \t\r]*(#.*)?$`)

// Ruleset is one ruleset of a File or Set.
type Ruleset struct {
	Name   string
	Number uint16
	// Comment is the text after the header's #, without blanks around it.
	Comment string
	// Rules are in the order of the file, without lines that could not be read,
	// see Err.
	Rules []Rule
	// Err is nil or the *SyntaxError of the first line that could not be read.
	// Such a ruleset must not be used.
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

// Parse reads a file; name is for errors and positions. Errors are *SyntaxError
// for a rule before the first header or a header that cannot be read, and
// *DuplicateError. A line below a header that is not a rule is kept, and is the Err
// of its ruleset.
func Parse(name string, data []byte) (*File, error) {
	f := &File{name: name, data: data[:len(data):len(data)]}
	number := 0
	rest := string(data)
	for rest != "" {
		start := number + 1
		var text string
		text, rest, number = logicalLine(rest, number)
		if err := f.addLine(text, start); err != nil {
			return nil, err
		}
	}
	return f, nil
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

func (f *File) addLine(text string, number int) error {
	trimmed := strings.Trim(text, " \t\r")
	if trimmed == "" || trimmed[0] == '#' {
		return nil
	}
	refuse := func(reason string) error {
		return &SyntaxError{File: f.name, Line: number, Text: text, Reason: reason}
	}
	if trimmed[0] == '[' {
		m := header.FindStringSubmatch(trimmed)
		if m == nil {
			return refuse("not a header of the form [name=number]")
		}
		n, err := strconv.ParseUint(m[2], 10, 16)
		if err != nil || n == 0 {
			return refuse("ruleset number not in 1 to 65535")
		}
		rs := Ruleset{Name: m[1], Number: uint16(n), Comment: strings.Trim(strings.TrimPrefix(m[3], "#"), " \t")}
		rs.Position = Position{File: f.name, Line: number, Name: rs.Name, Number: rs.Number}
		for _, have := range f.rulesets {
			if have.Name == rs.Name || have.Number == rs.Number {
				return &DuplicateError{First: have.Position, Second: rs.Position}
			}
		}
		f.rulesets = append(f.rulesets, rs)
		return nil
	}
	if len(f.rulesets) == 0 {
		return refuse("rule before the first ruleset")
	}
	rs := &f.rulesets[len(f.rulesets)-1]
	rule, reason := parseRule(trimmed)
	switch {
	case reason == "":
		rs.Rules = append(rs.Rules, rule)
	case rs.Err == nil:
		rs.Err = refuse(reason)
	}
	return nil
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
	if !validName(rs.Name) || strings.ContainsAny(rs.Comment, "\n\x00") || strings.HasSuffix(rs.Comment, `\`) {
		return &SyntaxError{File: f.name, Text: head, Reason: "bad name or comment"}
	}
	b.WriteString(head + "\n")
	for _, rule := range rs.Rules {
		text := rule.String()
		if back, reason := parseRule(text); reason != "" || back != rule {
			return &SyntaxError{File: f.name, Text: text, Reason: "rule cannot be written"}
		}
		b.WriteString(text + "\n")
	}
	// Read the result back to check it.
	next, err := Parse(f.name, append(f.data[:len(f.data):len(f.data)], b.String()...))
	if err != nil {
		return err
	}
	*f = *next
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
