package config

// Dialect is the program whose conventions a configuration follows.
type Dialect uint8

// The dialects.
const (
	Libioc Dialect = iota
	Iocage         // iocage (Python)
	Legacy         // iocage_legacy (shell)
)

// String returns libioc, iocage or legacy.
func (d Dialect) String() string { return [...]string{"libioc", "iocage", "legacy"}[d] }

// Dialect returns the dialect of the configuration. libioc always stores id.
// Legacy stores every key, some of which no other program has; iocage stores the
// jail's name as host_hostuuid, or keys that libioc does not know.
func (c *Config) Dialect() Dialect {
	c = c.view()
	if c.Has("id") {
		return Libioc
	}
	for _, key := range []string{"hack88", "istemplate", "ip4_autostart", "ip4_autoend", "ip4_autosubnet", "gitlocation", "ftphost"} {
		if _, ok := c.index[key]; ok {
			return Legacy
		}
	}
	if text, ok := c.Raw("host_hostuuid"); ok && !isNone(text) && !IsUUID(text) {
		return Iocage
	}
	for i := range c.entries {
		p, ok := Lookup(c.entries[i].key)
		if ok && p.Peers.Iocage != "" && p.Peers.Libioc == "" {
			return Iocage
		}
	}
	return Libioc
}

// byIocage reports whether iocage has written the file. It writes rlimits=off into every
// defaults.json and never reads it; for libioc and legacy that is a switch.
func (c *Config) byIocage() bool { return c.Has("CONFIG_VERSION") }
