package config

import (
	"strings"
	"time"
)

// An Effective is a jail's configuration as it counts: the jail's own value,
// else the defaults resource's for properties that are inherited, else the
// schema's default. A value that its type refuses counts as absent, so that a
// broken defaults file breaks no jail; Problems of either Config tells.
//
// For bool, number and word properties a stored none counts as absent too. For
// the others (hooks, addresses, routes, limits, devfs_ruleset, rlimits) none
// is a value: it ends the search.
type Effective struct {
	Own      *Config // not nil; New() for nothing
	Defaults *Config // may be nil
}

// Value returns the typed value that counts, nil for none. An unknown key is a
// *PropertyError wrapping ErrUnknownProperty unless it is stored.
func (e Effective) Value(key string) (any, error) {
	switch key {
	case "type":
		return e.String("type"), nil
	case "tag", "tags":
		v, _, err := e.Own.Value(key)
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

// stored is a value that counts. It is found under the property's own name
// also when the caller used an alias.
func (e Effective) stored(c *Config, p *Property) (any, bool) {
	v, ok := c.Get(p.Name)
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
	// Without a release or a hostname there is still the next best one.
	return p.Scope != ScopeIdentity && p.Scope != ScopeStorage
}

// forced values come from jail_zfs, whatever else is stored: a jail that gets
// datasets must be able to mount and see them. iocage forces the same, libioc
// only allow_mount_zfs.
func (e Effective) forced(name string) (any, bool) {
	switch name {
	case "allow_mount_zfs", "allow_mount":
		if e.Bool("jail_zfs") {
			return true, true
		}
	case "enforce_statfs":
		p, _ := Lookup(name)
		if own, _ := e.stored(e.Own, p); own == 2 && e.Bool("jail_zfs") {
			return 1, true
		}
	}
	return nil, false
}

// derived values stand between the jail's own and the inherited ones.
func (e Effective) derived(name string) (any, bool) {
	switch name {
	case "allow_mount":
		if e.mountsAllowed() {
			return true, true
		}
	case "enforce_statfs":
		// With 2, a jail could mount but not see what it mounted.
		if e.mountsAllowed() {
			return 1, true
		}
	case "basejail", "clonejail", "template":
		if t, ok := e.Own.Raw("type"); ok && t == name {
			return true, true
		}
	case "basejail_type":
		// Legacy 1.7 made basejails from ZFS clones and did not say so.
		if t, ok := e.Own.Raw("type"); ok && t == "basejail" && e.Own.format == ZFS {
			return "zfs", true
		}
	case "cloned_release":
		if v, ok := e.Own.Get("release"); ok && v != nil {
			return v, true
		}
	}
	return nil, false
}

// mountsAllowed reports whether the jail has an allow_mount_* switched on.
func (e Effective) mountsAllowed() bool {
	if e.Bool("jail_zfs") {
		return true
	}
	for _, c := range []*Config{e.Own, e.Defaults} {
		if c == nil {
			continue
		}
		for i := range c.entries {
			key := c.entries[i].key
			if strings.HasPrefix(key, "allow_mount_") && e.Bool(key) {
				return true
			}
		}
	}
	return false
}

// IsSet reports whether the jail or the defaults resource has a value that
// counts, so that the schema's default does not apply.
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
	return sortedKeys(seen)
}

// Text is the value that counts in libioc's JSON form: yes, no, none, numbers,
// lists joined with commas.
func (e Effective) Text(key string) (string, error) {
	v, err := e.Value(key)
	if err != nil {
		return "", err
	}
	p, ok := Lookup(key)
	if !ok {
		return v.(string), nil
	}
	return formatValue(p, v, JSON), nil
}

// typed is the value if it has the wanted Go type, else T's zero value.
func typed[T any](e Effective, key string) T {
	v, _ := e.Value(key)
	t, _ := v.(T)
	return t
}

// Bool is a truth value; false for none and for properties of another type.
func (e Effective) Bool(key string) bool { return typed[bool](e, key) }

// AutoBool is a truth value that may be none, such as rlimits.
func (e Effective) AutoBool(key string) (value, set bool) {
	v, _ := e.Value(key)
	value, set = v.(bool)
	return value, set
}

// Int is a number; 0 for none. An MTU of 0 is auto.
func (e Effective) Int(key string) int { return typed[int](e, key) }

// OptInt is a number that may be none.
func (e Effective) OptInt(key string) (value int, set bool) {
	v, _ := e.Value(key)
	value, set = v.(int)
	return value, set
}

// String is a text; empty for none. A property of another type gives its
// canonical text. The key type gives template, basejail, clonejail, jail, or
// what iocage stores (pluginv2).
func (e Effective) String(key string) string {
	if key == "type" {
		for _, t := range []string{"template", "basejail", "clonejail"} {
			if e.Bool(t) {
				return t
			}
		}
		if t := e.Own.jailType(); t != "" {
			return t
		}
		return "jail"
	}
	v, err := e.Value(key)
	if err != nil || v == nil {
		return ""
	}
	if s, ok := v.(string); ok {
		return s
	}
	p, _ := Lookup(key)
	return formatValue(p, v, JSON)
}

// Strings is a list: tags, vnet_interfaces, jail_zfs_dataset, login_flags.
func (e Effective) Strings(key string) []string { return typed[[]string](e, key) }

// Addresses is ip4_addr or ip6_addr, in order.
func (e Effective) Addresses(key string) Addresses { return typed[Addresses](e, key) }

// Interfaces is the property interfaces.
func (e Effective) Interfaces() Interfaces { return typed[Interfaces](e, "interfaces") }

// Gateway is defaultrouter or defaultrouter6; ok is false for none.
func (e Effective) Gateway(key string) (g Gateway, ok bool) {
	v, _ := e.Value(key)
	g, ok = v.(Gateway)
	return g, ok
}

// Resolver is the property resolver. none leaves the jail's file alone in a
// configuration by libioc and copies the host's in one by iocage or legacy.
func (e Effective) Resolver() Resolver { return typed[Resolver](e, "resolver") }

// Depends is the selector of jails that start first.
func (e Effective) Depends() Terms { return typed[Terms](e, "depends") }

// Jailsys is ip4, ip6, host, sysvmsg, sysvsem or sysvshm; ok is false for none.
func (e Effective) Jailsys(key string) (j Jailsys, ok bool) {
	v, _ := e.Value(key)
	j, ok = v.(Jailsys)
	return j, ok
}

// Duration is exec_timeout or stop_timeout; 0 means no limit.
func (e Effective) Duration(key string) time.Duration { return typed[time.Duration](e, key) }

// Ruleset is devfs_ruleset; ok is false for none.
func (e Effective) Ruleset() (r Ruleset, ok bool) {
	v, _ := e.Value("devfs_ruleset")
	r, ok = v.(Ruleset)
	return r, ok
}

// CPUSet is the property cpuset.
func (e Effective) CPUSet() CPUSet { return typed[CPUSet](e, "cpuset") }

// MAC is the configured pair of a nic; ok is false if there is none.
func (e Effective) MAC(nic string) (m MACPair, ok bool) {
	v, _ := e.Value(nic + "_mac")
	m, ok = v.(MACPair)
	return m, ok
}

// MTU is the configured MTU of a nic, 0 for the bridge's.
func (e Effective) MTU(nic string) int { return e.Int(nic + "_mtu") }

// Limits are all rules of all resources, in rctl(8)'s order of resources.
func (e Effective) Limits() Limits {
	var all Limits
	for _, r := range resources {
		all = append(all, typed[Limits](e, r.name)...)
	}
	return all
}
