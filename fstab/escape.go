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
		c, visible, n, ok := unvis(s[i+1:])
		if !ok || (visible && c == 0) {
			return "", false
		}
		if visible {
			b.WriteByte(c)
		}
		i += 1 + n
	}
	return b.String(), true
}

// unvis decodes what follows a backslash: the byte, whether there is one at all
// (\$ stands for nothing), and how much of s was used.
func unvis(s string) (c byte, visible bool, n int, ok bool) {
	if s == "" {
		return 0, false, 0, false
	}
	switch c = s[0]; {
	case c >= '0' && c <= '7':
		c, n = octal(s)
		return c, true, n, true
	case c == 'M':
		return meta(s)
	case c == '^' && len(s) > 1:
		return control(s[1]), true, 2, true
	case c == '^':
		return 0, false, 0, false
	case c == 'x':
		return hex(s)
	case c == '$':
		return 0, false, 1, true
	case c == ' ':
		return ' ', true, 1, true
	}
	if i := strings.IndexByte("nrbavtfsE", c); i >= 0 {
		return "\n\r\b\a\v\t\f \x1b"[i], true, 1, true
	}
	return c, true, 1, c > ' ' && c < 0x7f
}

func octal(s string) (c byte, n int) {
	for n < 3 && n < len(s) && s[n] >= '0' && s[n] <= '7' {
		c = c<<3 | (s[n] - '0')
		n++
	}
	return c, n
}

func hex(s string) (c byte, visible bool, n int, ok bool) {
	for n = 1; n < 3 && n < len(s); n++ {
		d := strings.IndexByte("0123456789abcdef", s[n]|0x20)
		if d < 0 || s[n] < '0' { // |0x20 also maps control characters to digits
			break
		}
		c = c<<4 | byte(d)
	}
	return c, true, n, n > 1
}

func meta(s string) (c byte, visible bool, n int, ok bool) {
	if len(s) < 3 {
		return 0, false, 0, false
	}
	switch s[1] {
	case '-':
		return s[2] | 0x80, true, 3, true
	case '^':
		return control(s[2]) | 0x80, true, 3, true
	}
	return 0, false, 0, false
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
