package ucl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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
		text, err := p.escape()
		if err != nil {
			return "", err
		}
		b.WriteString(text)
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

// escape reads what Unescape decodes.
func (p *parser) escape() (string, error) {
	text, n, err := Unescape(p.src[p.pos:])
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		p.pos += int(syntax.Offset) - 2
		p.open['"'] = p.pos
		return "", p.fail(syntax.Error())
	}
	p.pos += n
	return text, nil
}

// Unescape decodes the escape of JSON that text begins with, and returns how many
// bytes it has. Several \u escapes that follow one another are decoded together,
// since two of them can be one character. The error is a *json.SyntaxError with an
// offset in the string that has only these escapes, counted from its quote.
func Unescape[T string | []byte](text T) (decoded string, n int, err error) {
	n = 2
	if len(text) > 1 && text[1] == 'u' {
		for n = 6; n+1 < len(text) && text[n] == '\\' && text[n+1] == 'u'; n += 6 {
		}
	}
	n = min(n, len(text))
	err = json.Unmarshal(fmt.Appendf(nil, `"%s"`, text[:n]), &decoded)
	return decoded, n, err
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
