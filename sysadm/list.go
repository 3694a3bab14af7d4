package sysadm

import (
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/libioc/go-libioc/jail"
)

// jails are all jails of the host's sources, not those that others run. One that
// cannot be read comes with its name.
func (c *call) jails() iter.Seq2[*jail.Jail, error] { return jail.List(c, c.host, "foreign=no") }

// listjails has three shapes, one for each dialect.
func listjails(c *call) (any, error) {
	out := object{}
	addresses, err := c.addresses()
	if err != nil {
		return nil, err
	}
	for j, err := range c.jails() {
		if j == nil {
			return nil, err
		}
		if isTemplate(j) && c.request.api == Dialect2017 {
			continue // listtemplates has those
		}
		row := rowOf(j)
		if c.request.api == Dialect2017 {
			out[keyOf(row)] = row
			continue
		}
		short := object{}
		for _, key := range []string{"boot", "jid", "state", "tag", "type"} {
			short[key] = row[key]
		}
		if short["type"] == "jail" {
			short["type"] = "thickjail"
		}
		if c.request.api == Dialect2016 {
			short["ip4"] = "-"
			if a := addresses[j.Identifier()]; a != "" {
				short["ip4"] = a
			}
		}
		out[j.FullName()] = short
	}
	if c.request.api == Dialect2017 {
		return object{"jails": out}, nil
	}
	return out, nil
}

// addresses are the IPv4 addresses of running jails, by their name in the
// kernel. Only the dialect of 2016 shows them.
func (c *call) addresses() (map[string]string, error) {
	if c.request.api != Dialect2016 {
		return nil, nil
	}
	out := map[string]string{}
	for p, err := range c.host.Kernel.JailList(c, 0, "ip4.addr") {
		if err != nil {
			return nil, err
		}
		var all []string
		for _, a := range p.Addrs("ip4.addr", 4) {
			all = append(all, a.String())
		}
		out[p.String("name")] = strings.Join(all, ",")
	}
	return out, nil
}

// rowOf is a jail in the dialect of 2017: ten members, always.
func rowOf(j *jail.Jail) object {
	row := object{
		"jid": "-", "state": "down", "uuid": j.FullName(), "tag": tagOf(j),
		"boot": "off", "type": property(j, "type"), "release": property(j, "release"),
		"ip4": property(j, "ip4_addr"), "ip6": property(j, "ip6_addr"), "template": "-",
	}
	if s := j.Status(); s.Running {
		row["jid"], row["state"] = strconv.Itoa(s.Identity.JID), "up"
	}
	if d, ok := j.Storage(); ok && d.Origin != "" {
		row["template"] = d.Origin
	}
	if property(j, "boot") == "yes" {
		row["boot"] = "on"
	}
	if isTemplate(j) {
		row["type"] = "template"
	}
	return row
}

// property is a value that counts, "-" for none. A jail that could not be read
// has none.
func property(j *jail.Jail, key string) string {
	text, err := j.Get(key)
	if err != nil || unset(text) {
		return "-"
	}
	return text
}

func isTemplate(j *jail.Jail) bool { return property(j, "template") == "yes" }

// keyOf is what a jail is listed under: its jid, and while it has none its name.
// The original used "-" for all that do not run, of which one remained.
func keyOf(row object) string {
	if row["jid"] == "-" {
		return row["uuid"].(string)
	}
	return row["jid"].(string)
}

// listtemplates lists templates by their tags.
func listtemplates(c *call) (any, error) {
	out := object{}
	for j, err := range c.jails() {
		if j == nil {
			return nil, err
		}
		if !isTemplate(j) {
			continue
		}
		row := rowOf(j)
		key := tagOf(j)
		if out[key] != nil {
			key = j.FullName()
		}
		row["template"] = key
		out[key] = row
	}
	return object{"templates": out}, nil
}

// listplugins lists what the index offers and what was made of it.
func listplugins(c *call) (any, error) {
	if c.opts.Plugins == nil {
		return nil, errNoIndex
	}
	remote, local := object{}, object{}
	plugins, err := c.opts.Plugins.List(c)
	if err != nil {
		return nil, err
	}
	for _, p := range plugins {
		remote[p.ID] = object{"id": p.ID, "name": p.Name, "description": p.Description}
	}
	for j, err := range c.jails() {
		if j == nil {
			return nil, err
		}
		name := property(j, "plugin_name")
		if name == "-" && !strings.HasPrefix(property(j, "type"), "plugin") {
			continue
		}
		row := rowOf(j)
		row["type"] = "plugin"
		local[fmt.Sprintf("%s_%s", row["tag"], keyOf(row))] = row
	}
	return object{"remote": remote, "local": local}, nil
}
