package fstab

import (
	"fmt"
	"strings"
)

// Kind is the kind of a line.
type Kind int

const (
	// KindBlank is a line of nothing but blanks.
	KindBlank Kind = iota
	// KindComment is a line whose first word begins with #.
	KindComment
	// KindUnknown is a line that is not fstab(5): it has fewer than four
	// fields, or one that strunvis(3) rejects. It is kept, and File.Check reports it.
	KindUnknown
	// KindEntry is a file system.
	KindEntry
	// KindAuto is a file system that iocage generated, marked with AutoComment. It
	// is kept and ignored, because such mounts are derived from the jail's
	// configuration.
	KindAuto
)

// String returns the kind in one word.
func (k Kind) String() string {
	return [...]string{"blank", "comment", "unknown", "entry", "auto"}[k]
}

// Line is one line of a File, in the order of the file.
type Line struct {
	Kind Kind
	// Text is the line as Marshal writes it, without its newline.
	Text string
	// Entry is set for KindEntry and KindAuto.
	Entry Entry
	// Reason says why a line of KindUnknown could not be read.
	Reason string
	// Shadowed: a later entry that is mounted (Entry.Mounted) has the same
	// destination, so that it hides this one.
	Shadowed bool
}

// line is one line of a File.
type line struct {
	text  string
	kind  Kind
	entry Entry
	tail  string // what getfsent(3) ignores after the sixth field

	reason string // of KindUnknown
}

func parseLine(text string) line {
	l := line{text: text, kind: KindUnknown}
	rest := strings.TrimLeft(strings.TrimSuffix(text, "\r"), " \t")
	switch {
	case rest == "":
		l.kind = KindBlank
		return l
	case rest[0] == '#':
		l.kind = KindComment
		return l
	}
	var fields []string
	for len(fields) < 6 && rest != "" && rest[0] != '#' {
		var field string
		field, rest = cutField(rest)
		fields = append(fields, field)
	}
	if len(fields) < 4 {
		l.reason = fmt.Sprintf("missing information: %d of at least 4 fields (source, destination, type, options)", len(fields))
		return l
	}
	source, ok := unescape(fields[0])
	if !ok || source == "" {
		l.reason = "invalid escape in the source"
		return l
	}
	destination, ok := unescape(fields[1])
	if !ok || destination == "" {
		l.reason = "invalid escape in the destination"
		return l
	}
	l.kind = KindEntry
	l.entry = Entry{Source: source, Destination: destination, Type: fields[2], Options: Options(fields[3])}
	if len(fields) > 4 {
		l.entry.Freq = atoi(fields[4])
	}
	if len(fields) > 5 {
		l.entry.PassNo = atoi(fields[5])
	}
	l.tail, l.entry.Comment = cutComment(rest)
	if l.entry.Comment == AutoComment {
		l.kind = KindAuto
	}
	return l
}

// set replaces the entry; the text is rewritten only if that changes it.
func (l *line) set(e Entry) {
	if e == l.entry && l.text != "" {
		return
	}
	l.entry = e
	l.text = e.format(l.tail)
}

// cutField takes the first field off s, which does not begin with a blank. A
// blank after a backslash belongs to the field, as in libioc.
func cutField(s string) (field, rest string) {
	i := 0
	for i < len(s) && s[i] != ' ' && s[i] != '\t' {
		if s[i] == '\\' && i+1 < len(s) && (s[i+1] == ' ' || s[i+1] == '\\') {
			i++
		}
		i++
	}
	return s[:i], strings.TrimLeft(s[i:], " \t")
}

// cutComment splits what follows the fields at the first word that begins
// with #.
func cutComment(s string) (tail, comment string) {
	for i := 0; i < len(s); i++ {
		if s[i] == '#' && (i == 0 || s[i-1] == ' ' || s[i-1] == '\t') {
			return strings.Trim(s[:i], " \t"), strings.Trim(s[i+1:], " \t")
		}
	}
	return strings.Trim(s, " \t"), ""
}

// atoi reads a number like atoi(3), which getfsent(3) uses: the leading digits, at
// most nine of them.
func atoi(s string) int {
	s, negative := strings.CutPrefix(s, "-")
	n := 0
	for i := 0; i < len(s) && i < 9 && s[i] >= '0' && s[i] <= '9'; i++ {
		n = n*10 + int(s[i]-'0')
	}
	if negative {
		return -n
	}
	return n
}
