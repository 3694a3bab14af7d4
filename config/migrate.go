package config

import (
	"slices"
	"strings"

	"github.com/libioc/go-libioc/internal/pathname"
)

// MigrateOptions has information that is not in the configuration.
type MigrateOptions struct {
	// Pool completes jail_zfs_dataset, which iocage and legacy store without
	// the pool. If empty, the value is not changed.
	Pool string
	// Defaults is the defaults resource. A key with the schema's default is kept
	// if the defaults resource has another value, since removing it would change
	// the meaning. May be nil.
	Defaults *Config
}

// Migrate returns the configuration in current form and the changes; it does not
// modify c, so a call whose result is not saved is a dry run. Values keep their
// meaning:
//
//   - old names become current ones (istemplate, hostname, tag), type becomes
//     the flags basejail, clonejail and template;
//
//   - every accepted spelling becomes canonical, unset limits are removed;
//
//   - a legacy basejail in ZFS properties gets basejail_type=zfs, since its
//     base directories are clones;
//
//   - resolver=none becomes /etc/resolv.conf, its meaning in iocage and legacy;
//
//   - dhcp=1 becomes ip4_addr=vnet0|dhcp;
//
//   - informational keys are removed if they have no information (none, readonly,
//     their program's default), else moved to user.*;
//
//   - keys that libioc does not know are removed if they have the default value.
//
// Unknown keys and invalid values are kept as they are, and so are keys that have
// an effect but that libioc does not know (cpuset, allow_tun, vnet0_mtu), and a
// host_hostuuid that is the jail's name, by which iocage finds its jail.
func (c *Config) Migrate(opt MigrateOptions) (*Config, []Change) {
	c = c.view()
	m := &migration{from: c, to: c.Clone(), dialect: c.Dialect(), opt: opt}
	m.jailType()
	for _, key := range c.Keys() {
		m.property(key)
	}
	return m.to, m.changes
}

type migration struct {
	from, to *Config
	dialect  Dialect
	opt      MigrateOptions
	changes  []Change
}

// set replaces key with newKey=text, if that is a change.
func (m *migration) set(key, newKey, text, reason string) {
	old := ""
	i, had := m.to.index[key]
	if had {
		e := &m.to.entries[i]
		old = e.textFor(m.to.format)
		// JSON numbers and words become strings.
		if key == newKey && old == text && (m.to.format != JSON || e.kind == kindString) {
			return
		}
	}
	// A value under the current name takes precedence over one under an old name.
	if key != newKey {
		if own, ok := m.to.Raw(newKey); ok && !isNone(own) {
			m.drop(key, "superseded by "+newKey)
			return
		}
		if had {
			m.to.remove(key)
		}
	}
	if m.to.checkPath(newKey) != nil {
		return
	}
	m.to.put(entry{key: newKey, text: text, kind: kindString, set: true})
	if !had {
		key = ""
	}
	m.changes = append(m.changes, Change{Key: key, Old: old, NewKey: newKey, New: text, Reason: reason})
}

func (m *migration) drop(key, reason string) {
	old, ok := m.to.Raw(key)
	if !ok {
		return
	}
	m.to.remove(key)
	m.changes = append(m.changes, Change{Key: key, Old: old, Reason: reason})
}

func (m *migration) jailType() {
	text, ok := m.from.Raw("type")
	if !ok {
		return
	}
	switch text {
	case "basejail":
		// In legacy, clonejail and basejail describe the storage, not a kind of jail.
		m.set("type", "basejail", "yes", "type is computed from flags")
		if m.from.format == ZFS && !m.from.Has("basejail_type") {
			m.set("basejail_type", "basejail_type", "zfs", "the base directories are ZFS clones")
		}
	case "clonejail", "template":
		m.set("type", text, "yes", "type is computed from flags")
	case "jail", "none", "-", "":
		m.drop("type", "type is computed from flags")
	}
}

