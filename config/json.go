package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// readJSON fills c from a config.json. Nested objects become dotted keys.
func (c *Config) readJSON(data []byte) error {
	root, err := parseJSON(string(data))
	if err != nil {
		return err
	}
	c.entries = make([]entry, 0, len(root.members))
	c.flatten("", root.members)
	c.reindex()
	return nil
}

func (c *Config) flatten(prefix string, members []*jnode) {
	for _, m := range members {
		key := prefix + m.key
		if m.isObject {
			c.flatten(key+".", m.members)
			continue
		}
		c.entries = append(c.entries, entry{key: key, text: m.text, token: m.token, list: m.list, kind: m.kind})
	}
}

// encodeJSON writes c as JSON. Without changes, that is what was read. Otherwise
// values that were not set keep their exact text and place, and new keys are
// inserted in order, or at the end of an object that is not sorted. A new file has
// libioc's form: sorted keys, 4 blanks, all strings, ASCII, no final newline.
func (c *Config) encodeJSON() ([]byte, error) {
	root, end := &jnode{}, ""
	if c.format == JSON && c.origin != nil {
		if !c.changed {
			return bytes.Clone(c.origin), nil
		}
		var err error
		if root, err = parseJSON(string(c.origin)); err != nil {
			return nil, err
		}
		if at := bytes.LastIndexByte(c.origin, '}'); at >= 0 {
			end = string(c.origin[at+1:])
		}
	}
	placed := make(map[string]bool, len(c.entries))
	root.isObject = true
	root.members = c.update("", root.members, placed)
	for i := range c.entries {
		e := &c.entries[i]
		if c.index[e.key] != i {
			continue
		}
		if e.token == "" && !utf8.ValidString(e.text) || !placed[e.key] && !utf8.ValidString(e.key) {
			return nil, notUTF8(e)
		}
		if !placed[e.key] {
			root.add(e.key, e.jsonToken())
		}
	}
	var b strings.Builder
	root.write(&b, "\n    ", ": ")
	b.WriteString(end)
	return []byte(b.String()), nil
}

// update copies the entries into the tree that was read: changed values get their
// new text; members without an entry, and objects that become empty, are removed.
func (c *Config) update(prefix string, members []*jnode, placed map[string]bool) []*jnode {
	return slices.DeleteFunc(members, func(m *jnode) bool {
		key := prefix + m.key
		if m.isObject {
			before := len(m.members)
			m.members = c.update(key+".", m.members, placed)
			return before > 0 && len(m.members) == 0
		}
		i, ok := c.index[key]
		if ok && c.entries[i].token == "" {
			m.token = c.entries[i].jsonToken()
		}
		placed[key] = ok
		return !ok
	})
}

// notUTF8 returns the error for bytes that JSON, which is UTF-8 by definition (RFC
// 8259), cannot hold.
func notUTF8(e *entry) error {
	return &PropertyError{Key: e.key, Value: e.text, Reason: "JSON holds UTF-8 only", Err: ErrNotStorable}
}

// add adds a value at a path of keys joined by dots.
func (n *jnode) add(path, token string) {
	if n.sections == nil {
		n.sections = make(map[string]*jnode)
		for _, m := range n.members {
			if m.isObject && n.sections[m.key] == nil {
				n.sections[m.key] = m
			}
		}
	}
	name, rest, nested := strings.Cut(path, ".")
	m := n.sections[name]
	if !nested || m == nil {
		m = &jnode{key: name, keyToken: quoteJSON(name), token: token, isObject: nested}
		n.added = append(n.added, m)
	}
	if nested {
		n.sections[name] = m
		m.add(rest, token)
	}
}

// jsonToken returns the value's exact text in the file, or the quoted text of a
// value that was set or comes from another store.
func (e *entry) jsonToken() string {
	if e.token != "" {
		return e.token
	}
	return quoteJSON(e.text)
}

// write writes n with the blanks that were read. New members go where the order of a
// sorted object has them, and last in one that is not sorted; they are set off as the
// others are. Lead and colon are how that is in a new object.
func (n *jnode) write(b *strings.Builder, lead, colon string) {
	if !n.isObject {
		b.WriteString(n.token)
		return
	}
	byKey := func(x, y *jnode) int { return strings.Compare(x.key, y.key) }
	members := slices.Concat(n.members, n.added)
	if slices.IsSortedFunc(n.members, byKey) {
		slices.SortStableFunc(members, byKey)
	}
	if last := len(n.members) - 1; last >= 0 && n.members[last].colon != "" {
		lead, colon = noComma(n.members[last].lead), n.members[last].colon
	}
	b.WriteByte('{')
	for i, m := range members {
		mine, is := m.lead, m.colon
		if is == "" {
			mine, is = lead, colon
		}
		switch {
		case i == 0:
			mine = noComma(mine)
		case !strings.Contains(mine, ","):
			mine = "," + mine
		}
		b.WriteString(mine + m.keyToken + is)
		inner := noComma(mine)
		if strings.Contains(inner, "\n") {
			inner += "    "
		}
		m.write(b, inner, is)
	}
	switch {
	case n.tail != "" || len(n.members) > 0 && n.members[0].colon != "":
		b.WriteString(n.tail)
	case len(members) > 0 && strings.Contains(lead, "\n"):
		b.WriteString(strings.TrimSuffix(lead, "    "))
	}
	b.WriteByte('}')
}

// noComma takes the comma out of what is before a key.
func noComma(lead string) string { return strings.Replace(lead, ",", "", 1) }

// quoteJSON escapes as Python's json module does: ASCII only.
func quoteJSON(s string) string {
	var quoted, ascii strings.Builder
	enc := json.NewEncoder(&quoted)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string never fails
	for _, r := range strings.TrimSuffix(quoted.String(), "\n") {
		if r < 0x7f {
			ascii.WriteRune(r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(&ascii, `\u%04x`, unit)
		}
	}
	return ascii.String()
}
