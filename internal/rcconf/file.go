package rcconf

import (
	"errors"
	"fmt"
	"sort"
	"strings"
)

var (
	// ErrDynamic: only sh(1) can compute the value.
	ErrDynamic = errors.New("value depends on a command or on another file")
	// ErrName: sh(1), or sysctl(8), cannot assign to the name.
	ErrName = errors.New("not a variable name")
	// ErrValue: the file cannot hold the value.
	ErrValue = errors.New("value cannot be stored")
	// ErrNotSet: the file does not assign the variable.
	ErrNotSet = errors.New("not set")
)

// A File is the content of a file of assignments. The zero File is an empty
// shell file. Changes are in memory only; Bytes returns the new content.
type File struct {
	src    string
	sysctl bool
	list   []assignment
	cmds   []command
	vars   map[string]result
}

type result struct {
	text    string
	dynamic bool
}

// Parse reads shell assignments. The error is a *SyntaxError if sh(1) would not
// read the file either.
func Parse(src []byte) (*File, error) {
	f := &File{}
	return f, f.load(string(src))
}

// Bytes returns the file's content.
func (f *File) Bytes() []byte { return []byte(f.src) }

func (f *File) load(src string) error {
	if f.sysctl {
		f.loadSysctl(src)
		return nil
	}
	if i := strings.IndexByte(src, 0); i >= 0 {
		return (&scanner{src: src, pos: i}).fail("NUL byte")
	}
	s := &scanner{src: src}
	if err := s.scan(); err != nil {
		return err
	}
	f.src, f.list, f.cmds = src, s.list, s.cmds
	f.vars = make(map[string]result)
	room := maxExpanded
	for _, a := range f.list {
		f.vars[a.name] = f.expand(a.value, &room)
	}
	return nil
}

// maxExpanded bounds the bytes that references copy in one file, since each of
// them can double a text, and many can repeat a long one. A value beyond it is
// dynamic.
const maxExpanded = 1 << 20

func (f *File) expand(w word, room *int) result {
	if len(w.parts) == 1 && w.parts[0].kind == literal {
		return result{text: w.parts[0].text}
	}
	var b strings.Builder
	for _, p := range w.parts {
		switch p.kind {
		case literal:
			b.WriteString(p.text)
		case variable:
			v, ok := f.vars[p.text]
			if !ok || v.dynamic || len(v.text) > *room {
				return result{dynamic: true}
			}
			*room -= len(v.text)
			b.WriteString(v.text)
		default:
			return result{dynamic: true}
		}
	}
	return result{text: b.String()}
}

// Get returns a variable's value; ok is false if the file does not assign it or the
// value is dynamic. Value distinguishes these.
func (f *File) Get(name string) (value string, ok bool) {
	value, err := f.Value(name)
	return value, err == nil
}

// Value returns a variable's value. The error wraps ErrNotSet or ErrDynamic.
func (f *File) Value(name string) (string, error) {
	v, ok := f.vars[name]
	switch {
	case !ok:
		return "", fmt.Errorf("rcconf: %s: %w", name, ErrNotSet)
	case v.dynamic:
		return "", fmt.Errorf("rcconf: %s: %w", name, ErrDynamic)
	}
	return v.text, nil
}

// Names lists the assigned variables, dynamic ones too, in the order of their
// first assignment.
func (f *File) Names() []string {
	var names []string
	seen := make(map[string]bool)
	for _, a := range f.list {
		if !seen[a.name] {
			seen[a.name] = true
			names = append(names, a.name)
		}
	}
	return names
}

// Set assigns a value: at the last assignment, whose kind of quotes is kept, or on a
// new last line. A variable that already has the value is not changed. The error
// wraps ErrName, or ErrValue if the result would not read back.
func (f *File) Set(name, value string) error {
	if f.sysctl {
		return f.setSysctl(name, value)
	}
	if !validName(name) {
		return fmt.Errorf("rcconf: %q: %w", name, ErrName)
	}
	if strings.IndexByte(value, 0) >= 0 {
		return fmt.Errorf("rcconf: %s: NUL byte: %w", name, ErrValue)
	}
	if now, ok := f.Get(name); ok && now == value {
		return nil
	}
	src := f.src
	if a := f.last(name); a != nil && !a.export {
		src = src[:a.value.start] + quote(value, a.value.single) + src[a.value.end:]
	} else {
		src = addLine(src, name+"="+quote(value, false))
	}
	return f.replace(src, name, value)
}

