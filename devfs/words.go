package devfs

import "strings"

// splitWords splits a rule as sh(1) does, for rc.subr(8) evaluates the lines:
// single and double quotes, backslashes, and a comment at a word that begins
// with #. Variables are left as they are. It reports false for a quote without
// end.
func splitWords(s string) (words []string, ok bool) {
	var word strings.Builder
	inWord := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case strings.IndexByte(" \t\r\n", c) >= 0:
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		case c == '#' && !inWord:
			return words, true
		case c == '\'' || c == '"':
			inWord = true
			end := closing(s[i+1:], c)
			if end < 0 {
				return nil, false
			}
			word.WriteString(unquote(s[i+1:i+1+end], c))
			i += 1 + end
		case c == '\\':
			if i+1 == len(s) {
				return nil, false
			}
			inWord = true
			i++
			word.WriteByte(s[i])
		default:
			inWord = true
			word.WriteByte(c)
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, true
}

// closing returns the index of the quote that ends s, or -1.
func closing(s string, quote byte) int {
	for i := 0; i < len(s); i++ {
		if s[i] == quote {
			return i
		}
		if quote == '"' && s[i] == '\\' {
			i++
		}
	}
	return -1
}

// unquote takes the backslashes out of a double quoted text.
func unquote(s string, quote byte) string {
	if quote == '\'' || strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && strings.IndexByte("\"\\$`", s[i+1]) >= 0 {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// quote writes a word so that sh(1) gives it back. It uses single quotes only
// where they are needed, like the file that FreeBSD installs.
func quote(s string) string {
	plain := s != ""
	for i := 0; i < len(s); i++ {
		c := s[i] | 0x20
		if (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') && strings.IndexByte("_./-+:,@%", s[i]) < 0 {
			plain = false
		}
	}
	if plain {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
