package network

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/config/key"
)

func (s *Spec) note(format string, args ...any) {
	s.Notes = append(s.Notes, fmt.Sprintf(format, args...))
}

// nic is the nic of that name in the jail.
func (s *Spec) nic(name string) *NIC {
	for n := range s.NICs {
		if s.NICs[n].Name == name {
			return &s.NICs[n]
		}
	}
	return nil
}

// inside gives the nics their addresses. iocage writes addresses without a
// nic, which belong to the first one, and a switch for DHCP.
func (in Input) inside(s *Spec) error {
	first := ""
	if len(s.NICs) > 0 {
		first = s.NICs[0].Name
	}
	for _, f := range families {
		for _, a := range f.addrs.Of(in.Config) {
			name := a.Interface
			if name == "" || name == "DEFAULT" {
				name = first
			}
			nic := s.nic(name)
			switch {
			case name == "lo0" && a.Method == config.Static:
				continue // see loopback
			case nic == nil && slices.Contains(s.Hosts, name):
				return refuse(f.addrs.String(), "%s: addresses of vnet_interfaces are the jail's own to set", a)
			case nic == nil:
				return refuse(f.addrs.String(), "%s: the jail has no interface %q, see interfaces", a, name)
			case a.Options != "":
				return refuse(f.addrs.String(), "%s: words for ifconfig(8) are not supported: %q", a, a.Options)
			case a.Method == config.DHCP:
				nic.DHCP = true
			case a.Method == config.RouterAdvert:
				nic.SLAAC = true
			case a.Method == config.Static:
				if !slices.Contains(nic.Addrs, a.Prefix()) {
					nic.Addrs = append(nic.Addrs, a.Prefix())
				}
			default:
				return refuse(f.addrs.String(), "%s has no meaning in a jail with its own stack", a)
			}
		}
	}
	if key.DHCP.Of(in.Config) && len(s.NICs) > 0 && !s.DHCP() {
		s.NICs[0].DHCP = true
	}
	for _, nic := range s.NICs {
		if nic.Secure == SecureLibioc && (nic.DHCP || nic.SLAAC) {
			return refuse("interfaces", "%s: DHCP and SLAAC cannot work with libioc's rules of Secure VNET; set %s=full", nic.Name, keySecure)
		}
	}
	return nil
}

// loopback are the addresses of lo0: those that every stack has, and what the
// configuration adds.
func loopback(eff config.Effective) []netip.Prefix {
	out := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("::1/128")}
	for _, f := range families {
		for _, a := range f.addrs.Of(eff).On("lo0") {
			if a.Method == config.Static && !slices.Contains(out, a.Prefix()) {
				out = append(out, a.Prefix())
			}
		}
	}
	return out
}

// Leases reports whether the nic of that name asks for an address by DHCP.
func (s Spec) Leases(nic string) bool {
	n := s.nic(nic)
	return n != nil && n.DHCP
}

// DHCP reports whether a nic asks for an address by DHCP.
func (s Spec) DHCP() bool {
	return slices.ContainsFunc(s.NICs, func(n NIC) bool { return n.DHCP })
}

func (s *Spec) anySLAAC() bool {
	return slices.ContainsFunc(s.NICs, func(n NIC) bool { return n.SLAAC })
}

// routes are the default routes and the further ones. A default route of DHCP
// or of a router's advertisement comes with the address: dhclient(8) would keep
// one that already exists.
func (in Input) routes(s *Spec) error {
	fib := key.ExecFIB.Of(in.Config)
	for _, f := range []struct {
		key     config.Key[config.Gateway]
		dest    netip.Addr
		dynamic bool
	}{{key.Defaultrouter, netip.IPv4Unspecified(), s.DHCP()}, {key.Defaultrouter6, netip.IPv6Unspecified(), s.anySLAAC()}} {
		g, ok := f.key.Lookup(in.Config)
		if !ok {
			continue
		}
		if f.dynamic {
			if !g.Auto {
				s.note("%s=%s is not used: the route comes with the address", f.key, g)
			}
			continue
		}
		if g.Auto {
			if g, ok = in.auto(s, f.key.String(), f.dest.Is6()); !ok {
				continue
			}
		}
		r, err := s.route(f.key.String(), netip.PrefixFrom(f.dest, 0), g)
		if err != nil {
			return err
		}
		r.FIB = fib
		s.Routes = append(s.Routes, r)
		s.hostEnd(r)
	}
	return in.extraRoutes(s, fib)
}

// auto is the host's own gateway, if the jail can reach it.
func (in Input) auto(s *Spec, key string, v6 bool) (config.Gateway, bool) {
	r, err := in.defaultRoute(v6)
	if err == nil && r.Gateway.IsValid() && r.Gateway.Is6() == v6 {
		for _, nic := range s.NICs {
			for _, a := range nic.Addrs {
				if a.Contains(r.Gateway) {
					return config.Gateway{Addr: r.Gateway, Interface: nic.Name}, true
				}
			}
		}
	}
	if len(s.NICs) > 0 {
		s.note("%s=auto gives no route: the host's gateway is in no network of the jail", key)
	}
	return config.Gateway{}, false
}

// route finds the nic of a gateway: the one that is named, the one that has it
// in a prefix, else the first one with an address of the family.
func (s *Spec) route(key string, dest netip.Prefix, g config.Gateway) (Route, error) {
	r := Route{Dest: dest, Gateway: g.Addr, Interface: g.Interface}
	if r.Interface != "" {
		if s.nic(r.Interface) == nil && !slices.Contains(s.Hosts, r.Interface) {
			return r, refuse(key, "%s: the jail has no interface %q", g, r.Interface)
		}
		return r, nil
	}
	first := ""
	for _, nic := range s.NICs {
		for _, a := range nic.Addrs {
			if a.Addr().Is6() != g.Addr.Is6() {
				continue
			}
			if a.Contains(g.Addr) {
				r.Interface = nic.Name
				return r, nil
			}
			if first == "" {
				first = nic.Name
			}
		}
		if first == "" && nic.SLAAC && g.Addr.Is6() {
			first = nic.Name
		}
	}
	if first == "" {
		return r, refuse(key, "%s: no interface of the jail has an address of this family", g)
	}
	r.Interface = first
	return r, nil
}

// hostEnd gives the host's end of an epair without bridge the gateway's
// address: nobody else could have it.
func (s *Spec) hostEnd(r Route) {
	nic := s.nic(r.Interface)
	if nic == nil || nic.Bridge != "" {
		return
	}
	bits := r.Gateway.BitLen()
	for _, a := range nic.Addrs {
		if a.Contains(r.Gateway) {
			bits = a.Bits()
		}
	}
	nic.Gateways = append(nic.Gateways, netip.PrefixFrom(r.Gateway, bits))
}

// extraRoutes adds the further routes that the configuration names.
func (in Input) extraRoutes(s *Spec, fib int) error {
	list, err := config.ParseStaticRoutes(key.UserNetworkRoutes.Of(in.Config))
	if err != nil {
		return refuse(keyRoutes, "%v", err)
	}
	for _, static := range list {
		r, err := s.route(keyRoutes, static.Dest, static.Gateway)
		if err != nil {
			return err
		}
		r.FIB = fib
		s.Routes = append(s.Routes, r)
	}
	return nil
}
