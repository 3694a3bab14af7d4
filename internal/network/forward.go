package network

import (
	"net/netip"
	"slices"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/config/key"
)

// Forward sends connections to ports of the host to ports of the jail.
type Forward = config.Forward

// forwards adds port forwards and NAT.
func (in Input) forwards(s *Spec) error {
	list, err := config.ParseForwards(key.UserForwards.Of(in.Config))
	if err != nil {
		return refuse(keyForwards, "%v", err)
	}
	s.NAT, s.Open = key.UserNAT.Of(in.Config), key.UserForwardsOpen.Of(in.Config)
	byDefault, err := config.ParseBool(s.NAT)
	if err == nil {
		s.NAT = ""
	}
	if len(list) == 0 && s.NAT == "" && !byDefault {
		return nil
	}
	outward := ""
	if byDefault || slices.ContainsFunc(list, func(f Forward) bool { return f.Interface == "" && !f.Addr.IsValid() }) {
		r, err := in.defaultRoute(false)
		if err != nil {
			return err
		}
		if outward = r.Interface; outward == "" {
			about := keyForwards
			if byDefault {
				about = keyNAT
			}
			return refuse(about, "the host has no default route; name the outward interface")
		}
	}
	if byDefault {
		s.NAT = outward
	}
	if _, ok := in.own(s.NAT, false); s.NAT != "" && !ok {
		return refuse(keyNAT, "%s has no IPv4 address of the host's own", s.NAT)
	}
	lacks := ""
	for _, f := range list {
		for _, v6 := range []bool{false, true} {
			target := s.primary(v6)
			if !target.IsValid() || f.Addr.IsValid() && f.Addr.Is6() != v6 {
				continue
			}
			f.Target = target
			if f.Interface == "" {
				f.Interface = outward
				if i, ok := holder(in.Interfaces, f.Addr); ok {
					f.Interface = i.Name
				}
			}
			if !f.Addr.IsValid() {
				addr, ok := in.own(f.Interface, v6)
				if !ok {
					lacks = f.Interface
					s.note("%s: %s has no address of the host's own", f, lacks)
					continue
				}
				if v6 { // the first one is link-local: (em0:0) would be that
					f.Addr = addr
				}
			}
			s.Forwards = append(s.Forwards, f)
		}
	}
	if len(list) > 0 && len(s.Forwards) == 0 && lacks != "" {
		return refuse(keyForwards, "%s has no address of the host's own", lacks)
	}
	if len(list) > 0 && len(s.Forwards) == 0 {
		return refuse(keyForwards, "the jail has no static address to forward to")
	}
	if s.NAT != "" && !s.primary(false).IsValid() {
		return refuse(keyNAT, "the jail has no static IPv4 address")
	}
	for n, f := range s.Forwards {
		if f.Interface == "" {
			return refuse(keyForwards, "%s: the host has no such address; name the interface", f)
		}
		for _, g := range s.Forwards[:n] {
			if f.Clashes(g) {
				return refuse(keyForwards, "%s and %s are for the same port", g, f)
			}
		}
	}
	return nil
}

// own is the first address of an interface that no jail has brought.
func (in Input) own(nic string, v6 bool) (netip.Addr, bool) {
	i, _ := byName(in.Interfaces, nic)
	for _, p := range i.Addrs {
		if addr := p.Addr(); addr.Is6() == v6 && !addr.IsLinkLocalUnicast() && !in.Table.Added(addr) {
			return addr, true
		}
	}
	return netip.Addr{}, false
}

// primary is the jail's first static address of a family.
func (s Spec) primary(v6 bool) netip.Addr {
	for _, a := range s.Aliases {
		if a.Prefix.Addr().Is6() == v6 {
			return a.Prefix.Addr()
		}
	}
	for _, n := range s.NICs {
		for _, a := range n.Addrs {
			if a.Addr().Is6() == v6 {
				return a.Addr()
			}
		}
	}
	return netip.Addr{}
}
