package config

import (
	"errors"
	"slices"
	"sort"
	"strings"
	"sync/atomic"
)

// Format is a store of configurations.
type Format uint8

// The stores, in the order they are looked for.
const (
	JSON Format = iota // config.json, defaults.json
	UCL                // config, defaults
	ZFS                // user properties org.freebsd.iocage:*
)

// String returns json, ucl or zfs.
func (f Format) String() string { return [...]string{"json", "ucl", "zfs"}[f] }

// kind is how a value is written in its file.
type kind uint8

const (
	kindString kind = iota
	kindBare        // a JSON number or true or false, or an unquoted word of UCL
	kindNull
	kindList   // of scalars
	kindOpaque // a list of more than scalars
)

// entry is one stored property. token is its exact text in the file; an entry
// without one was set in this process, and its text is in canonical JSON form.
type entry struct {
	key   string
	text  string
	token string
	list  []string
	kind  kind
	set   bool
}

// A Config holds the properties of one resource: its own, never inherited ones.
// Unknown keys and invalid values are kept as they are; Problems lists them. The
// zero Config is not usable; see New, Parse, ReadDir and FromProperties.
//
// A Config may be read from several goroutines at once, but not while one of
// them changes it. Replace is no such change.
type Config struct {
	content
	replaced atomic.Pointer[Config] // by Replace; then content does not count
}

// content is what a Config holds.
type content struct {
	entries []entry
	index   map[string]int
	format  Format
	origin  []byte            // what was parsed, for JSON and UCL
	props   map[string]string // what was parsed, for ZFS, by full name
	path    string
	changed bool
	// defaults marks those of a root dataset, which have files of their own.
	defaults bool
}

// New returns an empty configuration in JSON format.
func New() *Config { return &Config{content: content{index: make(map[string]int)}} }

// NewDefaults returns an empty configuration whose Save writes defaults.json.
func NewDefaults() *Config {
	c := New()
	c.defaults = true
	return c
}

// Clone returns an independent copy.
func (c *Config) Clone() *Config {
	d := &Config{content: c.view().content}
	d.entries = append([]entry(nil), d.entries...)
	d.reindex()
	return d
}

// Format returns the store the configuration was read from.
func (c *Config) Format() Format { return c.view().format }

// Path returns the file the configuration was read from, or empty.
func (c *Config) Path() string { return c.view().path }

// Changed reports whether a property differs from what was read.
func (c *Config) Changed() bool { return c.view().changed }

// Keys lists the stored keys as they are written, in the store's order.
func (c *Config) Keys() []string {
	c = c.view()
	keys := make([]string, 0, len(c.entries))
	for i := range c.entries {
		if k := c.entries[i].key; c.index[k] == i {
			keys = append(keys, k)
		}
	}
	return keys
}

// Has reports whether the property is stored under its name or an alias, with
// any value.
func (c *Config) Has(key string) bool {
	c = c.view()
	_, _, ok := c.find(key)
	return ok
}

// Raw returns the text stored under exactly this key, not decoded by any type. A
// JSON number or word is its own text, null is none, and lists are joined with
// commas.
func (c *Config) Raw(key string) (string, bool) {
	c = c.view()
	i, ok := c.index[key]
	if !ok {
		return "", false
	}
	return c.entries[i].text, true
}

// find returns the property of a key and its entry: under its own name, else
// under the first alias. A none under its own name yields to an alias, because
// legacy jails have template=- beside istemplate=yes.
func (c *Config) find(key string) (*Property, *entry, bool) {
	p, known := Lookup(key)
	if !known {
		if i, ok := c.index[key]; ok {
			return nil, &c.entries[i], true
		}
		return nil, nil, false
	}
	var none *entry
	if i, ok := c.index[p.Name]; ok {
		if none = &c.entries[i]; p.Aliases == nil || !isNone(none.text) {
			return p, none, true
		}
	}
	for _, a := range p.Aliases {
		if i, ok := c.index[a]; ok {
			return p, &c.entries[i], true
		}
	}
	return p, none, none != nil
}

// value returns the typed value of a stored property; its Go type depends on the
// property's Type. The value is nil when the property is stored as none. ok
// reports whether it is stored; err is a *PropertyError wrapping ErrInvalidValue
// or ErrUnknownProperty.
func (c *Config) value(key string) (value any, ok bool, err error) {
	c = c.view()
	switch key {
	case "type":
		kind := c.jailType()
		return kind, kind != "", nil
	case "tags", "tag":
		return c.tags(key)
	}
	p, e, ok := c.find(key)
	if p == nil {
		err := &PropertyError{Key: key, Err: ErrUnknownProperty}
		if ok {
			err.Value = e.text
		}
		return nil, ok, err
	}
	if !ok {
		return nil, false, nil
	}
	value, err = e.value(p)
	if p.Type == TypeLimit && err == nil {
		value = c.allLimits(p, value)
	}
	if g, is := value.(Gateway); is && c.Dialect() == Iocage {
		value = g.ofIocage()
	}
	return value, true, err
}

