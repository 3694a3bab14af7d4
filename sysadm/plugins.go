package sysadm

import (
	"context"
	"errors"
	"net/netip"
	"regexp"

	"github.com/libioc/go-libioc/events"
)

// errNoIndex is the answer of the plugin actions without a plugin index.
var errNoIndex = errors.New("no plugin index is configured")

var (
	pluginName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)
	deviceName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.]{0,14}$`) // IFNAMSIZ
)

// createplugin starts the job that fetches a plugin and creates its jail. ip6 has
// precedence over ip4.
func (s *Server) createplugin(ctx context.Context, c *call) (any, error) {
	if s.opts.Plugins == nil {
		return nil, errNoIndex
	}
	p := PluginRequest{ID: c.arg("plugin"), Property: "ip6_addr", Value: c.arg("ip6")}
	if p.Value == "" {
		p.Property, p.Value = "ip4_addr", c.arg("ip4")
	}
	c.target = p.ID
	if !pluginName.MatchString(p.ID) || !deviceName.MatchString(c.arg("net_device")) || !address(p) {
		return nil, errBadRequest
	}
	p.Value = c.arg("net_device") + "|" + p.Value
	j := &job{
		id: "sysadm_iocage_fetch_plugin_" + p.ID, queue: parallel,
		label: "iocage fetch -P --name " + p.ID + " " + p.Property + `="` + p.Value + `"`,
		work:  func(ctx context.Context) <-chan events.IocEvent { return s.opts.Plugins.Create(ctx, p) },
	}
	started, err := s.start(ctx, c, j)
	if err != nil {
		return nil, err
	}
	if !started {
		return nil, errBadRequest
	}
	return object{"started_dispatcher_id": j.id}, nil
}

// address reports whether the value is an address of the property's family, with
// or without a prefix length.
func address(p PluginRequest) bool {
	addr, err := netip.ParseAddr(p.Value)
	if err != nil {
		prefix, err := netip.ParsePrefix(p.Value)
		if err != nil {
			return false
		}
		addr = prefix.Addr()
	}
	return addr.Is4() == (p.Property == "ip4_addr") && addr.Zone() == ""
}
