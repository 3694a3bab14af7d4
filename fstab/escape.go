package fstab

import (
	"fmt"
	"strings"
)

// unescape decodes a field as strunvis(3) does for getfsent(3), and the "\ "
// which libioc writes for a blank. It reports false for a sequence that
// strunvis(3) rejects, and for NUL, which would end the path in C.
func unescape(s string) (string, bool) {
	if strings.IndexByte(s, 0) >= 0 {
		return "", false
	}
	if strings.IndexByte(s, '\\') < 0 {
		return s, true
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			i++
			continue
		}
		text, n := unvis(s[i+1:])
		if n == 0 || text == "\x00" {
			return "", false
		}
		b.WriteString(text)
		i += 1 + n
	}
	return b.String(), true
}

// unvis decodes what follows a backslash: the byte, or nothing for \$, and how much
// of s was used, which is 0 for an invalid sequence.
func unvis(s string) (text string, n int) {
	if s == "" {
		return "", 0
	}
	switch c := s[0]; {
	case c >= '0' && c <= '7':
		return octal(s)
	case c == 'M' && len(s) > 2 && s[1] == '-':
		return char(s[2] | 0x80), 3
	case c == 'M' && len(s) > 2 && s[1] == '^':
		return char(control(s[2]) | 0x80), 3
	case c == '^' && len(s) > 1:
		return char(control(s[1])), 2
	case c == 'M' || c == '^':
		return "", 0
	case c == 'x':
		return hex(s)
	case c == '$':
		return "", 1
	}
	if i := strings.IndexByte(" nrbavtfsE", s[0]); i >= 0 {
		return " \n\r\b\a\v\t\f \x1b"[i : i+1], 1
	}
	if s[0] <= ' ' || s[0] >= 0x7f {
		return "", 0
	}
	return s[:1], 1
}

func char(c byte) string { return string([]byte{c}) }

func octal(s string) (text string, n int) {
	var c byte
	for n < 3 && n < len(s) && s[n] >= '0' && s[n] <= '7' {
		c = c<<3 | (s[n] - '0')
		n++
	}
	return char(c), n
}

func hex(s string) (text string, n int) {
	var c byte
	for n = 1; n < 3 && n < len(s); n++ {
		d := strings.IndexByte("0123456789abcdef", s[n]|0x20)
		if d < 0 || s[n] < '0' { // |0x20 also maps control characters to digits
			break
		}
		c = c<<4 | byte(d)
	}
	if n == 1 {
		return "", 0
	}
	return char(c), n
}

func control(c byte) byte {
	if c == '?' {
		return 0x7f
	}
	return c & 0x1f
}

// escape writes s so that getfsent(3) reads it back: blanks, control characters
// and backslashes in octal, and a leading # as well, which would start a comment.
func escape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c <= ' ' || c == 0x7f || c == '\\' || (c == '#' && i == 0) {
			fmt.Fprintf(&b, `\%03o`, c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}
