package kernel

import "sync"

// OwnedJail is a jail that ends with its Close: a one-shot jail.
type OwnedJail struct {
	id         Identity
	descriptor bool
	remove     func() error
	once       sync.Once
	err        error
}

// NewOwnedJail is for implementations of [Jails]. remove ends the jail and is
// called once; descriptor is what ByDescriptor returns.
func NewOwnedJail(id Identity, descriptor bool, remove func() error) *OwnedJail {
	return &OwnedJail{id: id, descriptor: descriptor, remove: remove}
}

// Identity returns the jail's identity.
func (o *OwnedJail) Identity() Identity { return o.id }

// ByDescriptor reports whether a jail descriptor owns the jail, jail(2) of
// FreeBSD 15: then the kernel removes it when this process ends, however it
// ends. On FreeBSD 13 and 14 only Close does.
func (o *OwnedJail) ByDescriptor() bool { return o.descriptor }

// Close removes the jail as JailRemove does. It is not an error if the jail has ended
// already. Further calls return the result of the first.
func (o *OwnedJail) Close() error {
	o.once.Do(func() { o.err = o.remove() })
	return o.err
}
