package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/libioc/go-libioc/internal/atomicfile"
	"github.com/libioc/go-libioc/internal/ucl"
)

// A Change is one step of a conversion or migration, for people to review before
// it is made.
type Change struct {
	Key    string // as it is stored now; empty for a new key
	Old    string
	NewKey string // as it will be stored; empty for a key that is removed
	New    string
	Reason string
}

// Convert returns the configuration for another store, and the texts that differ
// there. Truth values get the store's words; comments and layout of a UCL file are
// lost. Unknown keys and invalid values keep their text. A key or value that the
// store cannot hold, such as Latin-1 text in JSON, is a *PropertyError wrapping
// ErrNotStorable.
func (c *Config) Convert(to Format) (*Config, []Change, error) {
	c = c.view()
	d := &Config{content: content{format: to, changed: true}}
	var changes []Change
	for i := range c.entries {
		e := c.entries[i]
		if c.index[e.key] != i {
			changes = append(changes, Change{Key: e.key, Old: e.text, Reason: "the key is repeated, the last value counts"})
			continue
		}
		n := e.converted(c.format, to)
		if now := n.textFor(to); now != e.text {
			changes = append(changes, Change{Key: e.key, Old: e.text, NewKey: n.key, New: now, Reason: "the word of a " + to.String() + " store"})
		}
		d.entries = append(d.entries, n)
	}
	d.sortKeys()
	d.defaults = c.defaults
	if err := d.roundTrip(); err != nil {
		return nil, nil, err
	}
	return d, changes, nil
}

// converted returns an entry for another store. A value of a known type becomes
// canonical; the others keep their text, and their form if JSON and UCL share it.
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
		n.token = listOf(e.list, ucl.Quote)
	case from == JSON && to == UCL && e.kind != kindOpaque:
		n.token = e.token
	case e.kind == kindList && to == JSON && utf8.ValidString(e.text):
		n.token = listOf(e.list, quoteJSON)
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
	return json.Valid([]byte(text)) && text != "null" && !strings.ContainsAny(text, "\"[{ \t\r\n")
}

// listOf returns a list in JSON or UCL.
func listOf(items []string, quote func(string) string) string {
	quoted := make([]string, len(items))
	for i, s := range items {
		quoted[i] = quote(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// roundTrip checks that the store can hold the configuration, and that it reads back
// with the same keys: two conflict if one is a path through the other (a and a.b).
func (c *Config) roundTrip() error {
	if c.format == ZFS {
		_, err := c.Properties()
		return err
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

// oldSuffix is legacy's suffix for a replaced file.
const oldSuffix = ".old"

// ReplaceIn makes c, typically the result of Convert, the configuration of the
// resource mounted at dir: it writes c's file, then renames the other stores'
// files, which might take precedence, to *.old. After a crash in between, one of
// the two equal configurations is used. For a ZFS configuration it only renames;
// the properties must already be set. The caller removes the properties of a
// dataset that no longer uses them.
func (c *Config) ReplaceIn(dir string) error {
	c = c.view()
	if c.defaults {
		return fmt.Errorf("config: defaults: %w", ErrNotStorable)
	}
	if c.format != ZFS {
		if err := c.Save(dir); err != nil {
			return err
		}
	}
	for _, name := range []string{JSONFile, UCLFile} {
		if c.format != ZFS && name == c.format.File() {
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
	return atomicfile.SyncDir(dir)
}
