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

// escape reads one escape, or all \uXXXX in a row, of which two can be a surrogate
// pair.
func (p *parser) escape() (string, error) {
	rest := p.src[p.pos:]
	n := 2
	if p.has(`\u`) {
		for n = 6; n < len(rest) && bytes.HasPrefix(rest[n:], []byte(`\u`)); n += 6 {
		}
	}
	var text string
	err := json.Unmarshal(fmt.Appendf(nil, `"%s"`, rest[:min(n, len(rest))]), &text)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		p.pos += int(syntax.Offset) - 2
		p.open['"'] = p.pos
		return "", p.fail(syntax.Error())
	}
	p.pos += n
	return text, nil
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
