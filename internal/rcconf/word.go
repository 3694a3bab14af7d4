package rcconf

import "strings"

type partKind uint8

const (
	literal partKind = iota
	variable
	dynamic // the output of a command, a positional parameter, ...
)

type part struct {
	kind partKind
	text string // the literal text, or the variable's name
}

// A word of sh is a list of parts, without quotes but with their kind.
type word struct {
	start, end int
	parts      []part
	plain      bool // no quote, escape or expansion
	single     bool // one pair of single quotes is all that the value has
}

// text returns the word's text if it has no quotes and no expansions; only such a
// word can be a keyword.
func (w *word) text(src string) string {
	if !w.plain {
		return ""
	}
	return src[w.start:w.end]
}

func (w *word) add(kind partKind, text string) {
	if n := len(w.parts); kind == literal && n > 0 && w.parts[n-1].kind == literal {
		w.parts[n-1].text += text
		return
	}
	w.parts = append(w.parts, part{kind, text})
}

func isNameByte(c byte, first bool) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || !first && c >= '0' && c <= '9'
}

func validName(s string) bool {
	for i := range len(s) {
		if !isNameByte(s[i], i == 0) {
			return false
		}
	}
	return s != ""
}

func endsWord(c byte) bool { return strings.IndexByte(" \t\n;&|()<>", c) >= 0 }

// word reads from the current position to the end of a word.
func (s *scanner) word() (word, error) {
	w := word{start: s.pos, plain: true}
	run := s.pos
	flush := func() {
		if run < s.pos {
			w.add(literal, s.src[run:s.pos])
		}
	}
	for s.pos < len(s.src) && !endsWord(s.src[s.pos]) {
		c := s.src[s.pos]
		if strings.IndexByte("\\'\"`$~", c) < 0 {
			s.pos++
			continue
		}
		flush()
		var err error
		switch c {
		case '\\':
			s.escape(&w)
		case '\'':
			err = s.singleQuoted(&w)
		case '"':
			err = s.doubleQuoted(&w)
		case '~':
			// A home directory, where sh expands it.
			if before := s.pos - 1; before < w.start || s.src[before] == '=' || s.src[before] == ':' {
				w.add(dynamic, "~")
			} else {
				w.add(literal, "~")
			}
			s.pos++
		default:
			err = s.expansion(&w)
		}
		if err != nil {
			return w, err
		}
		w.plain = false
		run = s.pos
	}
	flush()
	w.end = s.pos
	return w, nil
}

func (s *scanner) escape(w *word) {
	s.pos++
	if s.pos < len(s.src) {
		if s.src[s.pos] != '\n' {
			w.add(literal, s.src[s.pos:s.pos+1])
		}
		s.pos++
		return
	}
	w.add(literal, `\`)
}

func (s *scanner) singleQuoted(w *word) error {
	end := strings.IndexByte(s.src[s.pos+1:], '\'')
	if end < 0 {
		return s.fail("unterminated quoted string")
	}
	w.add(literal, s.src[s.pos+1:s.pos+1+end])
	s.pos += end + 2
	return nil
}

func (s *scanner) doubleQuoted(w *word) error {
	start := s.pos
	s.pos++
	w.add(literal, "")
	for s.pos < len(s.src) {
		switch c := s.src[s.pos]; {
		case c == '"':
			s.pos++
			return nil
		case c == '\\' && s.pos+1 < len(s.src):
			next := s.src[s.pos+1]
			switch {
			case next == '\n':
			case strings.IndexByte("$`\"\\", next) >= 0:
				w.add(literal, string(next))
			default:
				w.add(literal, s.src[s.pos:s.pos+2])
			}
			s.pos += 2
		case c == '$' || c == '`':
			if err := s.expansion(w); err != nil {
				return err
			}
		default:
			run := s.pos
			for s.pos < len(s.src) && strings.IndexByte("\"\\$`", s.src[s.pos]) < 0 {
				s.pos++
			}
			if s.pos == run {
				s.pos++ // a backslash at the very end
			}
			w.add(literal, s.src[run:s.pos])
		}
	}
	s.pos = start
	return s.fail("unterminated quoted string")
}

// expansion reads an expansion that begins with $ or a backquote.
func (s *scanner) expansion(w *word) error {
	if s.src[s.pos] == '`' {
		w.add(dynamic, "`")
		return s.backquoted()
	}
	s.pos++
	rest := s.src[s.pos:]
	switch {
	case strings.HasPrefix(rest, "("):
		w.add(dynamic, "$(")
		return s.balanced('(', ')')
	case strings.HasPrefix(rest, "{"):
		end := strings.IndexByte(rest, '}')
		if end > 0 && validName(rest[1:end]) {
			w.add(variable, rest[1:end])
			s.pos += end + 1
			return nil
		}
		w.add(dynamic, "${")
		return s.balanced('{', '}')
	}
	n := 0
	for n < len(rest) && isNameByte(rest[n], n == 0) {
		n++
	}
	switch {
	case n > 0:
		w.add(variable, rest[:n])
		s.pos += n
	case len(rest) > 0 && strings.IndexByte("0123456789@*#?$!-", rest[0]) >= 0:
		w.add(dynamic, rest[:1])
		s.pos++
	default:
		w.add(literal, "$")
	}
	return nil
}

func (s *scanner) backquoted() error {
	start := s.pos
	for s.pos++; s.pos < len(s.src); s.pos++ {
		switch s.src[s.pos] {
		case '\\':
			s.pos++
		case '`':
			s.pos++
			return nil
		}
	}
	s.pos = start
	return s.fail("unterminated backquote substitution")
}

// maxNested bounds quotes in expansions in quotes, so that no file can exhaust
// the stack.
const maxNested = 200

// balanced skips a bracketed expansion with quotes inside it; the whole is
// dynamic.
func (s *scanner) balanced(open, closing byte) error {
	start, depth := s.pos, 0
	for ; s.pos < len(s.src); s.pos++ {
		switch c := s.src[s.pos]; c {
		case open:
			depth++
		case closing:
			if depth--; depth == 0 {
				s.pos++
				return nil
			}
		case '\\':
			s.pos++
		case '\'':
			end := strings.IndexByte(s.src[s.pos+1:], '\'')
			if end < 0 {
				s.pos = start
				return s.fail("unterminated quoted string")
			}
			s.pos += end + 1
		case '"':
			if s.nested++; s.nested > maxNested {
				return s.fail("nested too deeply")
			}
			var inner word
			if err := s.doubleQuoted(&inner); err != nil {
				return err
			}
			s.nested--
			s.pos-- // the loop's own step
		}
	}
	s.pos = start
	return s.fail("unterminated expansion")
}

// quote returns a value quoted for sh, in single quotes if the old value had them
// and the new one allows them.
func quote(value string, single bool) string {
	if single && !strings.Contains(value, "'") {
		return "'" + value + "'"
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(value) + `"`
}
