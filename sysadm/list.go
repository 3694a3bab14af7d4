package sysadm

import (
	"cmp"
	"context"
	"iter"
	"strconv"
	"strings"

	"github.com/libioc/go-libioc/jail"
)

// jails returns all jails of the host's sources, but not those of other programs.
// A jail that cannot be read still has its name.
func (s *Server) jails(ctx context.Context) iter.Seq2[*jail.Jail, error] {
	return jail.List(ctx, s.host, "foreign=no")
}

// row is a jail in the dialect of 2017: always ten members.
type row map[string]string

// listjails has three shapes, one for each dialect.
func (s *Server) listjails(ctx context.Context, c *call) (any, error) {
	out := object{}
	var addresses, from map[string]string
	var err error
	switch c.api {
	case Dialect2016:
		addresses, err = s.addresses(ctx)
	case Dialect2017:
		from, err = jail.ClonedFrom(ctx, s.host)
	}
	if err != nil {
		return nil, err
	}
	for j, err := range s.jails(ctx) {
		if j == nil {
			return nil, err
		}
		r := rowOf(j)
		if c.api == Dialect2017 {
			if !isTemplate(j) { // listtemplates has those
				r["template"] = cmp.Or(from[j.FullName()], "-")
				out[r.key()] = r
			}
			continue
		}
		short := object{"boot": r["boot"], "jid": r["jid"], "state": r["state"], "tag": r["tag"], "type": r["type"]}
		if r["type"] == "jail" {
			short["type"] = "thickjail"
		}
		if c.api == Dialect2016 {
			short["ip4"] = cmp.Or(addresses[j.Identifier()], "-")
		}
		out[r["uuid"]] = short
	}
	if c.api == Dialect2017 {
		return object{"jails": out}, nil
	}
	return out, nil
}

// addresses returns the IPv4 addresses of running jails, by their name in the
// kernel.
func (s *Server) addresses(ctx context.Context) (map[string]string, error) {
	out := map[string]string{}
	for p, err := range s.host.Kernel.JailList(ctx, 0, "ip4.addr") {
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

func rowOf(j *jail.Jail) row {
	r := row{
		"jid": "-", "state": "down", "uuid": j.FullName(), "tag": tagOf(j), "boot": "off",
		"type": property(j, "type"), "release": property(j, "release"),
		"ip4": property(j, "ip4_addr"), "ip6": property(j, "ip6_addr"), "template": "-",
	}
	if s := j.Status(); s.Running {
		r["jid"], r["state"] = strconv.Itoa(s.Identity.JID), "up"
	}
	if property(j, "boot") == "yes" {
		r["boot"] = "on"
	}
	if isTemplate(j) {
		r["type"] = "template"
	}
	return r
}

// property returns a property's effective value, or "-" if it has none or the jail
// could not be read.
func property(j *jail.Jail, key string) string {
	text, err := j.Effective().Text(key)
	if err != nil || unset(text) {
		return "-"
	}
	return text
}

func isTemplate(j *jail.Jail) bool { return property(j, "template") == "yes" }

// key returns the key under which a jail is listed: its jid, or its name if it does
// not run. The original used "-" for all stopped jails, so only one was listed.
func (r row) key() string {
	if r["jid"] == "-" {
		return r["uuid"]
	}
	return r["jid"]
}

// listtemplates lists templates by their tags.
func (s *Server) listtemplates(ctx context.Context, c *call) (any, error) {
	out := object{}
	for j, err := range s.jails(ctx) {
		if j == nil {
			return nil, err
		}
		if !isTemplate(j) {
			continue
		}
		r := rowOf(j)
		r["template"] = r["tag"]
		if out[r["tag"]] != nil {
			r["template"] = r["uuid"]
		}
		out[r["template"]] = r
	}
	return object{"templates": out}, nil
}

// listplugins lists the plugins of the index and the jails made from plugins.
func (s *Server) listplugins(ctx context.Context, c *call) (any, error) {
	if s.opts.Plugins == nil {
		return nil, errNoIndex
	}
	remote, local := object{}, object{}
	plugins, err := s.opts.Plugins.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range plugins {
		remote[p.ID] = object{"id": p.ID, "name": p.Name, "description": p.Description}
	}
	for j, err := range s.jails(ctx) {
		if j == nil {
			return nil, err
		}
		name := property(j, "plugin_name")
		if name == "-" && !strings.HasPrefix(property(j, "type"), "plugin") {
			continue
		}
		r := rowOf(j)
		r["type"] = "plugin"
		local[r["tag"]+"_"+r.key()] = r
	}
	return object{"remote": remote, "local": local}, nil
}