// Append adds to a list like sysrc(8) does for name+=value: the first character of
// value, if it is not a letter or digit, separates items, and an existing item is
// not added again. The error wraps ErrDynamic too.
func (f *File) Append(name, value string) error {
	old, err := f.Value(name)
	if err != nil && !errors.Is(err, ErrNotSet) {
		return err
	}
	delim, item := " ", value
	if value != "" && !isNameByte(value[0], false) {
		delim, item = value[:1], value[1:]
	}
	switch {
	case old == "":
		return f.Set(name, item)
	case strings.Contains(delim+old+delim, delim+item+delim):
		return nil
	}
	return f.Set(name, old+delim+item)
}

func (f *File) last(name string) *assignment {
	for i := len(f.list) - 1; i >= 0; i-- {
		if f.list[i].name == name {
			return &f.list[i]
		}
	}
	return nil
}

func addLine(src, line string) string {
	if src != "" && !strings.HasSuffix(src, "\n") {
		src += "\n"
	}
	return src + line + "\n"
}

// replace replaces the text with an edited one, if that has the wanted value.
func (f *File) replace(src, name, value string) error {
	next := &File{sysctl: f.sysctl}
	if err := next.load(src); err != nil {
		return fmt.Errorf("rcconf: %s: %w: %w", name, ErrValue, err)
	}
	if got, ok := next.Get(name); !ok || got != value {
		return fmt.Errorf("rcconf: %s: an appended line would not take effect: %w", name, ErrValue)
	}
	*f = *next
	return nil
}

// Unset removes every assignment of a variable and reports whether there was
// one. A line with nothing else is removed with its comment.
func (f *File) Unset(name string) bool {
	var cuts []cut
	for i := 0; i < len(f.list); {
		j := i
		for j < len(f.list) && f.list[j].command == f.list[i].command {
			j++
		}
		cuts = append(cuts, f.removal(f.list[i:j], name)...)
		i = j
	}
	if len(cuts) == 0 {
		return false
	}
	sort.Slice(cuts, func(i, j int) bool { return cuts[i].start < cuts[j].start })
	var b strings.Builder
	pos := 0
	for _, c := range cuts {
		b.WriteString(f.src[pos:c.start])
		b.WriteString(c.text)
		pos = c.end
	}
	b.WriteString(f.src[pos:])
	next := &File{sysctl: f.sysctl}
	if next.load(b.String()) != nil {
		return false
	}
	*f = *next
	return true
}

type cut struct {
	start, end int
	text       string
}

// removal returns the cuts that remove the assignments of a name from one command.
func (f *File) removal(list []assignment, name string) []cut {
	var mine []cut
	for _, a := range list {
		if a.name == name {
			mine = append(mine, cut{start: a.start, end: f.afterBlanks(a.value.end)})
		}
	}
	cmd := f.cmds[list[0].command]
	if len(mine) == 0 || len(mine) < len(list) || cmd.others {
		return mine
	}
	lineStart := cmd.start
	for lineStart > 0 && (f.src[lineStart-1] == ' ' || f.src[lineStart-1] == '\t') {
		lineStart--
	}
	first := lineStart == 0 || f.src[lineStart-1] == '\n'
	end := f.afterBlanks(cmd.end)
	if cmd.next == ";" && strings.HasPrefix(f.src[end:], ";") {
		end = f.afterBlanks(end + 1)
	}
	atEnd := end == len(f.src) || f.src[end] == '\n' || f.src[end] == '#'
	free := !cmd.inner && (cmd.prev == "\n" || cmd.prev == ";") && (cmd.next == "\n" || cmd.next == ";")
	switch {
	case free && first && atEnd:
		if n := strings.IndexByte(f.src[end:], '\n'); n >= 0 {
			return []cut{{start: lineStart, end: end + n + 1}}
		}
		return []cut{{start: lineStart, end: len(f.src)}}
	case free:
		return []cut{{start: cmd.start, end: end}}
	}
	// sh rejects a compound command or an && without a command.
	return []cut{{start: cmd.start, end: cmd.end, text: ":"}}
}

func (f *File) afterBlanks(pos int) int {
	for pos < len(f.src) && (f.src[pos] == ' ' || f.src[pos] == '\t') {
		pos++
	}
	return pos
}
