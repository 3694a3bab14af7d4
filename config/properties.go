package config

import (
	"sort"
	"strings"
)

// PropertyPrefix begins the names of the ZFS user properties of all three
// programs.
const PropertyPrefix = "org.freebsd.iocage:"

// FromProperties reads a configuration from ZFS user properties. Names without
// PropertyPrefix are ignored, so the answer of one bulk read can be handed in;
// it must hold local properties only (zfs get -s local), or a property of a
// parent dataset would turn each child into a jail.
func FromProperties(props map[string]string) *Config {
	c := &Config{format: ZFS, props: make(map[string]string)}
	for name, value := range props {
		if key, ok := strings.CutPrefix(name, PropertyPrefix); ok && key != "" {
			c.props[key] = value
			c.entries = append(c.entries, entry{key: key, text: value, kind: kindBare, token: value})
		}
	}
	c.sortKeys()
	return c
}

// Properties is the whole configuration as ZFS user properties, names with
// PropertyPrefix. A key or value that ZFS refuses (upper-case letters, names
// over 255 and values over 8191 bytes, control characters) is a *PropertyError
// wrapping ErrNotStorable.
func (c *Config) Properties() (map[string]string, error) {
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

// PropertyChanges is what a save to the dataset needs: the properties to set,
// and those to remove (zfs inherit), both with full names. It compares with
// what FromProperties read; a configuration from another store sets all.
func (c *Config) PropertyChanges() (set map[string]string, unset []string, err error) {
	all, err := c.Properties()
	if err != nil {
		return nil, nil, err
	}
	set = make(map[string]string)
	for name, value := range all {
		if old, ok := c.props[strings.TrimPrefix(name, PropertyPrefix)]; !ok || old != value {
			set[name] = value
		}
	}
	for key := range c.props {
		if _, ok := all[PropertyPrefix+key]; !ok {
			unset = append(unset, PropertyPrefix+key)
		}
	}
	sort.Strings(unset)
	return set, unset, nil
}

// notStorable holds zfsprops(7)'s rules for user properties.
func notStorable(key, value string) string {
	if len(PropertyPrefix)+len(key) > 255 {
		return "a ZFS property's name has at most 255 bytes"
	}
	if len(value) > 8191 {
		return "a ZFS property's value has at most 8191 bytes"
	}
	for i := range len(key) {
		c := key[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != ':' && c != '+' && c != '.' && c != '_' && c != '-' {
			return "a ZFS property's name has lower-case letters, digits and : + . _ - only"
		}
	}
	for i := range len(value) {
		if value[i] < ' ' && value[i] != '\t' || value[i] == 0x7f {
			return "a ZFS property's value is one line of text"
		}
	}
	return ""
}

// textFor is the value's text in a store. Only what was set in this process
// has words that differ between stores.
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
