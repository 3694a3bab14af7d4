package ucl

import (
	"bytes"
	"errors"
	"slices"
	"strings"
)

// maxDepth bounds nesting, so that no file can exhaust the stack.
const maxDepth = 64

type parser struct {
	src   []byte
	pos   int
	depth int
	// The position up to which no string of this quote ends. Every such quote
	// before it is escaped, so a string that begins at one of them does not end
	// there either.
	open map[byte]int
}

// A failure is a SyntaxError whose line is not computed yet, since a reader may
// recover by trying something else.
type failure struct {
	pos    int
	reason string
}

func (f *failure) Error() string { return f.reason }

func (p *parser) fail(reason string) error { return &failure{p.pos, reason} }

// Parse reads a text. An error is a *SyntaxError. The document keeps src.
func Parse(src []byte) (*Document, error) {
	d, err := parse(src)
	var f *failure
	if errors.As(err, &f) {
		before := src[:min(f.pos, len(src))]
		return nil, &SyntaxError{Line: bytes.Count(before, []byte("\n")) + 1, Column: len(before) - bytes.LastIndexByte(before, '\n'), Reason: f.reason}
	}
	return d, err
}

func parse(src []byte) (*Document, error) {
	p := &parser{src: src, open: make(map[byte]int)}
	if bytes.HasPrefix(src, []byte("\xef\xbb\xbf")) {
		p.pos = 3
	}
	if i := bytes.IndexByte(src, 0); i >= 0 {
		p.pos = i
		return nil, p.fail("NUL byte")
	}
	d := &Document{src: src}
	if err := p.skip(); err != nil {
		return nil, err
	}
	wrapped := p.peek() == '{'
	if wrapped {
		p.pos++
		p.depth++
	}
	var err error
	if d.Fields, err = p.fields(wrapped); err != nil {
		return nil, err
	}
	d.end = p.pos
	if wrapped {
		p.pos++
		if err := p.skip(); err != nil {
			return nil, err
		}
		if p.pos < len(src) {
			return nil, p.fail("unexpected data after the closing brace")
		}
	}
	return d, nil
}

func (p *parser) peek() byte {
	if p.pos < len(p.src) {
		return p.src[p.pos]
	}
	return 0
}

func (p *parser) has(prefix string) bool {
	return len(p.src)-p.pos >= len(prefix) && string(p.src[p.pos:p.pos+len(prefix)]) == prefix
}

// blanks skips spaces and tabs; a carriage return belongs to the line end.
func (p *parser) blanks() {
	p.pos = len(p.src) - len(bytes.TrimLeft(p.src[p.pos:], " \t\r"))
}

// comment skips one comment, if there is one. Block comments nest.
func (p *parser) comment() (bool, error) {
	switch {
	case p.peek() == '#':
		for p.pos < len(p.src) && p.src[p.pos] != '\n' {
			p.pos++
		}
		return true, nil
	case p.has("/*"):
		start, level := p.pos, 0
		for p.pos < len(p.src) {
			switch {
			case p.has("/*"):
				level++
				p.pos += 2
			case p.has("*/"):
				level--
				p.pos += 2
			default:
				p.pos++
			}
			if level == 0 {
				return true, nil
			}
		}
		p.pos = start
		return false, p.fail("comment without end")
	}
	return false, nil
}

// skip skips blanks, newlines and comments.
func (p *parser) skip() error {
	for {
		p.pos = len(p.src) - len(bytes.TrimLeft(p.src[p.pos:], " \t\r\n"))
		if found, err := p.comment(); err != nil || !found {
			return err
		}
	}
}

