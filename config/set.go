package config

import (
	"slices"
	"strings"
)

// multiLimitPrefix is the prefix of the key with all rules of a resource, if there
// are several: libioc and iocage read only one from the property itself.
const multiLimitPrefix = "user.rctl."

// Set stores a property from text in any accepted spelling, as canonical text
// that libioc and iocage read. A none word stores none. If the property already
// has this value in another spelling, its spelling is kept. Setting an alias sets
// the property: name and uuid are id, tag becomes the first of tags, and
// type=basejail or clonejail sets those flags.
//
// On failure it changes nothing and returns a *PropertyError wrapping
// ErrUnknownProperty, ErrInvalidValue or ErrInvalidName. Unlike in a file, Set
// rejects addresses that no host can have, duplicate addresses and nics, and nic
// names over 15 bytes.
func (c *Config) Set(key, text string) error {
	c = c.view()
	p, ok := Lookup(key)
	if !ok || key == "legacy" {
		return &PropertyError{Key: key, Value: text, Err: ErrUnknownProperty}
	}
	if err := checkText(text); err != nil {
		return propertyError(key, text, err)
	}
	switch key {
	case "tag":
		return c.setTag(text)
	case "type":
		return c.setType(text)
	}
	if err := c.checkPath(p.Name); err != nil {
		return propertyError(key, text, err)
	}
	v, err := parseValue(p, text)
	if err == nil {
		err = checkValue(v)
	}
	if p.Name == "rlimits" && v != nil && c.byIocage() {
		err = invalid("a file that iocage has written has no such switch: iocage never reads it")
	}
	if err != nil {
		return propertyError(key, text, err)
	}
	if l, ok := v.(Limits); ok || p.Type == TypeLimit {
		return c.setLimits(p, l)
	}
	c.store(p, v)
	return nil
}

// SetRaw stores a text under a key without checking either, for programs that
// copy configurations. The only error is ErrInvalidValue, for a key that conflicts
// with another key's value (a.b with a).
func (c *Config) SetRaw(key, text string) error {
	c = c.view()
	if err := c.checkPath(key); err != nil {
		return propertyError(key, text, err)
	}
	c.put(entry{key: key, text: text, kind: kindString, set: true})
	return nil
}

// Unset removes a property and its aliases and reports whether it was stored.
func (c *Config) Unset(key string) bool {
	c = c.view()
	names := []string{key}
	if p, ok := Lookup(key); ok {
		names = append(append(names, p.Name), p.Aliases...)
		if p.Type == TypeLimit {
			names = append(names, multiLimitPrefix+p.Name)
		}
	}
	return c.remove(names...)
}

// store stores a canonical value unless the property already has it.
func (c *Config) store(p *Property, v any) {
	text := formatValue(p, v, JSON)
	if _, e, ok := c.find(p.Name); ok {
		if old, err := e.value(p); err == nil && formatValue(p, old, JSON) == text {
			return
		}
	}
	c.remove(p.Aliases...)
	if c.Dialect() == Iocage { // which separates by blanks
		switch list := v.(type) {
		case Terms:
			text = list.blanks()
		case []string:
			if p.Type == TypeNICs && len(list) > 0 {
				text = strings.Join(list, " ")
			}
		}
	}
	c.put(entry{key: p.Name, text: text, kind: kindString, set: true})
}

func (c *Config) put(e entry) {
	c.changed = true
	if i, ok := c.index[e.key]; ok {
		c.entries[i] = e
		return
	}
	c.index[e.key] = len(c.entries)
	c.entries = append(c.entries, e)
}

// remove removes entries and reports whether there were any.
func (c *Config) remove(keys ...string) bool {
	kept := c.entries[:0:0]
	for _, e := range c.entries {
		if !slices.Contains(keys, e.key) {
			kept = append(kept, e)
		}
	}
	if len(kept) == len(c.entries) {
		return false
	}
	c.entries, c.changed = kept, true
	c.reindex()
	return true
}

