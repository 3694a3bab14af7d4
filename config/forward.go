package config

import (
	"fmt"
	"net/netip"
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
// in brackets. Without protocol it is tcp, without JAILPORT the same port. Errors wrap
// ErrInvalidValue.
func ParseForwards(text string) ([]Forward, error) {
	if isNone(text) {
		return nil, nil
	}
	var list []Forward
	for item := range strings.SplitSeq(text, ",") {
		f, err := parseForward(strings.TrimSpace(item))
		if err != nil {
			return nil, invalid("forward %q: %v", item, err)
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
	if strings.ContainsAny(f.Interface, " \t\"{}()<>!") || len(f.Interface) > 15 {
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
	f.Low, ok1 = parsePort(low)
	f.High, ok2 = parsePort(high)
	if !ok1 || !ok2 || f.Low == 0 || f.High < f.Low {
		return fmt.Errorf("%q is not a port or a range of ports", host)
	}
	f.Port = f.Low
	if hasJail {
		var ok bool
		if f.Port, ok = parsePort(jail); !ok || f.Port == 0 || f.Port+f.High-f.Low > 65535 {
			return fmt.Errorf("%q is not a port for all of the range", jail)
		}
	}
	return nil
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

func parsePort(text string) (port int, ok bool) {
	n, err := strconv.ParseUint(text, 10, 16)
	return int(n), err == nil
}
