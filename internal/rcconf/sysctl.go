package rcconf

import (
	"fmt"
	"strings"
)

// ParseSysctl reads sysctl.conf(5): one name=value or name:value a line, where
// # begins a comment. sysctl(8) removes a pair of quotes around a value and has no
// escapes. Every text is readable; lines that are not assignments are kept.
func ParseSysctl(src []byte) *File {
	f := &File{sysctl: true}
	f.loadSysctl(string(src))
	return f
}

func (f *File) loadSysctl(src string) {
	f.src, f.list, f.cmds = src, nil, nil
	f.vars = make(map[string]result)
	pos := 0
	for line := range strings.SplitSeq(src, "\n") {
		if a, value, ok := sysctlLine(line, pos); ok {
			a.command = len(f.cmds)
			f.list = append(f.list, a)
			f.cmds = append(f.cmds, command{start: a.start, end: a.value.end, prev: "\n", next: "\n"})
			f.vars[a.name] = result{text: value}
		}
		pos += len(line) + 1
	}
}

func sysctlLine(line string, pos int) (assignment, string, bool) {
	text := line
	if i := commentStart(line); i >= 0 {
		text = line[:i]
	}
	sep := strings.IndexAny(text, "=:")
	if sep < 0 {
		return assignment{}, "", false
	}
	name := strings.TrimSpace(text[:sep])
	if !validSysctl(name) {
		return assignment{}, "", false
	}
	value := text[sep+1:]
	start := sep + 1 + len(value) - len(strings.TrimLeft(value, " \t"))
	value = strings.TrimSpace(value)
	a := assignment{name: name, start: pos + strings.Index(line, name), value: word{start: pos + start, end: pos + start + len(value)}}
	if n := len(value); n > 0 && (value[0] == '"' || value[0] == '\'') {
		if n > 1 && value[n-1] == value[0] {
			value = value[:n-1]
		}
		value = value[1:]
	}
	return a, value, true
}

// commentStart returns the first # outside quotes, or -1.
func commentStart(line string) int {
	quoted := byte(0)
	for i := range len(line) {
		switch c := line[i]; {
		case quoted != 0:
			if c == quoted {
				quoted = 0
			}
		case c == '"' || c == '\'':
			quoted = c
		case c == '#':
			return i
		}
	}
	return -1
}

func validSysctl(name string) bool {
	for i := range len(name) {
		if c := name[i]; !isNameByte(c, false) && strings.IndexByte(".-%", c) < 0 {
			return false
		}
	}
	return name != ""
}

func (f *File) setSysctl(name, value string) error {
	if !validSysctl(name) {
		return fmt.Errorf("rcconf: %q: %w", name, ErrName)
	}
	if now, ok := f.Get(name); ok && now == value {
		return nil
	}
	text := value
	if value == "" || strings.ContainsAny(value, "#'\"") || strings.TrimSpace(value) != value {
		text = `"` + value + `"`
	}
	for i := range len(value) {
		if value[i] < ' ' && value[i] != '\t' || value[i] == 0x7f {
			return fmt.Errorf("rcconf: %s: control character: %w", name, ErrValue)
		}
	}
	if a := f.last(name); a != nil {
		return f.replace(f.src[:a.value.start]+text+f.src[a.value.end:], name, value)
	}
	return f.replace(addLine(f.src, name+"="+text), name, value)
}
