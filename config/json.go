package config

import (
	"bytes"
	"sort"
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
	c.entries = make([]entry, 0, len(root.object))
	c.flatten("", root.object)
	c.reindex()
	return nil
}

func (c *Config) flatten(prefix string, members []jnode) {
	for i := range members {
		m := &members[i]
		key := m.key
		if prefix != "" {
			key = prefix + "." + key
		}
		if m.isObject {
			c.flatten(key, m.object)
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
	var root jnode
	end := ""
	if c.format == JSON && c.origin != nil {
		if !c.changed {
			return bytes.Clone(c.origin), nil
		}
		var err error
		if root, err = parseJSON(string(c.origin)); err != nil {
			return nil, err
		}
		if strings.HasSuffix(string(c.origin), "\n") {
			end = "\n"
		}
	}
	root.isObject = true
	placed := make(map[int]bool, len(c.entries))
	root.object = c.update("", root.object, placed)
	var tree grower
	for i := range c.entries {
		e := &c.entries[i]
		if c.index[e.key] != i {
			continue
		}
		if e.token == "" && !utf8.ValidString(e.text) || !placed[i] && !utf8.ValidString(e.key) {
			return nil, notUTF8(e)
		}
		if !placed[i] {
			tree.insert(&root, strings.Split(e.key, "."), e)
		}
	}
	tree.finish(&root)
	var b strings.Builder
	writeNode(&b, &root, 0)
	b.WriteString(end)
	return []byte(b.String()), nil
}

// update copies the entries into the tree that was read: changed values get their
// new text; members without an entry, and objects that become empty, are removed.
func (c *Config) update(prefix string, members []jnode, placed map[int]bool) []jnode {
	kept := members[:0:0]
	for _, m := range members {
		key := m.key
		if prefix != "" {
			key = prefix + "." + key
		}
		if m.isObject {
			if before := len(m.object); before > 0 {
				if m.object = c.update(key, m.object, placed); len(m.object) == 0 {
					continue
				}
			}
			kept = append(kept, m)
			continue
		}
		i, ok := c.index[key]
		if !ok {
			continue
		}
		if e := &c.entries[i]; e.token == "" {
			m.token = e.jsonToken()
		}
		placed[i] = true
		kept = append(kept, m)
	}
	return kept
}

// notUTF8 returns the error for bytes that JSON, which is UTF-8 by definition (RFC
// 8259), cannot hold.
func notUTF8(e *entry) error {
	return &PropertyError{Key: e.key, Value: e.text, Reason: "JSON holds UTF-8 only", Err: ErrNotStorable}
}

// A grower adds members to objects. It orders an object once it has all members,
// since finding the place of each would take time linear in the object's length.
type grower map[*jnode]*growth

type growth struct {
	sections map[string]*jnode // members that are objects
	added    []*jnode
}

func (g *grower) insert(n *jnode, path []string, e *entry) {
	if *g == nil {
		*g = make(grower)
	}
	grown := (*g)[n]
	if grown == nil {
		grown = &growth{sections: make(map[string]*jnode)}
		for i := range n.object {
			if m := &n.object[i]; m.isObject && grown.sections[m.key] == nil {
				grown.sections[m.key] = m
			}
		}
		(*g)[n] = grown
	}
	if m := grown.sections[path[0]]; m != nil && len(path) > 1 {
		g.insert(m, path[1:], e)
		return
	}
	m := &jnode{key: path[0], keyToken: quoteJSON(path[0])}
	grown.added = append(grown.added, m)
	if len(path) > 1 {
		m.isObject = true
		grown.sections[path[0]] = m
		g.insert(m, path[1:], e)
	} else {
		m.token = e.jsonToken()
	}
}

// finish adds the new members to n and to the objects in it.
func (g grower) finish(n *jnode) {
	grown := g[n]
	if grown == nil {
		return
	}
	for _, m := range grown.sections {
		g.finish(m)
	}
	byKey := func(i, j int) bool { return n.object[i].key < n.object[j].key }
	sorted := sort.SliceIsSorted(n.object, byKey)
	for _, m := range grown.added {
		n.object = append(n.object, *m)
	}
	if sorted {
		sort.SliceStable(n.object, byKey)
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

func writeNode(b *strings.Builder, n *jnode, depth int) {
	if !n.isObject {
		b.WriteString(n.token)
		return
	}
	if len(n.object) == 0 {
		b.WriteString("{}")
		return
	}
	b.WriteByte('{')
	for i := range n.object {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
		b.WriteString(strings.Repeat("    ", depth+1))
		b.WriteString(n.object[i].keyToken)
		b.WriteString(": ")
		writeNode(b, &n.object[i], depth+1)
	}
	b.WriteByte('\n')
	b.WriteString(strings.Repeat("    ", depth))
	b.WriteByte('}')
}

// quoteJSON escapes as Python's json module does: ASCII only.
func quoteJSON(s string) string {
	const digits = "0123456789abcdef"
	b := make([]byte, 0, len(s)+2)
	b = append(b, '"')
	unit := func(u uint16) {
		b = append(b, '\\', 'u', digits[u>>12], digits[u>>8&15], digits[u>>4&15], digits[u&15])
	}
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			i++
			switch {
			case c == '"' || c == '\\':
				b = append(b, '\\', c)
			case c >= ' ' && c < 0x7f:
				b = append(b, c)
			default:
				if n := strings.IndexByte("\b\f\n\r\t", c); n >= 0 {
					b = append(b, '\\', "bfnrt"[n])
				} else {
					unit(uint16(c))
				}
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
			unit(uint16(high))
			unit(uint16(low))
		} else {
			unit(uint16(r))
		}
	}
	return string(append(b, '"'))
}
