package rcconf

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrName: sh(1), or sysctl(8), cannot assign to the name.
	ErrName = errors.New("not a variable name")
	// ErrValue: the file cannot hold the value.
	ErrValue = errors.New("value cannot be stored")
)

// A File is the content of a file of assignments. The zero File is an empty
// shell file. Changes are in memory only; Bytes returns the new content.
type File struct {
	src    string
	sysctl bool
	list   []assignment
	vars   map[string]result
}

type result struct {
	text    string
	dynamic bool
}

// Parse reads shell assignments. It fails if sh(1) would not read the file either.
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
	f.src, f.list = src, s.list
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

// Get returns a variable's value; ok is false if the file does not assign it or
// only sh(1) can compute the value.
func (f *File) Get(name string) (value string, ok bool) {
	v, ok := f.vars[name]
	return v.text, ok && !v.dynamic
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
	if f.sysctl && !validSysctl(name) || !f.sysctl && !validName(name) {
		return fmt.Errorf("rcconf: %q: %w", name, ErrName)
	}
	// sysctl.conf(5) has one line for each value; sh(1) reads all but NUL.
	if strings.ContainsFunc(value, func(c rune) bool { return c == 0 || f.sysctl && (c < ' ' && c != '\t' || c == 0x7f) }) {
		return fmt.Errorf("rcconf: %s: control character: %w", name, ErrValue)
	}
	if now, ok := f.Get(name); ok && now == value {
		return nil
	}
	quoted := func(single bool) string {
		if f.sysctl {
			return quoteSysctl(value)
		}
		return quote(value, single)
	}
	src := f.src
	if a := f.last(name); a != nil && !a.export {
		src = src[:a.value.start] + quoted(a.value.single) + src[a.value.end:]
	} else {
		if src != "" && !strings.HasSuffix(src, "\n") {
			src += "\n"
		}
		src += name + "=" + quoted(false) + "\n"
	}
	return f.replace(src, name, value)
}

func (f *File) last(name string) *assignment {
	for i := len(f.list) - 1; i >= 0; i-- {
		if f.list[i].name == name {
			return &f.list[i]
		}
	}
	return nil
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
