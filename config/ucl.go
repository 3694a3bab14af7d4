package config

import (
	"bytes"
	"errors"
	"strings"

	"github.com/libioc/go-libioc/internal/ucl"
)

// readUCL fills c from a UCL file. Sections become dotted keys and a repeated key
// becomes a list, as in libucl.
func (c *Config) readUCL(data []byte) error {
	doc, err := ucl.Parse(data)
	if err != nil {
		if syntax, ok := errors.AsType[*ucl.SyntaxError](err); ok {
			return &SyntaxError{Line: syntax.Line, Column: syntax.Column, Reason: syntax.Reason}
		}
		return err
	}
	c.index = make(map[string]int)
	more := make(map[int][]entry)
	for _, l := range doc.Leaves() {
		e := uclEntry(doc, l)
		if i, ok := c.index[e.key]; ok {
			more[i] = append(more[i], e)
			continue
		}
		c.index[e.key] = len(c.entries)
		c.entries = append(c.entries, e)
	}
	for i, rest := range more {
		c.entries[i] = repeated(c.entries[i], rest)
	}
	return nil
}

func uclEntry(doc *ucl.Document, l ucl.Leaf) entry {
	v := l.Field.Value
	e := entry{key: l.Path, text: v.Text, token: doc.Source(v), kind: kindBare}
	switch {
	case v.Kind == ucl.List:
		e.kind = kindList
		for _, item := range v.Items {
			if item.Kind != ucl.Scalar {
				e.kind, e.list, e.text = kindOpaque, nil, e.token
				return e
			}
			e.list = append(e.list, item.Text)
		}
		e.text = joinList(e.list)
	case v.Quoted:
		e.kind = kindString
	case v.Text == "null":
		e.kind, e.text = kindNull, "none"
	}
	if e.token == "" {
		e.token = `""` // `key = ;`
	}
	return e
}

// repeated joins the values of one key.
func repeated(first entry, rest []entry) entry {
	var texts []string
	joined := entry{key: first.key, kind: kindList}
	for _, e := range append([]entry{first}, rest...) {
		texts = append(texts, e.token)
		switch e.kind {
		case kindOpaque:
			joined.kind = kindOpaque
		case kindList:
			joined.list = append(joined.list, e.list...)
		default:
			joined.list = append(joined.list, e.text)
		}
	}
	if joined.kind == kindOpaque {
		joined.list, joined.text = nil, strings.Join(texts, ",")
		joined.token = "[" + strings.Join(texts, ", ") + "]"
		return joined
	}
	joined.text, joined.token = joinList(joined.list), listOf(joined.list, ucl.Quote)
	return joined
}

// encodeUCL writes c as UCL. In a file that was read, only changed values are
// replaced. A new file has libucl's form: key = "value"; lines.
func (c *Config) encodeUCL() ([]byte, error) {
	var src []byte
	stored := make(map[string]bool)
	if c.format == UCL && c.origin != nil {
		if !c.changed {
			return bytes.Clone(c.origin), nil
		}
		src = c.origin
	}
	doc, err := ucl.Parse(src)
	if err != nil {
		return nil, err
	}
	var edits []ucl.Edit
	for _, l := range doc.Leaves() {
		if _, ok := c.index[l.Path]; !ok && !stored[l.Path] {
			edits = append(edits, ucl.Edit{Path: l.Path, Remove: true})
		}
		stored[l.Path] = true
	}
	for i := range c.entries {
		e := &c.entries[i]
		if c.index[e.key] != i {
			continue
		}
		if e.token == "" {
			edits = append(edits, ucl.Edit{Path: e.key, Source: ucl.Quote(e.textFor(UCL))})
		} else if !stored[e.key] {
			edits = append(edits, ucl.Edit{Path: e.key, Source: e.token})
		}
	}
	return doc.Apply(edits)
}
