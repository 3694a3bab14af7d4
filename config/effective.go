package config

import (
	"maps"
	"slices"
	"strings"
)

// An Effective is a jail's effective configuration: the jail's own value, else
// the defaults resource's for properties that are inherited, else the schema's
// default. An invalid value is treated as absent, so that a broken defaults file
// breaks no jail; Problems of either Config reports it.
//
// For bool, number and word properties a stored none is treated as absent too.
// For the others (hooks, addresses, routes, limits, devfs_ruleset, rlimits) none
// is a value: it ends the search.
type Effective struct {
	Own      *Config // not nil; New() for nothing
	Defaults *Config // may be nil
}

// Problem returns why the value of a property that counts could not be understood, a
// *PropertyError, or nil.
func (e Effective) Problem(key string) error {
	c := e.Own
	if p, ok := Lookup(key); ok && p.Inherited && e.Defaults != nil && !c.Has(p.Name) {
		c = e.Defaults
	}
	_, _, err := c.value(key)
	return err
}

// value returns the effective value, nil for none. An unknown key is a
// *PropertyError wrapping ErrUnknownProperty unless it is stored.
func (e Effective) value(key string) (any, error) {
	switch key {
	case "type":
		return e.jailType(), nil
	case "tag", "tags":
		v, _, err := e.Own.value(key)
		return v, err
	}
	p, known := Lookup(key)
	if !known {
		if text, ok := e.Own.Raw(key); ok {
			return text, nil
		}
		return nil, &PropertyError{Key: key, Err: ErrUnknownProperty}
	}
	if v, ok := e.forced(p.Name); ok {
		return v, nil
	}
	if v, ok := e.stored(e.Own, p); ok {
		return v, nil
	}
	if v, ok := e.derived(p.Name); ok {
		return v, nil
	}
	if p.Inherited && e.Defaults != nil {
		if v, ok := e.stored(e.Defaults, p); ok {
			return v, nil
		}
	}
	if p.Default == "" {
		return nil, nil
	}
	v, err := parseValue(p, p.Default)
	return v, err
}

// stored returns a stored value unless it is treated as absent. The property has
// its own name even if the caller used an alias.
func (e Effective) stored(c *Config, p *Property) (any, bool) {
	if p.Name == "rlimits" && c.byIocage() {
		return nil, false
	}
	v, ok, err := c.value(p.Name)
	ok = ok && err == nil
	if ok && v == nil && p.Type == TypeResolver {
		// libioc writes none for "leave it alone"; the others mean a copy.
		if c.Dialect() == Libioc {
			return Resolver{Mode: ResolverSkip}, true
		}
		return Resolver{Mode: ResolverCopy}, true
	}
	if !ok || v == nil && !noneCounts(p) {
		return nil, false
	}
	if p.Type == TypeHostUUID && v != nil && !IsUUID(v.(string)) {
		return nil, false // iocage's jail name
	}
	return v, true
}

func noneCounts(p *Property) bool {
	switch p.Type {
	case TypeBool, TypeInt, TypeWord, TypeJailsys, TypeSeconds, TypeMTU, TypeMACPrefix, TypeUUID, TypeHostUUID, TypeName, TypeMAC:
		return false
	}
	// For a release or a hostname there is a fallback.
	return p.Scope != ScopeIdentity && p.Scope != ScopeStorage
}

// forced returns a value that jail_zfs forces, whatever is stored: a jail that
// manages datasets must be able to mount and see them. iocage forces the same,
// libioc only allow_mount_zfs.
func (e Effective) forced(name string) (any, bool) {
	switch name {
	case "allow_mount_zfs", "allow_mount":
		if NewKey[bool]("jail_zfs").Of(e) {
			return true, true
		}
	case "enforce_statfs":
		p, _ := Lookup(name)
		if own, _ := e.stored(e.Own, p); own == 2 && NewKey[bool]("jail_zfs").Of(e) {
			return 1, true
		}
	}
	return nil, false
}

// derived returns a value that follows from other properties. It comes after the
// jail's own value and before the inherited one.
func (e Effective) derived(name string) (any, bool) {
	switch name {
	case "allow_mount":
		if e.mountsAllowed() {
			return true, true
		}
	case "enforce_statfs":
		// With 2, a jail could mount file systems but not see them.
		if e.mountsAllowed() {
			return 1, true
		}
	case "basejail", "clonejail", "template":
		if t, ok := e.Own.Raw("type"); ok && t == name {
			return true, true
		}
	case "basejail_type":
		// Legacy 1.7 made basejails from ZFS clones without storing it.
		if t, ok := e.Own.Raw("type"); ok && t == "basejail" && e.Own.Format() == ZFS {
			return "zfs", true
		}
	case "cloned_release":
		if v, _, err := e.Own.value("release"); err == nil && v != nil {
			return v, true
		}
	}
	return nil, false
}

// mountsAllowed reports whether the jail has an allow_mount_* switched on.
func (e Effective) mountsAllowed() bool {
	if NewKey[bool]("jail_zfs").Of(e) {
		return true
	}
	for _, c := range []*Config{e.Own, e.Defaults} {
		if c == nil {
			continue
		}
		c = c.view()
		for i := range c.entries {
			key := c.entries[i].key
			if strings.HasPrefix(key, "allow_mount_") && NewKey[bool](key).Of(e) {
				return true
			}
		}
	}
	return false
}

// IsSet reports whether the jail or the defaults resource has a value, so that the
// schema's default does not apply.
func (e Effective) IsSet(key string) bool {
	p, known := Lookup(key)
	if !known {
		return e.Own.Has(key)
	}
	if _, ok := e.stored(e.Own, p); ok {
		return true
	}
	if p.Inherited && e.Defaults != nil {
		_, ok := e.stored(e.Defaults, p)
		return ok
	}
	return false
}

// Keys lists every property that has a value: the schema's, the jail's own
// (user.* and unknown ones too) and the inherited ones, sorted.
func (e Effective) Keys() []string {
	seen := make(map[string]bool)
	for _, p := range schema().rows {
		seen[p.Name] = true
	}
	for _, k := range e.Own.Keys() {
		if p, ok := Lookup(k); ok {
			k = p.Name
		}
		seen[k] = true
	}
	if e.Defaults != nil {
		for _, k := range e.Defaults.Keys() {
			if p, ok := Lookup(k); ok && p.Inherited {
				seen[p.Name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// Text returns the effective value in libioc's JSON form: yes, no, none, numbers,
// lists joined with commas.
func (e Effective) Text(key string) (string, error) {
	v, err := e.value(key)
	if err != nil {
		return "", err
	}
	p, ok := Lookup(key)
	if !ok {
		return v.(string), nil
	}
	return formatValue(p, v, JSON), nil
}

// jailType returns template, basejail, clonejail, jail, or another text that iocage
// stores (pluginv2).
func (e Effective) jailType() string {
	for _, t := range jailTypes {
		if NewKey[bool](t).Of(e) {
			return t
		}
	}
	if t := e.Own.jailType(); t != "" {
		return t
	}
	return "jail"
}

// Limits returns the rules of all resources, in rctl(8)'s order of resources.
func (e Effective) Limits() Limits {
	var all Limits
	for _, r := range resources {
		all = append(all, NewKey[Limits](r.name).Of(e)...)
	}
	return all
}
