package rcconf

import (
	"fmt"
	"strings"
)

// An assignment is one NAME=value that changes the file's variables.
type assignment struct {
	name   string
	value  word // after the =
	export bool // argument of export or readonly
}

type scanner struct {
	src  string
	pos  int
	list []assignment

	// The command being read.
	words    int
	pending  []assignment
	builtin  bool // export or readonly
	redirect bool
	piped    bool // it follows a |

	depth    int   // open compound commands
	parens   int   // open subshells
	function bool  // name() was read, its body follows
	bodies   []int // depths of open function bodies
	heredocs []heredoc
	nested   int // quotes inside expansions
}

type heredoc struct {
	end   string
	strip bool
}

// fail returns an error such as `1:3: unterminated quoted string`, with the line and
// the column in bytes.
func (s *scanner) fail(reason string) error {
	before := s.src[:min(s.pos, len(s.src))]
	return fmt.Errorf("%d:%d: %s", strings.Count(before, "\n")+1, len(before)-strings.LastIndexByte(before, '\n'), reason)
}

func (s *scanner) scan() error {
	for s.pos < len(s.src) {
		if err := s.step(); err != nil {
			return err
		}
	}
	s.finish("\n")
	if len(s.heredocs) > 0 {
		return s.fail("here-document without end")
	}
	return nil
}

func (s *scanner) step() error {
	switch c := s.src[s.pos]; c {
	case ' ', '\t':
		s.pos++
	case '\n':
		s.finish("\n")
		s.pos++
		return s.skipHeredocs()
	case '#':
		comment, _, _ := strings.Cut(s.src[s.pos:], "\n")
		s.pos += len(comment)
	case ';', '&', '|':
		op := string(c)
		if s.pos+1 < len(s.src) && s.src[s.pos+1] == c {
			op += op
		}
		s.finish(op)
		s.pos += len(op)
	case '(':
		s.open()
	case ')':
		s.finish(")")
		s.parens = max(0, s.parens-1)
		s.pos++
	case '<', '>':
		return s.redirection()
	case '\\':
		if s.pos+1 < len(s.src) && s.src[s.pos+1] == '\n' {
			s.pos += 2
			return nil
		}
		return s.item()
	default:
		return s.item()
	}
	return nil
}

// open reads a parenthesis: `name ()` begins a function, anything else a
// subshell, whose assignments are lost at its end.
func (s *scanner) open() {
	rest := strings.TrimLeft(s.src[s.pos+1:], " \t")
	if s.words == 1 && strings.HasPrefix(rest, ")") {
		s.pos = len(s.src) - len(rest) + 1
		s.reset("()")
		s.function = true
		return
	}
	s.finish("(")
	s.parens++
	s.pos++
}

func (s *scanner) redirection() error {
	start := s.pos
	for s.pos < len(s.src) && strings.IndexByte("<>&|", s.src[s.pos]) >= 0 && s.pos < start+2 {
		s.pos++
	}
	if s.src[start:s.pos] != "<<" {
		if s.pos < len(s.src) && s.src[s.pos] == '-' {
			s.pos++ // >&-
			return nil
		}
		s.redirect = true
		return nil
	}
	h := heredoc{}
	if s.pos < len(s.src) && s.src[s.pos] == '-' {
		h.strip = true
		s.pos++
	}
	s.pos = len(s.src) - len(strings.TrimLeft(s.src[s.pos:], " \t"))
	w, err := s.word()
	if err != nil {
		return err
	}
	for _, p := range w.parts {
		h.end += p.text
	}
	s.heredocs = append(s.heredocs, h)
	return nil
}

func (s *scanner) skipHeredocs() error {
	for _, h := range s.heredocs {
		for {
			if s.pos >= len(s.src) {
				return s.fail("here-document without end")
			}
			line, _, _ := strings.Cut(s.src[s.pos:], "\n")
			s.pos = min(len(s.src), s.pos+len(line)+1)
			if h.strip {
				line = strings.TrimLeft(line, "\t")
			}
			if line == h.end {
				break
			}
		}
	}
	s.heredocs = nil
	return nil
}

// item reads one word of a command.
func (s *scanner) item() error {
	start := s.pos
	name := s.assignmentName()
	w, err := s.word()
	if err != nil {
		return err
	}
	switch {
	case s.redirect:
		s.redirect = false
		return nil
	case s.pos < len(s.src) && (s.src[s.pos] == '<' || s.src[s.pos] == '>') && strings.Trim(s.src[start:s.pos], "0123456789") == "":
		return nil // 2>file
	case s.words == 0 && len(s.pending) == 0 && s.keyword(w.text(s.src)):
		return nil
	}
	if name != "" && (s.words == 0 || s.builtin) {
		s.pending = append(s.pending, assignment{name: name, value: valueOf(w, len(name)+1, s.src), export: s.builtin})
		return nil
	}
	if s.words == 0 {
		text := w.text(s.src)
		s.builtin = len(s.pending) == 0 && (text == "export" || text == "readonly")
	}
	s.words++
	return nil
}

// assignmentName returns the NAME before an = at the current position.
func (s *scanner) assignmentName() string {
	end := s.pos
	for end < len(s.src) && isNameByte(s.src[end], end == s.pos) {
		end++
	}
	if end == s.pos || end == len(s.src) || s.src[end] != '=' {
		return ""
	}
	return s.src[s.pos:end]
}

// valueOf returns the word without its first n bytes, NAME=.
func valueOf(w word, n int, src string) word {
	v := w
	v.start += n
	v.parts = append([]part(nil), w.parts...)
	v.parts[0].text = v.parts[0].text[n:]
	text := src[v.start:v.end]
	v.single = len(text) >= 2 && text[0] == '\'' && strings.Count(text, "'") == 2 && text[len(text)-1] == '\''
	return v
}

// keyword handles reserved words, which are reserved only where a command begins.
func (s *scanner) keyword(text string) bool {
	switch text {
	case "if", "while", "until", "{":
		if s.function && text == "{" {
			s.function = false
			s.bodies = append(s.bodies, s.depth)
		}
		s.depth++
	case "fi", "done", "esac", "}":
		s.depth = max(0, s.depth-1)
		if n := len(s.bodies); n > 0 && s.bodies[n-1] >= s.depth {
			s.bodies = s.bodies[:n-1]
		}
	case "for", "case":
		s.depth++
		s.words++ // what follows are words, not commands
	case "then", "else", "elif", "do", "!":
	default:
		return false
	}
	s.piped = false
	return true
}

// finish ends a command at an operator. Its assignments take effect if it has
// nothing else (or they are arguments of export), outside of subshells and
// functions.
func (s *scanner) finish(op string) {
	counts := s.words == 0 || s.builtin
	if counts && s.parens == 0 && len(s.bodies) == 0 && op != "|" && op != "&" && !s.piped {
		s.list = append(s.list, s.pending...)
	}
	s.reset(op)
}

func (s *scanner) reset(op string) {
	s.words, s.pending, s.builtin, s.redirect = 0, nil, false, false
	s.piped = op == "|"
}
