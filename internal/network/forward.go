package network

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Forward sends connections to ports of the host to ports of the jail.
type Forward struct {
	Proto     string     `json:"proto"`               // tcp, udp or both
	Interface string     `json:"interface,omitempty"` // of the host
	Addr      netip.Addr `json:"addr"`                // of the host; zero for the interface's
	Low       int        `json:"low"`                 // first port of the host
	High      int        `json:"high"`                // last one
	Port      int        `json:"port"`                // of the jail, for Low
	Target    netip.Addr `json:"target"`              // of the jail
}

// String is the form that ParseForwards reads, without the target.
func (f Forward) String() string {
	var b strings.Builder
	if f.Addr.Is6() {
		b.WriteString("[" + f.Addr.String() + "]:")
	} else if f.Addr.IsValid() {
		b.WriteString(f.Addr.String() + ":")
	}
	b.WriteString(strconv.Itoa(f.Low))
	if f.High != f.Low {
		b.WriteString("-" + strconv.Itoa(f.High))
	}
	b.WriteString(":" + strconv.Itoa(f.Port) + "/" + f.Proto)
	if f.Interface != "" {
		b.WriteString("@" + f.Interface)
	}
	return b.String()
}

// ParseForwards reads a comma separated list of
// [ADDRESS:]PORT[-LAST][:JAILPORT][/tcp|udp|both][@INTERFACE], an IPv6 address
// in brackets. Without protocol it is tcp, without JAILPORT the same port.
func ParseForwards(text string) ([]Forward, error) {
	if text == "" || text == "none" || text == "-" {
		return nil, nil
	}
	var list []Forward
	for item := range strings.SplitSeq(text, ",") {
		f, err := parseForward(strings.TrimSpace(item))
		if err != nil {
			return nil, fmt.Errorf("forward %q: %w", item, err)
		}
		list = append(list, f)
	}
	return list, nil
}

func parseForward(text string) (f Forward, err error) {
	text, f.Interface, _ = strings.Cut(text, "@")
	text, f.Proto, _ = strings.Cut(text, "/")
	if f.Proto == "" {
		f.Proto = "tcp"
	}
	if f.Proto != "tcp" && f.Proto != "udp" && f.Proto != "both" {
		return f, fmt.Errorf("protocol %q is not tcp, udp or both", f.Proto)
	}
	if strings.ContainsAny(f.Interface, " \t\"{}()<>!") || len(f.Interface) > maxName {
		return f, fmt.Errorf("interface %q", f.Interface)
	}
	if rest, ok := strings.CutPrefix(text, "["); ok {
		addr, ports, ok := strings.Cut(rest, "]:")
		if f.Addr, err = netip.ParseAddr(addr); err != nil || !ok || !f.Addr.Is6() || f.Addr.Zone() != "" {
			return f, fmt.Errorf("%q is not an IPv6 address", addr)
		}
		text = ports
	} else if strings.Count(text, ".") == 3 {
		addr, ports, _ := strings.Cut(text, ":")
		if f.Addr, err = netip.ParseAddr(addr); err != nil {
			return f, fmt.Errorf("%q is not an address", addr)
		}
		text = ports
	}
	ports, target, hasTarget := strings.Cut(text, ":")
	return f, f.ports(ports, target, hasTarget)
}

func (f *Forward) ports(host, jail string, hasJail bool) error {
	low, high, isRange := strings.Cut(host, "-")
	if !isRange {
		high = low
	}
	var ok1, ok2 bool
	f.Low, ok1 = decimal(low, 65535)
	f.High, ok2 = decimal(high, 65535)
	if !ok1 || !ok2 || f.Low == 0 || f.High < f.Low {
		return fmt.Errorf("%q is not a port or a range of ports", host)
	}
	f.Port = f.Low
	if hasJail {
		var ok bool
		if f.Port, ok = decimal(jail, 65535); !ok || f.Port == 0 || f.Port+f.High-f.Low > 65535 {
			return fmt.Errorf("%q is not a port for all of the range", jail)
		}
	}
	return nil
}

// forwards adds port forwards and NAT.
func (in Input) forwards(s *Spec) error {
	list, err := ParseForwards(userText(in.Config, KeyForwards))
	if err != nil {
		return refuse(KeyForwards, "%v", err)
	}
	s.NAT, s.Open = userText(in.Config, KeyNAT), yes(in.Config, keyForwardOpen)
	switch s.NAT {
	case "none", "no", "0", "off":
		s.NAT = ""
	}
	if len(list) == 0 && s.NAT == "" {
		return nil
	}
	outward := ""
	if s.NAT == "yes" || slices.ContainsFunc(list, func(f Forward) bool { return f.Interface == "" && !f.Addr.IsValid() }) {
		r, err := in.defaultRoute(false)
		if err != nil {
			return err
		}
		if outward = r.Interface; outward == "" {
			return refuse(KeyForwards, "the host has no default route; name the outward interface")
		}
	}
	if s.NAT == "yes" {
		s.NAT = outward
	}
	if _, ok := in.own(s.NAT, false); s.NAT != "" && !ok {
		return refuse(KeyNAT, "%s has no IPv4 address of the host's own", s.NAT)
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
		return refuse(KeyForwards, "%s has no address of the host's own", lacks)
	}
	if len(list) > 0 && len(s.Forwards) == 0 || s.NAT != "" && !s.primary(false).IsValid() {
		return refuse(KeyForwards, "the jail has no static address to forward to")
	}
	for n, f := range s.Forwards {
		if f.Interface == "" {
			return refuse(KeyForwards, "%s: the host has no such address; name the interface", f)
		}
		for _, g := range s.Forwards[:n] {
			if f.Clashes(g) {
				return refuse(KeyForwards, "%s and %s are for the same port", g, f)
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

// Clashes reports whether two forwards want the same port of the host.
func (f Forward) Clashes(g Forward) bool {
	switch {
	case f.Proto != g.Proto && f.Proto != "both" && g.Proto != "both":
		return false
	case f.Target.Is6() != g.Target.Is6(), f.High < g.Low || g.High < f.Low:
		return false
	case f.Addr.IsValid() && g.Addr.IsValid():
		return f.Addr == g.Addr
	}
	return f.Interface == g.Interface
}
