package config

import (
	"slices"
	"strings"
)

// multiLimitPrefix keeps the rules of a resource that has more than one, since
// libioc and iocage read only one from the property itself.
const multiLimitPrefix = "user.rctl."

// Set stores a property from text in any accepted spelling, as canonical text
// that libioc and iocage read. A none word stores none. If the property
// already has this value in another spelling, its spelling stays. Setting an
// alias sets the property: name and uuid are id, tag becomes the first of
// tags, and type=basejail or clonejail sets those flags.
//
// A refusal is a *PropertyError wrapping ErrUnknownProperty, ErrInvalidValue
// or ErrInvalidName, and changes nothing. Beyond what a file may have, Set
// refuses addresses that cannot be a host's, addresses and nics listed twice,
// and nic names over 15 bytes.
func (c *Config) Set(key, text string) error {
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
	if err != nil {
		return propertyError(key, text, err)
	}
	if l, ok := v.(Limits); ok || p.Type == TypeLimit {
		return c.setLimits(p, l)
	}
	c.store(p, v)
	return nil
}

// SetRaw stores a text under a key without looking at either: what a program
// that carries foreign configurations needs. Only a key that would run through
// another key's value (a.b beside a) is refused, with ErrInvalidValue.
func (c *Config) SetRaw(key, text string) error {
	if err := c.checkPath(key); err != nil {
		return propertyError(key, text, err)
	}
	c.put(entry{key: key, text: text, kind: kindString, set: true})
	return nil
}

// Unset removes a property and its aliases and reports whether it was stored.
func (c *Config) Unset(key string) bool {
	names := []string{key}
	if p, ok := Lookup(key); ok {
		names = append(append(names, p.Name), p.Aliases...)
		if p.Type == TypeLimit {
			names = append(names, multiLimitPrefix+p.Name)
		}
	}
	kept := c.entries[:0:0]
	for _, e := range c.entries {
		if !slices.Contains(names, e.key) {
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

// store writes a canonical value unless the property already has it.
func (c *Config) store(p *Property, v any) {
	text := formatValue(p, v, JSON)
	if _, e, ok := c.find(p.Name); ok {
		if old, err := e.value(p); err == nil && formatValue(p, old, JSON) == text {
			return
		}
	}
	for _, a := range p.Aliases {
		if _, ok := c.index[a]; ok {
			c.remove(a)
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

func (c *Config) remove(key string) {
	kept := c.entries[:0:0]
	for _, e := range c.entries {
		if e.key != key {
			kept = append(kept, e)
		}
	}
	if len(kept) != len(c.entries) {
		c.entries, c.changed = kept, true
		c.reindex()
	}
}

// checkPath refuses keys that no store can hold: empty components, and a path
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

// checkText refuses control characters other than tab: no store of the others
// holds them, and a line end in a hook is never meant.
func checkText(text string) error {
	for i := range len(text) {
		if c := text[i]; c < ' ' && c != '\t' || c == 0x7f {
			return invalid("control character %#x", c)
		}
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
	base, clone := text == "basejail", text == "clonejail"
	switch text {
	case "jail", "basejail", "clonejail":
		for _, f := range []struct {
			key string
			on  bool
		}{{"basejail", base}, {"clonejail", clone}} {
			p, _ := Lookup(f.key)
			if f.on || c.Has(f.key) {
				c.store(p, f.on)
			}
		}
		// A stored type would contradict the flags from now on.
		c.remove("type")
	case "template":
		return c.Set("template", "yes")
	default:
		c.put(entry{key: "type", text: text, kind: kindString, set: true})
	}
	return nil
}

// setLimits stores one rule in the property. Of several, the deny rule (else
// the first) goes there and all of them into user.rctl.<resource>.
func (c *Config) setLimits(p *Property, l Limits) error {
	all := multiLimitPrefix + p.Name
	if len(l) <= 1 {
		c.remove(all)
		if l == nil {
			c.store(p, nil)
		} else {
			c.store(p, l)
		}
		return nil
	}
	if err := c.checkPath(all); err != nil {
		return propertyError(p.Name, l.String(), err)
	}
	first := l[:1]
	for i, r := range l {
		if r.Action == "deny" {
			first = l[i : i+1]
			break
		}
	}
	c.store(p, first)
	c.put(entry{key: all, text: l.String(), kind: kindString, set: true})
	return nil
}

// allLimits is the full list for a property whose rule is part of it. After
// another program changed the rule, its rule stands alone.
func (c *Config) allLimits(p *Property, v any) any {
	own, ok := v.(Limits)
	i, found := c.index[multiLimitPrefix+p.Name]
	if !ok || !found || len(own) != 1 {
		return v
	}
	all, err := ParseLimits(p.Name, c.entries[i].text)
	if err != nil {
		return v
	}
	for _, r := range all {
		if r == own[0] {
			return all
		}
	}
	return v
}
