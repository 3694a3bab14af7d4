package config

import "slices"

// Rebase returns now, the configuration currently in its store, with the changes
// made to c since it was read: the keys that c has set or removed. All other keys
// are those of now, as are format, comments, order and unknown keys. A changed key
// that conflicts with another's value there (a.b with a) is a *PropertyError
// wrapping ErrInvalidValue. Neither c nor now is modified.
func (c *Config) Rebase(now *Config) (*Config, error) {
	c = c.view()
	base, err := c.base()
	if err != nil {
		return nil, err
	}
	out := now.Clone()
	for _, key := range base.Keys() {
		if _, ok := c.index[key]; !ok {
			out.remove(key)
		}
	}
	for _, key := range c.Keys() {
		e := c.entries[c.index[key]]
		if i, ok := base.index[key]; ok && e.same(base.entries[i]) {
			continue
		}
		if i, ok := out.index[key]; ok && e.same(out.entries[i]) {
			continue
		}
		if err := out.checkPath(key); err != nil {
			return nil, propertyError(key, e.text, err)
		}
		out.put(e.converted(c.format, out.format))
	}
	return out, nil
}

// base returns c without its changes.
func (c *Config) base() (*Config, error) {
	switch {
	case c.format == ZFS:
		return FromProperties(c.props), nil
	case c.origin == nil:
		return New(), nil
	}
	return Parse(c.origin, c.format)
}

// same compares values, regardless of how a string is quoted.
func (e entry) same(other entry) bool {
	return e.text == other.text && e.kind == other.kind && slices.Equal(e.list, other.list) &&
		(e.token == other.token || e.kind == kindString)
}
