package config

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/libioc/go-libioc/internal/ucl"
)

// maxDepth bounds nesting, so that no file can exhaust the stack.
const maxDepth = 64

// A jnode is a JSON value with its exact text. A map of encoding/json loses the
// spelling of numbers, the order of keys and repeated keys.
type jnode struct {
	key      string
	keyToken string // with quotes
	token    string // the value's exact text; empty for an object
	text     string // decoded scalar
	list     []string
	kind     kind
	isObject bool
	members  []*jnode // of an object, in order
	// What is between the tokens: before the key with its comma, between key and value,
	// and before the end of an object.
	lead, colon, tail string

	// Members to be written that were not read, and all those that are objects.
	added    []*jnode
	sections map[string]*jnode
}

// parseJSON reads one value. A configuration is an object, or null or nothing,
// which are empty configurations as in libioc.
func parseJSON(src string) (*jnode, error) {
	n := &jnode{kind: kindNull}
	if strings.Trim(src, " \t\r\n") != "" {
		if err := checkJSON(src); err != nil {
			return nil, err
		}
		r := &jsonReader{src: src}
		r.skip()
		start := r.pos
		var err error
		if n, err = r.value(0); err != nil {
			return nil, err
		}
		if n.kind != kindNull && !n.isObject {
			return nil, syntaxAt(src, start, "expected an object")
		}
	}
	n.isObject = true
	return n, nil
}

// checkJSON returns the place of a syntax error, if there is one.
func checkJSON(src string) error {
	if json.Valid([]byte(src)) {
		return nil
	}
	err := json.Unmarshal([]byte(src), new(json.RawMessage))
	syntax, ok := errors.AsType[*json.SyntaxError](err)
	if !ok {
		return err
	}
	pos, reason := int(syntax.Offset)-1, err.Error()
	if strings.HasPrefix(reason, "unexpected end") {
		pos++
		// A line's end is a blank, but not within a string.
		err := json.Unmarshal([]byte(src+"\n"), new(json.RawMessage))
		if err != nil && strings.Contains(err.Error(), "in string") {
			reason = "string without end"
		}
	}
	return syntaxAt(src, pos, reason)
}

// syntaxAt returns an error with the line and column of a byte offset.
func syntaxAt(src string, pos int, reason string) *SyntaxError {
	before := src[:pos]
	line := strings.Count(before, "\n") + 1
	return &SyntaxError{Line: line, Column: len(before) - strings.LastIndexByte(before, '\n'), Reason: reason}
}

// A jsonReader splits a text that is valid.
type jsonReader struct {
	src string
	pos int
}

// skip skips blanks, commas and colons.
func (r *jsonReader) skip() {
	for strings.IndexByte(" \t\r\n,:", r.src[r.pos]) >= 0 {
		r.pos++
	}
}

// next returns the next token.
func (r *jsonReader) next() string {
	r.skip()
	rest := r.src[r.pos:]
	n := 1
	switch rest[0] {
	case '{', '}', '[', ']':
	case '"':
		for ; rest[n] != '"'; n++ {
			if rest[n] == '\\' {
				n++
			}
		}
		n++
	default:
		if n = strings.IndexAny(rest, " \t\r\n,]}"); n < 0 {
			n = len(rest)
		}
	}
	r.pos += n
	return rest[:n]
}

func (r *jsonReader) value(depth int) (*jnode, error) {
	r.skip()
	start := r.pos
	if depth > maxDepth {
		return nil, syntaxAt(r.src, start, "nested too deeply")
	}
	token := r.next()
	n := &jnode{token: token, text: token}
	switch token[0] {
	case '{':
		n.token, n.text, n.isObject = "", "", true
		return n, r.members(n, depth)
	case '[':
		n.kind = kindList
		err := r.items(n, depth)
		n.token, n.text = r.src[start:r.pos], joinList(n.list)
		return n, err
	case '"':
		n.text = unquoteJSON(token)
	case 'n':
		n.kind, n.text = kindNull, "none"
	default:
		n.kind = kindBare
	}
	return n, nil
}

func (r *jsonReader) members(n *jnode, depth int) error {
	for {
		lead := r.blank()
		key := r.next()
		if key == "}" {
			n.tail = lead
			return nil
		}
		colon := r.blank()
		m, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		m.key, m.keyToken, m.lead, m.colon = unquoteJSON(key), key, lead, colon
		n.members = append(n.members, m)
	}
}

// blank skips to the next token and returns what was skipped.
func (r *jsonReader) blank() string {
	start := r.pos
	r.skip()
	return r.src[start:r.pos]
}

func (r *jsonReader) items(n *jnode, depth int) error {
	for r.skip(); r.src[r.pos] != ']'; r.skip() {
		m, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		if m.isObject || m.kind == kindList || m.kind == kindOpaque {
			n.kind = kindOpaque
		}
		if m.kind != kindNull {
			n.list = append(n.list, m.text)
		}
	}
	r.pos++
	return nil
}

// unquoteJSON decodes a string. Bytes that are not UTF-8 stay as they are. One
// without escapes shares the file's memory.
func unquoteJSON(token string) string {
	text := token[1 : len(token)-1]
	at := strings.IndexByte(text, '\\')
	if at < 0 {
		return text
	}
	var b strings.Builder
	for ; at >= 0; at = strings.IndexByte(text, '\\') {
		decoded, n, _ := ucl.Unescape(text[at:]) // valid, so there is no error
		b.WriteString(text[:at] + decoded)
		text = text[at+n:]
	}
	return b.String() + text
}