func (e *entry) value(p *Property) (any, error) {
	text := e.text
	if e.kind == kindList {
		switch p.Type {
		case TypeList, TypeNICs:
			return append([]string(nil), e.list...), nil
		case TypeWords, TypeLimit:
			text = strings.Join(e.list, " ")
		case TypeResolver:
			text = strings.Join(e.list, ";")
		}
	}
	v, err := parseValue(p, text)
	if err != nil {
		return nil, propertyError(e.key, e.text, err)
	}
	return v, nil
}

func propertyError(key, text string, err error) *PropertyError {
	var named *PropertyError
	if errors.As(err, &named) {
		return &PropertyError{Key: key, Value: text, Reason: named.Reason, Err: named.Err}
	}
	return &PropertyError{Key: key, Value: text, Reason: err.Error(), Err: ErrInvalidValue}
}

// Problems lists the problems of the stored properties, in the order they are
// stored: unknown keys (ErrUnknownProperty) and invalid texts (ErrInvalidValue,
// ErrInvalidName). It is empty for a configuration that libioc would call valid.
func (c *Config) Problems() []*PropertyError {
	c = c.view()
	var list []*PropertyError
	for i := range c.entries {
		e := &c.entries[i]
		if c.index[e.key] != i {
			continue // a repeated key; the last one wins
		}
		p, ok := Lookup(e.key)
		if !ok {
			list = append(list, &PropertyError{Key: e.key, Value: e.text, Err: ErrUnknownProperty})
			continue
		}
		var perr *PropertyError
		if _, err := e.value(p); errors.As(err, &perr) {
			list = append(list, perr)
		}
	}
	return list
}

// Validate is the strict mode: it returns nil, or all Problems joined, which
// errors.Is and errors.As look through.
func (c *Config) Validate() error {
	problems := c.Problems()
	errs := make([]error, len(problems))
	for i, p := range problems {
		errs[i] = p
	}
	return errors.Join(errs...)
}

// jailTypes are the flags that make a jail's type, the first one first.
var jailTypes = []string{"template", "basejail", "clonejail"}

// jailType returns template, basejail, clonejail or jail by the flags, else the
// text that iocage and legacy store, or an empty text if there is neither.
func (c *Config) jailType() string {
	for _, flag := range jailTypes {
		if on, _ := NewKey[bool](flag).In(c); on {
			return flag
		}
	}
	if text, ok := c.Raw("type"); ok && !isNone(text) {
		return text
	}
	if slices.ContainsFunc(jailTypes, c.Has) {
		return "jail"
	}
	return ""
}

// tags returns the list together with legacy's single tag.
func (c *Config) tags(key string) (any, bool, error) {
	var list []string
	found := false
	for _, k := range []string{"tags", "tag"} {
		i, ok := c.index[k]
		if !ok {
			continue
		}
		found = true
		e := &c.entries[i]
		items := e.list
		if e.kind != kindList {
			if items = splitList(e.text); k == "tag" && !isNone(e.text) {
				items = []string{e.text}
			}
		}
		for _, t := range items {
			if !slices.Contains(list, t) {
				list = append(list, t)
			}
		}
	}
	if key == "tags" {
		if list == nil {
			return nil, found, nil
		}
		return list, found, nil
	}
	if tag, ok := c.Raw("tag"); ok && !isNone(tag) {
		return tag, true, nil
	}
	if len(list) > 0 {
		return list[0], true, nil
	}
	return nil, found, nil
}

func (c *Config) reindex() {
	c.index = make(map[string]int, len(c.entries))
	for i := range c.entries {
		c.index[c.entries[i].key] = i
	}
}

// sortKeys sorts entries that have no order from a file.
func (c *Config) sortKeys() {
	sort.SliceStable(c.entries, func(i, j int) bool { return c.entries[i].key < c.entries[j].key })
	c.reindex()
}

// GetString returns the text of a stored property in libioc's JSON form: yes,
// no, none, numbers, lists joined with commas. A text that its type refuses is
// returned as it is stored.
func (c *Config) GetString(key string) (string, bool) {
	c = c.view()
	v, ok, err := c.value(key)
	switch {
	case !ok:
		return "", false
	case err != nil:
		_, e, _ := c.find(key)
		return e.text, true
	}
	p, _ := Lookup(key)
	return formatValue(p, v, JSON), true
}
