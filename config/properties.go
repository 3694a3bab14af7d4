package config

import (
	"sort"
	"strings"
)

// PropertyPrefix is the prefix of the ZFS user properties of all three programs.
const PropertyPrefix = "org.freebsd.iocage:"

// FromProperties reads a configuration from ZFS user properties. It ignores names
// without PropertyPrefix, so the result of one bulk read can be passed. The map
// must have local properties only (zfs get -s local), or a property of a parent
// dataset would turn each child into a jail.
func FromProperties(props map[string]string) *Config {
	c := &Config{content: content{format: ZFS, props: make(map[string]string)}}
	for name, value := range props {
		if key, ok := strings.CutPrefix(name, PropertyPrefix); ok && key != "" {
			c.props[name] = value
			c.entries = append(c.entries, entry{key: key, text: value, kind: kindBare, token: value})
		}
	}
	c.sortKeys()
	return c
}

// Properties returns the whole configuration as ZFS user properties, names with
// PropertyPrefix. A key or value that ZFS rejects (upper-case letters, names over
// 255 and values over 8191 bytes, control characters) is a *PropertyError wrapping
// ErrNotStorable.
func (c *Config) Properties() (map[string]string, error) {
	c = c.view()
	props := make(map[string]string, len(c.entries))
	for i := range c.entries {
		e := &c.entries[i]
		if c.index[e.key] != i {
			continue
		}
		value := e.textFor(ZFS)
		if reason := notStorable(e.key, value); reason != "" {
			return nil, &PropertyError{Key: e.key, Value: value, Reason: reason, Err: ErrNotStorable}
		}
		props[PropertyPrefix+e.key] = value
	}
	return props, nil
}

// PropertyChanges returns the properties to set on the dataset, and those to remove
// (zfs inherit), both with full names. It compares with the properties read by
// FromProperties; a configuration from another store sets all.
func (c *Config) PropertyChanges() (set map[string]string, unset []string, err error) {
	c = c.view()
	all, err := c.Properties()
	if err != nil {
		return nil, nil, err
	}
	set = make(map[string]string)
	for name, value := range all {
		if old, ok := c.props[name]; !ok || old != value {
			set[name] = value
		}
	}
	for name := range c.props {
		if _, ok := all[name]; !ok {
			unset = append(unset, name)
		}
	}
	sort.Strings(unset)
	return set, unset, nil
}

// notStorable returns why a user property violates the rules of zfsprops(7), or an
// empty text.
func notStorable(key, value string) string {
	if len(PropertyPrefix)+len(key) > 255 {
		return "a ZFS property's name has at most 255 bytes"
	}
	if len(value) > 8191 {
		return "a ZFS property's value has at most 8191 bytes"
	}
	if strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789:+._-") != "" {
		return "a ZFS property's name has lower-case letters, digits and : + . _ - only"
	}
	if checkText(value) != nil {
		return "a ZFS property's value is one line of text"
	}
	return ""
}

// textFor returns the value's text in a store. Only words that were set in this
// process differ between stores.
func (e *entry) textFor(store Format) string {
	if e.set && store != JSON {
		if p, ok := Lookup(e.key); ok {
			if v, err := parseValue(p, e.text); err == nil {
				return formatValue(p, v, store)
			}
		}
	}
	return e.text
}
