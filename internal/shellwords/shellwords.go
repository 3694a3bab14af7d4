// Package shellwords splits text into words as sh(1) does, without expanding
// anything, and quotes words so that sh(1) reads them back.
package shellwords

import (
	"errors"
	"strings"
)

// ErrUnterminated is returned for a quote that is not closed and for a
// backslash with nothing after it.
var ErrUnterminated = errors.New("a quote is not closed")

// Split splits at blanks and newlines. Quotes and backslashes keep text
// together; within double quotes a backslash stands for itself unless a quote,
// a backslash, a dollar sign or a backquote follows. With ErrUnterminated it
// returns the words that were read.
func Split(text string) ([]string, error) { return split(text, false) }

// SplitLine is Split for a line that may end in a comment: a word that begins
// with # ends it.
func SplitLine(text string) ([]string, error) { return split(text, true) }

func split(s string, comments bool) (words []string, err error) {
	var word strings.Builder
	in := false
	end := func() {
		if in {
			words = append(words, word.String())
		}
		word.Reset()
		in = false
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case strings.IndexByte(" \t\r\n", c) >= 0:
			end()
			continue
		case c == '#' && !in && comments:
			return words, nil
		case c == '\'':
			n := strings.IndexByte(s[i+1:], '\'')
			if n < 0 {
				n, err = len(s)-i-1, ErrUnterminated
			}
			word.WriteString(s[i+1 : i+1+n])
			i += n + 1
		case c == '"':
			for i++; i < len(s) && s[i] != '"'; i++ {
				if s[i] == '\\' && i+1 < len(s) && strings.IndexByte("\"\\$`", s[i+1]) >= 0 {
					i++
				}
				word.WriteByte(s[i])
			}
			if i == len(s) {
				err = ErrUnterminated
			}
		case c == '\\':
			if i++; i == len(s) {
				err = ErrUnterminated
				break
			}
			word.WriteByte(s[i])
		default:
			word.WriteByte(c)
		}
		in = true
	}
	end()
	return words, err
}

// Quote returns a word as sh(1) reads it back: within single quotes if it is
// empty or has characters other than letters, digits and _./-+:,@%=.
func Quote(word string) string {
	if word != "" && strings.IndexFunc(word, special) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func special(r rune) bool {
	letter := r|0x20 >= 'a' && r|0x20 <= 'z'
	return !letter && (r < '0' || r > '9') && !strings.ContainsRune("_./-+:,@%=", r)
}
