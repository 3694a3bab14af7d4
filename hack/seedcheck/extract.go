package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// block is one JSON object that a document prints.
type block struct {
	action string
	form   string // "rest request", "websocket response", ...
	text   string // as printed, with the request line of a REST request
}

// extract returns the blocks of a document: everything between a brace and the
// matching one. Nothing else in the documents has braces.
func extract(text string) ([]block, error) {
	var all []block
	for at := 0; ; {
		open := strings.IndexByte(text[at:], '{')
		if open < 0 {
			return all, nil
		}
		open += at
		end, err := closing(text, open)
		if err != nil {
			return nil, err
		}
		b := block{text: text[open:end]}
		if err := b.read(); err != nil {
			return nil, fmt.Errorf("block %d: %w", len(all)+1, err)
		}
		if m := requestLine.FindString(text[at:open]); m != "" {
			b.text = m + b.text
		}
		all = append(all, b)
		at = end
	}
}

var requestLine = regexp.MustCompile(`PUT \S+\s+$`)

// closing returns the end of the object that begins at a brace.
func closing(text string, open int) (int, error) {
	depth, quoted := 0, false
	for i := open; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				return i + 1, nil
			}
		}
	}
	return 0, errors.New("no closing brace")
}

// missingComma matches three blocks of the last document, which lack the comma
// between args and id.
var missingComma = regexp.MustCompile(`\}(\s*"id")`)

// read identifies a block by its members; some headings are wrong.
func (b *block) read() error {
	var o struct {
		Action string
		Name   string
		Args   map[string]json.RawMessage
	}
	err := json.Unmarshal([]byte(missingComma.ReplaceAllString(b.text, "},$1")), &o)
	switch {
	case err != nil:
		return err
	case o.Action != "":
		b.form, b.action = "rest request", o.Action
	case o.Name == "iocage":
		b.form = "websocket request"
		return json.Unmarshal(o.Args["action"], &b.action)
	case len(o.Args) != 1:
		return fmt.Errorf("neither request nor answer: %.60s", b.text)
	default:
		b.form = "rest response"
		if o.Name != "" {
			b.form = "websocket response"
		}
		for b.action = range o.Args {
		}
	}
	return nil
}

// format returns blocks in the form of testdata, each below a line that names it.
func format(blocks []block) string {
	var out strings.Builder
	for i, b := range blocks {
		fmt.Fprintf(&out, "-- %02d %s %s --\n%s\n", i+1, b.action, b.form, strings.TrimSpace(b.text))
	}
	return out.String()
}
