package config

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds nesting, so that no file can exhaust the stack.
const maxDepth = 64

// A jnode is a JSON value with its exact text. Package encoding/json loses the
// spelling of numbers, the order of keys and repeated keys.
type jnode struct {
	key      string
	keyToken string  // with quotes
	token    string  // the value's exact text; empty for an object
	text     string  // decoded scalar
	object   []jnode // members, in order
	list     []string
	kind     kind
	isObject bool
}

type jsonParser struct {
	src string
	pos int
}

// parseJSON reads one value. A configuration is an object, or null or nothing,
// which are empty configurations as in libioc.
func parseJSON(src string) (jnode, error) {
	p := &jsonParser{src: src}
	p.space()
	if p.pos == len(src) {
		return jnode{isObject: true}, nil
	}
	start := p.pos
	n, err := p.value(0)
	if err != nil {
		return n, err
	}
	p.space()
	if p.pos != len(src) {
		return n, p.fail("unexpected data after value")
	}
	if n.kind == kindNull {
		return jnode{isObject: true}, nil
	}
	if !n.isObject {
		p.pos = start
		return n, p.fail("expected an object")
	}
	return n, nil
}

func (p *jsonParser) fail(reason string) error {
	return syntaxAt(p.src, p.pos, reason)
}

// syntaxAt returns an error with the line and column of a byte offset.
func syntaxAt(src string, pos int, reason string) *SyntaxError {
	before := src[:min(pos, len(src))]
	line := strings.Count(before, "\n") + 1
	return &SyntaxError{Line: line, Column: len(before) - strings.LastIndexByte(before, '\n'), Reason: reason}
}

func (p *jsonParser) space() {
	for p.pos < len(p.src) {
		switch p.src[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

func (p *jsonParser) peek() byte {
	if p.pos < len(p.src) {
		return p.src[p.pos]
	}
	return 0
}

func (p *jsonParser) value(depth int) (jnode, error) {
	if depth > maxDepth {
		return jnode{}, p.fail("nested too deeply")
	}
	start := p.pos
	var n jnode
	var err error
	switch c := p.peek(); {
	case c == '{':
		return p.members(depth)
	case c == '[':
		n, err = p.array(depth)
	case c == '"':
		n.text, err = p.str()
	case c == '-' || c >= '0' && c <= '9':
		n.kind = kindBare
		if err = p.number(); err == nil {
			n.text = p.src[start:p.pos]
		}
	default:
		err = p.word(&n)
	}
	n.token = p.src[start:p.pos]
	return n, err
}

func (p *jsonParser) word(n *jnode) error {
	for _, w := range [...]string{"true", "false", "null"} {
		if strings.HasPrefix(p.src[p.pos:], w) {
			p.pos += len(w)
			if n.kind, n.text = kindBare, w; w == "null" {
				n.kind, n.text = kindNull, "none"
			}
			return nil
		}
	}
	if p.pos == len(p.src) {
		return p.fail("unexpected end")
	}
	return p.fail("expected a value")
}

func (p *jsonParser) members(depth int) (jnode, error) {
	n := jnode{isObject: true}
	p.pos++
	p.space()
	if p.peek() == '}' {
		p.pos++
		return n, nil
	}
	n.object = make([]jnode, 0, 8)
	for {
		p.space()
		if p.peek() != '"' {
			return n, p.fail("expected a key")
		}
		start := p.pos
		key, err := p.str()
		if err != nil {
			return n, err
		}
		keyToken := p.src[start:p.pos]
		p.space()
		if p.peek() != ':' {
			return n, p.fail("expected ':'")
		}
		p.pos++
		p.space()
		m, err := p.value(depth + 1)
		if err != nil {
			return n, err
		}
		m.key, m.keyToken = key, keyToken
		n.object = append(n.object, m)
		p.space()
		switch p.peek() {
		case ',':
			p.pos++
		case '}':
			p.pos++
			return n, nil
		default:
			return n, p.fail("expected ',' or '}'")
		}
	}
}

func (p *jsonParser) array(depth int) (jnode, error) {
	n := jnode{kind: kindList}
	p.pos++
	p.space()
	if p.peek() == ']' {
		p.pos++
		n.text = "none"
		return n, nil
	}
	for {
		p.space()
		m, err := p.value(depth + 1)
		if err != nil {
			return n, err
		}
		if m.isObject || m.kind == kindList || m.kind == kindOpaque {
			n.kind = kindOpaque
		}
		if m.kind != kindNull {
			n.list = append(n.list, m.text)
		}
		p.space()
		switch p.peek() {
		case ',':
			p.pos++
		case ']':
			p.pos++
			n.text = joinList(n.list)
			return n, nil
		default:
			return n, p.fail("expected ',' or ']'")
		}
	}
}

func (p *jsonParser) number() error {
	digits := func() bool {
		start := p.pos
		for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
			p.pos++
		}
		return p.pos > start
	}
	if p.peek() == '-' {
		p.pos++
	}
	if p.peek() == '0' {
		p.pos++
	} else if !digits() {
		return p.fail("expected a digit")
	}
	if p.peek() == '.' {
		p.pos++
		if !digits() {
			return p.fail("expected a digit")
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.pos++
		if c := p.peek(); c == '+' || c == '-' {
			p.pos++
		}
		if !digits() {
			return p.fail("expected a digit")
		}
	}
	return nil
}

// str reads a string at the opening quote. A string without escapes shares the
// file's memory.
func (p *jsonParser) str() (string, error) {
	p.pos++
	start := p.pos
	for p.pos < len(p.src) {
		switch c := p.src[p.pos]; {
		case c == '"':
			s := p.src[start:p.pos]
			p.pos++
			return s, nil
		case c == '\\':
			return p.escaped(start)
		case c < ' ':
			return "", p.fail("control character in a string")
		}
		p.pos++
	}
	return "", p.fail("string without end")
}

func (p *jsonParser) escaped(start int) (string, error) {
	var b strings.Builder
	b.WriteString(p.src[start:p.pos])
	for p.pos < len(p.src) {
		switch c := p.src[p.pos]; {
		case c == '"':
			p.pos++
			return b.String(), nil
		case c < ' ':
			return "", p.fail("control character in a string")
		case c != '\\':
			b.WriteByte(c)
			p.pos++
			continue
		}
		p.pos++
		c := p.peek()
		if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 && c != 0 {
			b.WriteByte("\"\\/\b\f\n\r\t"[i])
			p.pos++
			continue
		}
		if c != 'u' {
			return "", p.fail("unknown escape")
		}
		r, err := p.unicode()
		if err != nil {
			return "", err
		}
		b.WriteRune(r)
	}
	return "", p.fail("string without end")
}

// unicode reads uXXXX, and a second one that completes a surrogate pair. A
// lone surrogate becomes U+FFFD in the text; the token keeps it.
func (p *jsonParser) unicode() (rune, error) {
	r, err := p.hex4()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	back := p.pos
	if strings.HasPrefix(p.src[p.pos:], `\u`) {
		p.pos++
		low, err := p.hex4()
		if err != nil {
			return 0, err
		}
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, nil
		}
	}
	p.pos = back
	return utf8.RuneError, nil
}

func (p *jsonParser) hex4() (rune, error) {
	p.pos++
	var r rune
	for range 4 {
		d, ok := hexDigit(p.peek())
		if !ok {
			return 0, p.fail("expected four hexadecimal digits")
		}
		r = r<<4 | rune(d)
		p.pos++
	}
	return r, nil
}
