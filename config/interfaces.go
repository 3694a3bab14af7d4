package config

import (
	"net/netip"
	"strings"
)

// An Interface is one nic of a vnet jail and the host's bridge that it is attached
// to.
type Interface struct {
	Name   string // inside the jail, e.g. vnet0
	Bridge string // on the host; empty for an epair without a bridge
	Secure bool   // nic::bridge, libioc's Secure VNET
}

// String returns nic:bridge, nic::bridge or nic:none.
func (i Interface) String() string {
	switch {
	case i.Bridge == "":
		return i.Name + ":none"
	case i.Secure:
		return i.Name + "::" + i.Bridge
	}
	return i.Name + ":" + i.Bridge
}

// Interfaces is the ordered list of a jail's nics.
type Interfaces []Interface

// String returns the nics joined by commas, none for an empty list.
func (l Interfaces) String() string { return joined(l, ",") }

// parseInterfaces reads nic:bridge pairs separated by commas or blanks. A none
// word is an empty list.
func parseInterfaces(text string) (Interfaces, error) {
	if isNone(text) {
		return nil, nil
	}
	var list Interfaces
	for _, pair := range strings.FieldsFunc(text, isSeparator) {
		nic, bridge, found := strings.Cut(pair, ":")
		if !found || nic == "" {
			return nil, invalid("invalid nic pair %q (expected <nic>:<bridge>)", pair)
		}
		i := Interface{Name: nic}
		if rest, secure := strings.CutPrefix(bridge, ":"); secure {
			bridge, i.Secure = rest, true
		}
		// libioc writes Python's None for a nic without bridge.
		if !isNone(bridge) {
			i.Bridge = bridge
		} else if i.Secure {
			return nil, invalid("secure nic %q without a bridge", nic)
		}
		if strings.Contains(bridge, ":") {
			return nil, invalid("invalid nic pair %q (expected <nic>:<bridge>)", pair)
		}
		list = append(list, i)
	}
	return list, nil
}

func isSeparator(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' || r == '\r' }

func checkInterfaces(list Interfaces) error {
	seen := make(map[string]bool, len(list))
	for _, i := range list {
		if err := validNIC(i.Name); err != nil {
			return err
		}
		if i.Bridge != "" {
			if err := validNIC(i.Bridge); err != nil {
				return err
			}
		}
		if seen[i.Name] {
			return invalid("nic %q is listed twice", i.Name)
		}
		seen[i.Name] = true
	}
	return nil
}

// A Gateway is a default route.
type Gateway struct {
	Auto      bool       // iocage's auto: the host's gateway, if the jail can reach it
	Addr      netip.Addr // without zone
	Interface string     // nic inside; from addr@nic or from an IPv6 zone
}

// String returns auto, addr or addr@nic.
func (g Gateway) String() string {
	switch {
	case g.Auto:
		return "auto"
	case g.Interface != "":
		return g.Addr.String() + "@" + g.Interface
	}
	return g.Addr.String()
}

// ofIocage names the nic as it is called here: in a jail of iocage's, vnet0 is epair0b.
func (g Gateway) ofIocage() Gateway {
	if number, ok := strings.CutPrefix(g.Interface, "epair"); ok {
		if number, ok = strings.CutSuffix(number, "b"); ok && plainNumber(number) {
			g.Interface = "vnet" + number
		}
	}
	return g
}

func plainNumber(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(c rune) bool { return c < '0' || c > '9' })
}

// ParseGateway reads addr, addr@nic, addr%nic (IPv6) or auto. It rejects none
// words, which mean that no route is set.
func ParseGateway(text string, v6 bool) (Gateway, error) {
	if strings.EqualFold(text, "auto") {
		return Gateway{Auto: true}, nil
	}
	host, nic, found := strings.Cut(text, "@")
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return Gateway{}, invalid("expected <address>[@<nic>], auto or none")
	}
	if addr.Is4() == v6 {
		return Gateway{}, invalid("%s belongs to the other address family", addr)
	}
	if zone := addr.Zone(); zone != "" {
		if found && nic != zone {
			return Gateway{}, invalid("scope %q and nic %q differ", zone, nic)
		}
		nic, found = zone, true
	}
	if found {
		if err := validNIC(nic); err != nil {
			return Gateway{}, err
		}
		if !printable(nic) {
			return Gateway{}, invalid("invalid nic %q", nic)
		}
	}
	addr = addr.WithZone("")
	if addr.IsUnspecified() || addr.IsMulticast() {
		return Gateway{}, invalid("%s cannot be a gateway", addr)
	}
	return Gateway{Addr: addr, Interface: nic}, nil
}