// checkPath rejects keys that no store can hold: with empty components, or a path
// through another property's value.
func (c *Config) checkPath(key string) error {
	if key == "" || strings.HasPrefix(key, ".") || strings.HasSuffix(key, ".") || strings.Contains(key, "..") {
		return invalid("empty component in key %q", key)
	}
	for i := range len(key) {
		if key[i] != '.' {
			continue
		}
		if _, ok := c.index[key[:i]]; ok {
			return invalid("%s has a value of its own", key[:i])
		}
	}
	for k := range c.index {
		if strings.HasPrefix(k, key) && len(k) > len(key) && k[len(key)] == '.' {
			return invalid("%s is inside %s", k, key)
		}
	}
	return nil
}

// checkText rejects control characters other than tab: the other stores cannot
// hold them, and a newline in a hook is always a mistake.
func checkText(text string) error {
	if i := strings.IndexFunc(text, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }); i >= 0 {
		return invalid("control character %#x", text[i])
	}
	return nil
}

func (c *Config) setTag(text string) error {
	v, _, _ := c.tags("tags")
	list, _ := v.([]string)
	front := splitList(text)
	for _, t := range list {
		if !slices.Contains(front, t) {
			front = append(front, t)
		}
	}
	if isNone(text) {
		front = nil
	}
	p, _ := Lookup("tags")
	c.remove("tag")
	c.store(p, front)
	return nil
}

func (c *Config) setType(text string) error {
	switch text {
	case "jail", "basejail", "clonejail":
		for _, flag := range []string{"basejail", "clonejail"} {
			p, _ := Lookup(flag)
			if on := text == flag; on || c.Has(flag) {
				c.store(p, on)
			}
		}
		// A stored type would now contradict the flags.
		c.remove("type")
	case "template":
		return c.Set("template", "yes")
	default:
		c.put(entry{key: "type", text: text, kind: kindString, set: true})
	}
	return nil
}

// noLimit is how libioc itself writes a limit that is not set, and reads it: with "off" it
// would ask rctl(8) for a rule of that amount.
const noLimit = "None=None/None"

// IsNoLimit reports whether the value of a limit in c is libioc's word for no limit. Such
// a value overrides the limit of the defaults resource.
func (c *Config) IsNoLimit(key string) bool {
	text, ok := c.Raw(key)
	return ok && text == noLimit
}

// setLimits stores one rule in the property. Of several, the deny rule (else
// the first) goes there and all of them into user.rctl.<resource>.
func (c *Config) setLimits(p *Property, l Limits) error {
	all := multiLimitPrefix + p.Name
	if len(l) <= 1 {
		c.remove(all)
		switch {
		case l != nil:
			c.store(p, l)
		case c.Dialect() == Libioc:
			c.remove(p.Aliases...)
			c.put(entry{key: p.Name, text: noLimit, kind: kindString, set: true})
		default:
			c.store(p, nil)
		}
		return nil
	}
	if err := c.checkPath(all); err != nil {
		return propertyError(p.Name, l.String(), err)
	}
	first := l[:1]
	if i := slices.IndexFunc(l, func(r Limit) bool { return r.Action == "deny" }); i >= 0 {
		first = l[i : i+1]
	}
	c.store(p, first)
	c.put(entry{key: all, text: l.String(), kind: kindString, set: true})
	return nil
}

// allLimits returns the full list for a property whose rule is part of it. If
// another program has changed the rule, its rule is the only one.
func (c *Config) allLimits(p *Property, v any) any {
	own, ok := v.(Limits)
	i, found := c.index[multiLimitPrefix+p.Name]
	if !ok || !found || len(own) != 1 {
		return v
	}
	all, err := parseLimits(p.Name, c.entries[i].text)
	if err != nil {
		return v
	}
	if slices.Contains(all, own[0]) {
		return all
	}
	return v
}
