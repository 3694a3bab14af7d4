package ucl

import (
	"bytes"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// quoted reads a string with the escapes of JSON.
func (p *parser) quoted() (string, error) {
	start := p.pos
	p.pos++
	var b strings.Builder
	for p.pos < len(p.src) {
		c := p.src[p.pos]
		switch {
		case c == '"':
			p.pos++
			return b.String(), nil
		case c == '\n':
			return "", p.unended(start)
		case c != '\\':
			b.WriteByte(c)
			p.pos++
			continue
		}
		p.pos++
		c = p.peek()
		if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 && c != 0 {
			b.WriteByte("\"\\/\b\f\n\r\t"[i])
			p.pos++
			continue
		}
		if c != 'u' {
			p.open['"'] = p.pos
			return "", p.fail("unknown escape")
		}
		p.pos++
		r, err := p.unicode()
		if err != nil {
			p.open['"'] = p.pos
			return "", err
		}
		b.WriteRune(r)
	}
	return "", p.unended(start)
}

// unended returns the failure of a string that begins at start and does not end up
// to the current position.
func (p *parser) unended(start int) error {
	p.open[p.src[start]] = p.pos
	p.pos = start
	return p.fail("string without end")
}

func (p *parser) unicode() (rune, error) {
	r, err := p.hex4()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	back := p.pos
	if p.has(`\u`) {
		p.pos += 2
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

func (p *parser) hex4() (rune, error) {
	var r rune
	for range 4 {
		d := strings.IndexByte("0123456789abcdef", p.peek()|0x20)
		if d < 0 || p.peek() < '0' {
			return 0, p.fail("expected four hexadecimal digits")
		}
		r = r<<4 | rune(d)
		p.pos++
	}
	return r, nil
}

// single reads a single-quoted string: only \' is an escape.
func (p *parser) single() (string, error) {
	start := p.pos
	p.pos++
	var b strings.Builder
	for p.pos < len(p.src) {
		switch c := p.src[p.pos]; {
		case c == '\'':
			p.pos++
			return b.String(), nil
		case c == '\\' && p.has(`\'`):
			b.WriteByte('\'')
			p.pos += 2
		default:
			b.WriteByte(c)
			p.pos++
		}
	}
	return "", p.unended(start)
}

// heredocTag returns the word after <<, upper-case letters up to the end of the
// line.
func (p *parser) heredocTag() string {
	end := p.pos + 2
	for end < len(p.src) && p.src[end] >= 'A' && p.src[end] <= 'Z' {
		end++
	}
	if end == len(p.src) || p.src[end] != '\n' {
		return ""
	}
	return string(p.src[p.pos+2 : end])
}

func (p *parser) heredoc() (string, error) {
	start, tag := p.pos, p.heredocTag()
	body := p.pos + 2 + len(tag) + 1
	for at := body; at <= len(p.src); {
		line := p.src[at:]
		if n := bytes.IndexByte(line, '\n'); n >= 0 {
			line = line[:n]
		}
		if string(line) == tag {
			p.pos = at + len(line)
			return string(p.src[body:max(body, at-1)]), nil
		}
		at += len(line) + 1
	}
	p.pos = start
	return "", p.fail("here-document without end")
}
