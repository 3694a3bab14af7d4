package config

// A Key names a property whose values have the Go type T. Package config/key has
// the keys of the schema, so that a misspelled one does not compile:
//
//	key.Priority.Of(web.Effective()) // an int
type Key[T any] struct{ name string }

// NewKey returns the key of a property that package config/key does not have: a
// user.* one, or one that is known by name only. Of a property whose values are
// not of type T, the key returns nothing.
func NewKey[T any](name string) Key[T] { return Key[T]{name} }

// String returns the property's name.
func (k Key[T]) String() string { return k.name }

// Of returns the effective value, or T's zero value for none.
func (k Key[T]) Of(e Effective) T {
	v, _ := k.Lookup(e)
	return v
}

// Lookup is Of that also reports whether there is a value other than none.
func (k Key[T]) Lookup(e Effective) (T, bool) {
	v, _ := e.value(k.name)
	t, ok := v.(T)
	return t, ok
}

// In returns the value stored in c itself. It reports false if there is none, or
// the stored text is invalid.
func (k Key[T]) In(c *Config) (T, bool) {
	v, _, _ := c.value(k.name)
	t, ok := v.(T)
	return t, ok
}
