package config

import "time"

// Bool is a truth value; false for none and for properties of another type.
func (e Effective) Bool(key string) bool { return NewKey[bool](key).Of(e) }

// AutoBool is a truth value that may be none, such as rlimits.
func (e Effective) AutoBool(key string) (value, set bool) {
	v, _ := e.value(key)
	value, set = v.(bool)
	return value, set
}

// Int returns a number; 0 for none. An MTU of 0 is auto.
func (e Effective) Int(key string) int { return NewKey[int](key).Of(e) }

// OptInt returns a number that may be none.
func (e Effective) OptInt(key string) (value int, set bool) {
	v, _ := e.value(key)
	value, set = v.(int)
	return value, set
}

// String returns a text; empty for none. A property of another type gives its
// canonical text. The key type gives template, basejail, clonejail, jail, or
// what iocage stores (pluginv2).
func (e Effective) String(key string) string {
	v, err := e.value(key)
	if err != nil || v == nil {
		return ""
	}
	if s, ok := v.(string); ok {
		return s
	}
	p, _ := Lookup(key)
	return formatValue(p, v, JSON)
}

// Strings returns a list: tags, vnet_interfaces, jail_zfs_dataset, login_flags.
func (e Effective) Strings(key string) []string { return NewKey[[]string](key).Of(e) }

// Addresses returns ip4_addr or ip6_addr, in order.
func (e Effective) Addresses(key string) Addresses { return NewKey[Addresses](key).Of(e) }

// Interfaces returns the property interfaces.
func (e Effective) Interfaces() Interfaces { return NewKey[Interfaces]("interfaces").Of(e) }

// Gateway returns defaultrouter or defaultrouter6; ok is false for none.
func (e Effective) Gateway(key string) (g Gateway, ok bool) {
	v, _ := e.value(key)
	g, ok = v.(Gateway)
	return g, ok
}

// Resolver returns the property resolver. none leaves the jail's file alone in a
// configuration by libioc and copies the host's in one by iocage or legacy.
func (e Effective) Resolver() Resolver { return NewKey[Resolver]("resolver").Of(e) }

// Depends returns the selector of jails that start first.
func (e Effective) Depends() Terms { return NewKey[Terms]("depends").Of(e) }

// Jailsys returns ip4, ip6, host, sysvmsg, sysvsem or sysvshm; ok is false for none.
func (e Effective) Jailsys(key string) (j Jailsys, ok bool) {
	v, _ := e.value(key)
	j, ok = v.(Jailsys)
	return j, ok
}

// Duration returns exec_timeout or stop_timeout; 0 means no limit.
func (e Effective) Duration(key string) time.Duration { return NewKey[time.Duration](key).Of(e) }

// Ruleset returns devfs_ruleset; ok is false for none.
func (e Effective) Ruleset() (r Ruleset, ok bool) {
	v, _ := e.value("devfs_ruleset")
	r, ok = v.(Ruleset)
	return r, ok
}

// CPUSet returns the property cpuset.
func (e Effective) CPUSet() CPUSet { return NewKey[CPUSet]("cpuset").Of(e) }

// MAC returns the configured pair of a nic; ok is false if there is none.
func (e Effective) MAC(nic string) (m MACPair, ok bool) {
	v, _ := e.value(nic + "_mac")
	m, ok = v.(MACPair)
	return m, ok
}

// MTU returns the configured MTU of a nic, 0 for the bridge's.
func (e Effective) MTU(nic string) int { return NewKey[int](nic + "_mtu").Of(e) }

// Value returns the typed effective value.
func (e Effective) Value(key string) (any, error) { return e.value(key) }

// GetString returns the text of a stored property in libioc's JSON form: yes,
// no, none, numbers, lists joined with commas. A text that its type refuses is
// returned as it is stored.
func (c *Config) GetString(key string) (string, bool) {
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