// fields reads up to the end of the text, or to a closing brace, which stays.
func (p *parser) fields(inBraces bool) ([]Field, error) {
	var list []Field
	for {
		if err := p.skip(); err != nil {
			return nil, err
		}
		switch c := p.peek(); {
		case p.pos == len(p.src):
			if inBraces {
				return nil, p.fail("expected '}'")
			}
			return list, nil
		case c == '}':
			if inBraces {
				return list, nil
			}
			return nil, p.fail("'}' without '{'")
		case c == ';' || c == ',':
			// libucl allows separators without a value before them.
			p.pos++
			continue
		case c == '.':
			return nil, p.fail("directives are not supported")
		}
		f, err := p.field()
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
}

func (p *parser) field() (Field, error) {
	f := Field{Start: p.pos}
	var err error
	if f.Key, err = p.key(); err != nil {
		return f, err
	}
	p.blanks()
	if c := p.peek(); c == '=' || c == ':' {
		p.pos++
		p.blanks()
	} else if done, err := p.section(&f); done || err != nil {
		return f, err
	}
	// A brace, bracket or quote may stand on the next line; anything else
	// there would be another field.
	back := p.pos
	if err := p.skip(); err != nil {
		return f, err
	}
	if c := p.peek(); c != '{' && c != '[' && c != '"' && c != '\'' {
		p.pos = back
	}
	if f.Value, err = p.value(); err != nil {
		return f, err
	}
	f.End = p.pos
	return f, p.terminator(&f)
}

// section reads `web { ... }` after a key: named sections are objects in objects.
func (p *parser) section(f *Field) (bool, error) {
	back := p.pos
	var names []Field
	for len(names) == 0 || p.peek() != '{' {
		start := p.pos
		name, ok := p.name()
		if !ok {
			p.pos = back
			return false, nil // a value after a blank
		}
		names = append(names, Field{Key: name, Start: start})
		p.blanks()
		if p.peek() != '{' && p.depth+len(names) > maxDepth {
			return true, p.fail("nested too deeply")
		}
	}
	p.depth += len(names) - 1
	value, err := p.value()
	p.depth -= len(names) - 1
	for _, n := range slices.Backward(names) {
		n.Value, n.End = value, p.pos
		value = Value{Kind: Object, Fields: []Field{n}, Start: n.Start, End: n.End}
	}
	f.Value, f.End = value, p.pos
	return true, err
}

// name reads a section's name. ok is false if there is none, which is not an error:
// a quote may be an apostrophe in a bare value.
func (p *parser) name() (name string, ok bool) {
	c := p.peek()
	if c == '"' || c == '\'' {
		if p.pos < p.open[c] {
			return "", false
		}
	} else if keyEnd(c) || p.has("/*") {
		return "", false
	}
	name, err := p.key()
	return name, err == nil
}

// terminator skips the terminator of a field. An object needs none.
func (p *parser) terminator(f *Field) error {
	for {
		p.blanks()
		switch c := p.peek(); {
		case c == ';' || c == ',':
			p.pos++
			f.End = p.pos
			return nil
		case c == '\n' || c == '}' || c == '#' || p.pos == len(p.src) || f.Value.Kind == Object:
			return nil
		case p.has("/*"):
			// It depends on the rest of the line only.
			if _, err := p.comment(); err != nil {
				return err
			}
		default:
			return p.fail("expected ';', ',' or the end of the line")
		}
	}
}

func (p *parser) key() (string, error) {
	switch p.peek() {
	case '"':
		return p.quoted()
	case '\'':
		return p.single()
	}
	start := p.pos
	for p.pos < len(p.src) && !keyEnd(p.src[p.pos]) && !p.has("/*") {
		p.pos++
	}
	if p.pos == start {
		return "", p.fail("expected a key")
	}
	return string(p.src[start:p.pos]), nil
}

func keyEnd(c byte) bool { return c <= ' ' || strings.IndexByte(`=:{}[];,#"'`, c) >= 0 }

func (p *parser) value() (Value, error) {
	v := Value{Start: p.pos}
	var err error
	switch c := p.peek(); {
	case c == '{' || c == '[':
		if p.depth++; p.depth > maxDepth {
			return v, p.fail("nested too deeply")
		}
		p.pos++
		if c == '{' {
			v.Kind = Object
			v.Fields, err = p.fields(true)
			p.pos++
		} else {
			v.Kind = List
			v.Items, err = p.items()
		}
		p.depth--
	case c == '"':
		v.Quoted = true
		v.Text, err = p.quoted()
	case c == '\'':
		v.Quoted = true
		v.Text, err = p.single()
	case p.has("<<") && p.heredocTag() != "":
		v.Quoted = true
		v.Text, err = p.heredoc()
	default:
		v.Text, err = p.bare()
	}
	v.End = p.pos
	return v, err
}

func (p *parser) items() ([]Value, error) {
	var list []Value
	for {
		if err := p.skip(); err != nil {
			return nil, err
		}
		switch c := p.peek(); {
		case p.pos == len(p.src):
			return nil, p.fail("expected ']'")
		case c == ']':
			p.pos++
			return list, nil
		case c == ',' || c == ';':
			p.pos++
			continue
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		if err := p.skip(); err != nil {
			return nil, err
		}
		if c := p.peek(); c != ',' && c != ';' && c != ']' {
			return nil, p.fail("expected ',' or ']'")
		}
	}
}

// bare reads to the end of the line or a separator. Braces and brackets that
// open inside are part of the text. An empty value is an error unless a separator
// follows.
func (p *parser) bare() (string, error) {
	start, open := p.pos, 0
scan:
	for p.pos < len(p.src) {
		switch c := p.src[p.pos]; {
		case c == '\n' || c == ';' || c == ',' || c == '#' || p.has("/*"):
			break scan
		case c == '{' || c == '[':
			open++
		case c == '}' || c == ']':
			if open == 0 {
				break scan
			}
			open--
		}
		p.pos++
	}
	text := bytes.TrimRight(p.src[start:p.pos], " \t\r")
	if c := p.peek(); len(text) == 0 && c != ';' && c != ',' {
		return "", p.fail("expected a value")
	}
	p.pos = start + len(text)
	return string(text), nil
}