func (m *migration) property(key string) {
	p, known := Lookup(key)
	text, stored := m.to.Raw(key)
	if !known || !stored || key == "type" {
		return
	}
	switch {
	case p.Name == "rlimits" && m.from.byIocage():
		m.drop(key, "iocage never reads it")
	case p.Scope == ScopeInfo && p.Type != TypeFree, p.Type == TypeText && !p.Used:
		m.information(p, key, text)
	case key == "tag":
		m.tag(text)
	case key == "uuid" || key == "name":
		// the dataset's name takes precedence; libioc keeps them
	case key == "resolver" && isNone(text) && m.dialect != Libioc:
		m.set(key, key, "/etc/resolv.conf", "none means a copy of the host's file in "+m.dialect.String())
	case key == "jail_zfs_dataset" && !isNone(text):
		m.datasets(text)
	case key == "dhcp":
		m.dhcp(text)
	default:
		m.canonical(p, key, text)
	}
}

// canonical replaces a value with the text that Set would store.
func (m *migration) canonical(p *Property, key, text string) {
	v, err := m.to.entries[m.to.index[key]].value(p)
	if err != nil || p.Type == TypeFree {
		return
	}
	if g, is := v.(Gateway); is && m.dialect == Iocage {
		v = g.ofIocage()
	}
	if m.sayNothing(p, v) {
		m.drop(key, "has the default's value")
		return
	}
	if p.Peers.Libioc == "" && !p.Used {
		m.information(p, key, text)
		return
	}
	if p.Type == TypeText || p.Type == TypeHostUUID {
		if key != p.Name {
			m.set(key, p.Name, text, "current name")
		}
		return
	}
	now := formatValue(p, v, m.to.format)
	reason := "canonical form"
	if key != p.Name {
		reason = "current name"
	}
	m.set(key, p.Name, now, reason)
	if i, ok := m.to.index[p.Name]; ok && m.to.entries[i].set {
		m.to.entries[i].text = formatValue(p, v, JSON)
	}
}

// sayNothing reports whether a value can be removed: none for a type that treats
// it as absent, and the default of a key that libioc does not know.
func (m *migration) sayNothing(p *Property, v any) bool {
	if p.Inherited && m.opt.Defaults != nil && m.opt.Defaults.Has(p.Name) {
		return false
	}
	if v == nil {
		return p.Peers.Libioc == "" || p.Type == TypeLimit || !noneCounts(p)
	}
	return p.Peers.Libioc == "" && formatValue(p, v, JSON) == p.Default
}

// information removes a key without information and keeps others for people.
func (m *migration) information(p *Property, key, text string) {
	if p.Peers.Libioc != "" {
		return
	}
	switch {
	case slices.Contains([]string{"available", "compressratio", "mountpoint", "origin", "used"}, p.Name):
		m.drop(key, "the dataset has it")
	case isNone(text), text == "readonly", text == p.Peers.Iocage, text == p.Peers.Legacy18, text == p.Peers.Legacy17, text == "off":
		m.drop(key, "says nothing")
	default:
		name := "user." + strings.ToLower(p.Name)
		if own, _ := Lookup(name); own.Used { // it would act
			name = "user.was_" + strings.ToLower(p.Name)
		}
		m.set(key, name, text, "kept for information")
	}
}

func (m *migration) tag(text string) {
	if isNone(text) {
		m.drop("tag", "none is the default")
		return
	}
	v, _, _ := m.from.tags("tags")
	list, _ := v.([]string)
	m.to.remove("tags")
	m.set("tag", "tags", joinList(list), "current name")
}

func (m *migration) datasets(text string) {
	names := strings.Fields(text)
	for i, n := range names {
		if m.opt.Pool != "" && m.dialect != Libioc && !pathname.Within(n, m.opt.Pool) {
			names[i] = m.opt.Pool + "/" + n
		}
	}
	m.set("jail_zfs_dataset", "jail_zfs_dataset", strings.Join(names, " "), m.dialect.String()+" leaves out the pool")
}

// dhcp moves iocage's switch into the address list, as libioc has it.
func (m *migration) dhcp(text string) {
	on, err := ParseBool(text)
	if err != nil {
		return
	}
	if !on {
		if p, _ := Lookup("dhcp"); m.sayNothing(p, on) {
			m.drop("dhcp", "has the default's value")
		}
		return
	}
	v, _, err := m.to.value("ip4_addr")
	if err != nil {
		return
	}
	list, _ := v.(Addresses)
	if !slices.ContainsFunc(list, func(a Address) bool { return a.Method == DHCP }) {
		m.set("ip4_addr", "ip4_addr", append(list, Address{Interface: "vnet0", Method: DHCP}).String(), "dhcp=1")
	}
	m.drop("dhcp", "ip4_addr says so")
}
