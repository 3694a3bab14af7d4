package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"unicode/utf8"

	"github.com/libioc/go-libioc/internal/atomicfile"
)

// A Change is one step of a conversion or migration, for a person to read
// before it is made.
type Change struct {
	Key    string // as it is stored now; empty for a new key
	Old    string
	NewKey string // as it will be stored; empty for a key that goes
	New    string
	Reason string
}

// Convert returns the configuration as another store holds it, and what is not
// the same text there. Truth values get the store's words; comments and layout
// of a UCL file cannot follow. Unknown keys and values that could not be read
// keep their text. A key or value that the store cannot hold, such as Latin-1
// text in JSON, is a *PropertyError wrapping ErrNotStorable.
func (c *Config) Convert(to Format) (*Config, []Change, error) {
	d := &Config{format: to, changed: true}
	var changes []Change
	for i := range c.entries {
		e := c.entries[i]
		if c.index[e.key] != i {
			changes = append(changes, Change{Key: e.key, Old: e.text, Reason: "the key is repeated, the last value counts"})
			continue
		}
		n := e.converted(c.format, to)
		if to == ZFS {
			if reason := notStorable(n.key, n.textFor(ZFS)); reason != "" {
				return nil, nil, &PropertyError{Key: n.key, Value: n.text, Reason: reason, Err: ErrNotStorable}
			}
		}
		if to == JSON && (!utf8.ValidString(n.key) || n.token == "" && !utf8.ValidString(n.text)) {
			return nil, nil, notUTF8(&n)
		}
		if now := n.textFor(to); now != e.text {
			changes = append(changes, Change{Key: e.key, Old: e.text, NewKey: n.key, New: now, Reason: "the word of a " + to.String() + " store"})
		}
		d.entries = append(d.entries, n)
	}
	d.sortKeys()
	if err := d.roundTrip(); err != nil {
		return nil, nil, err
	}
	return d, changes, nil
}

// converted is an entry for another store. A value of a known type becomes
// canonical; the others keep their text, and their form where JSON and UCL
// have the same.
func (e entry) converted(from, to Format) entry {
	if from == to {
		return e
	}
	n := entry{key: e.key, text: e.text, list: e.list, kind: e.kind}
	if p, ok := Lookup(e.key); ok && p.Name == e.key && p.Type != TypeFree && p.Type != TypeText {
		if v, err := e.value(p); err == nil {
			n.text, n.kind, n.list, n.set = formatValue(p, v, JSON), kindString, nil, true
			return n
		}
	}
	if to == ZFS || e.kind == kindString {
		n.kind, n.list = kindString, nil
		return n
	}
	switch {
	case from == JSON && to == UCL && e.kind == kindList:
		n.token = uclList(e.list)
	case from == JSON && to == UCL && e.kind != kindOpaque:
		n.token = e.token
	case e.kind == kindList && to == JSON && utf8.ValidString(e.text):
		n.token = jsonList(e.list)
	case e.kind == kindBare && to == JSON && isJSONWord(e.text):
		n.token = e.text
	case e.kind == kindNull && to == JSON:
		n.token = "null"
	default:
		n.kind, n.list = kindString, nil
	}
	return n
}

// isJSONWord reports whether a bare word of UCL is a number, true or false of
// JSON. A ZFS value is always text.
func isJSONWord(text string) bool {
	p := &jsonParser{src: text}
	n, err := p.value(0)
	return err == nil && p.pos == len(text) && n.kind == kindBare
}

func jsonList(items []string) string {
	text := "["
	for i, s := range items {
		if i > 0 {
			text += ", "
		}
		text += quoteJSON(s)
	}
	return text + "]"
}

// roundTrip makes sure that what a store would write reads back as the same
// keys; two keys can collide when one runs through the other (a and a.b).
func (c *Config) roundTrip() error {
	if c.format == ZFS {
		return nil
	}
	data, err := c.Encode()
	if err != nil {
		return err
	}
	back, err := Parse(data, c.format)
	if err != nil {
		return err
	}
	for _, key := range c.Keys() {
		if !back.Has(key) {
			text, _ := c.Raw(key)
			return &PropertyError{Key: key, Value: text, Reason: "runs through another key's value", Err: ErrNotStorable}
		}
	}
	return nil
}

// oldSuffix is what legacy calls the file that a save replaced.
const oldSuffix = ".old"

// ReplaceIn makes c, typically the result of Convert, the configuration of the
// resource mounted at dir: it writes c's file, then renames the other stores'
// files, which would be found first or mislead, to *.old. After a crash in
// between, one of the two equal configurations counts. For a ZFS configuration
// only the renaming is done; its properties must have been set before. The
// caller removes the properties of a dataset that is no longer of that store.
func (c *Config) ReplaceIn(dir string) error {
	if c.format != ZFS {
		if err := c.Save(dir); err != nil {
			return err
		}
	}
	for _, name := range []string{JSONFile, UCLFile} {
		if c.format != ZFS && name == fileName(c.format) {
			continue
		}
		path := filepath.Join(dir, name)
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() {
			continue
		}
		if err != nil {
			return err
		}
		if err := os.Rename(path, path+oldSuffix); err != nil {
			return err
		}
	}
	return atomicfile.OS{}.SyncDir(dir)
}
