package network

import (
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/kernel"
)

// Input is what a network is computed from. Nothing in it is changed.
type Input struct {
	Config   config.Effective
	Name     string // the jail's name, from which addresses are derived
	Jail     string // its name in the kernel
	HostUUID string
	// Interfaces are those of the host; Routes gives its table 0, asked only
	// when a value says "the default route's".
	Interfaces []kernel.Interface
	Routes     func() ([]kernel.Route, error)
	// InUse reports that a running jail has the address, for AUTOIP4.
	InUse func(netip.Addr) bool
	// Table is what jails have of the host. Own is what the jail itself has while it
	// runs: it is not the host's, and stays what it is where there is a choice.
	Table Table
	Own   Spec
	// Children reports that the jail may have jails of its own.
	Children bool
}

// Compute is the network that a configuration asks for. What the host lacks
// for it is an error here, before anything is changed: *Error names the
// property.
func Compute(in Input) (Spec, error) {
	s := Spec{Jail: in.Jail}
	err := in.understood()
	if err != nil {
		return s, err
	}
	if key.VNET.Of(in.Config) {
		s.VNET = true
		err = in.vnet(&s)
	} else {
		err = in.aliases(&s)
	}
	if err != nil {
		return s, err
	}
	return s, in.forwards(&s)
}

// ownKeys are this library's own properties of a network.
var ownKeys = sync.OnceValue(func() (names []string) {
	for _, p := range config.Properties() {
		if p.Scope == config.ScopeNetwork && strings.HasPrefix(p.Name, "user.") {
			names = append(names, p.Name)
		}
	}
	return names
})

// understood refuses a value that counts as unset because it could not be read: a running
// jail would lose the rules, routes or link addresses that it stands for.
func (in Input) understood() error {
	for _, name := range ownKeys() {
		if err := in.Config.Problem(name); err != nil {
			return refuse(name, "%v", err)
		}
	}
	return nil
}

// Empty reports whether there is nothing to set up.
func (s Spec) Empty() bool {
	return len(s.Aliases)+len(s.NICs)+len(s.Hosts)+len(s.Forwards) == 0 && s.NAT == "" && !s.VNET
}

// families are the two lists of addresses, in the order they are applied.
var families = []struct {
	mode  config.Key[config.Jailsys]
	addrs config.Key[config.Addresses]
}{{key.IP4, key.IP4Addr}, {key.IP6, key.IP6Addr}}

// aliases adds the addresses of a jail in the host's stack.
func (in Input) aliases(s *Spec) error {
	for _, f := range families {
		if mode, ok := f.mode.Lookup(in.Config); ok && mode != config.JailsysNew {
			continue
		}
		for _, a := range f.addrs.Of(in.Config) {
			alias, ok, err := in.alias(f.addrs.String(), a)
			if err != nil {
				return err
			}
			if ok && !slices.Contains(s.Aliases, alias) {
				s.Aliases = append(s.Aliases, alias)
			}
			if a.Method == config.AutoIP4 {
				s.Auto = append(s.Auto, alias.Prefix.Addr())
			}
		}
	}
	return nil
}

func (in Input) alias(key string, a config.Address) (Alias, bool, error) {
	switch {
	case a.Options != "":
		return Alias{}, false, refuse(key, "%s: words for ifconfig(8) are not supported: %q", a, a.Options)
	case a.Method == config.AutoIP4:
		return in.autoIP4(a)
	case a.Method != config.Static:
		return Alias{}, false, refuse(key, "%s needs vnet=yes: a jail without its own stack cannot ask for an address", a)
	}
	if a.Bits == 0 { // its route would take the place of the default route
		return Alias{}, false, refuse(key, "%s: a prefix of length 0 on an interface of the host", a)
	}
	alias := Alias{a.Interface, a.Prefix()}
	if zone := a.Addr.Zone(); alias.Interface == "" && zone != "" {
		alias.Interface = zone
	}
	if alias.Interface == "" {
		if _, there := holder(in.Interfaces, a.Addr); there && !in.Table.Added(a.Addr) {
			// As with iocage, an address that the host has needs no alias.
			return Alias{}, false, nil
		}
		alias.Interface = "DEFAULT"
	}
	if alias.Interface == "DEFAULT" {
		for _, own := range in.Own.Aliases {
			if own.Prefix == alias.Prefix { // wherever the default route leads by now
				return own, true, nil
			}
		}
	}
	var err error
	if alias.Interface, err = in.nic(key, alias.Interface); err != nil {
		return alias, false, err
	}
	if _, ok := byName(in.Interfaces, alias.Interface); !ok {
		return alias, false, refuse(key, "the host has no interface %s", alias.Interface)
	}
	return alias, true, nil
}

// nic resolves DEFAULT.
func (in Input) nic(key, name string) (string, error) {
	if name != "DEFAULT" {
		return name, nil
	}
	r, err := in.defaultRoute(false)
	if err != nil {
		return "", err
	}
	if r.Interface == "" {
		return "", refuse(key, "the host has no default route, so DEFAULT is no interface")
	}
	return r.Interface, nil
}

// defaultRoute is the host's; IPv6's only counts when asked for or when there
// is no other. The zero route means there is none.
func (in Input) defaultRoute(v6 bool) (kernel.Route, error) {
	list, err := in.Routes()
	if err != nil {
		return kernel.Route{}, err
	}
	var second kernel.Route
	for _, r := range list {
		if r.Dest.Bits() != 0 || !r.Gateway.IsValid() {
			continue
		}
		if r.Dest.Addr().Is6() == v6 {
			return r, nil
		}
		if !v6 {
			second = r
		}
	}
	return second, nil
}

// holder is the interface that has an address.
func holder(list []kernel.Interface, addr netip.Addr) (kernel.Interface, bool) {
	for _, i := range list {
		for _, p := range i.Addrs {
			if p.Addr() == addr.WithZone("") {
				return i, true
			}
		}
	}
	return kernel.Interface{}, false
}

// autoIP4 is legacy's: the first address of the default gateway's network
// that nobody has, between ip4_autostart and ip4_autoend.
func (in Input) autoIP4(a config.Address) (Alias, bool, error) {
	r, err := in.defaultRoute(false)
	if err != nil {
		return Alias{}, false, err
	}
	if !r.Gateway.Is4() {
		return Alias{}, false, refuse("ip4_addr", "AUTOIP4 needs an IPv4 default route on the host")
	}
	number := func(key string, value int) (int, error) {
		text := config.NewKey[string](key).Of(in.Config)
		if text == "" || text == "none" {
			return value, nil
		}
		n, ok := decimal(text, 255)
		if !ok {
			return 0, refuse(key, "%q is not a number up to 255", text)
		}
		return n, nil
	}
	first, err1 := number("ip4_autostart", 1)
	last, err2 := number("ip4_autoend", 254)
	bits, err3 := number("ip4_autosubnet", 24)
	if err := errors.Join(err1, err2, err3); err != nil || bits == 0 || bits > 32 {
		return Alias{}, false, errors.Join(err, refuse("ip4_autosubnet", "no prefix length"))
	}
	alias := Alias{Interface: a.Interface}
	if alias.Interface == "" {
		alias.Interface = r.Interface
	}
	if alias.Interface, err = in.nic("ip4_addr", alias.Interface); err != nil {
		return alias, false, err
	}
	net := r.Gateway.As4()
	free := func(addr netip.Addr) bool {
		_, there := holder(in.Interfaces, addr)
		return !there && addr != r.Gateway && len(in.Table.Users(addr, "")) == 0 && (in.InUse == nil || !in.InUse(addr))
	}
	for n := first; n <= last; n++ {
		net[3] = byte(n)
		alias.Prefix = netip.PrefixFrom(netip.AddrFrom4(net), bits)
		if len(in.Table.Users(alias.Prefix.Addr(), in.Jail)) == 0 && slices.Contains(in.Own.Auto, alias.Prefix.Addr()) && slices.Contains(in.Own.Aliases, alias) {
			return alias, true, nil
		}
	}
	for n := first; n <= last; n++ {
		net[3] = byte(n)
		alias.Prefix = netip.PrefixFrom(netip.AddrFrom4(net), bits)
		if free(alias.Prefix.Addr()) {
			return alias, true, nil
		}
	}
	return alias, false, refuse("ip4_addr", "AUTOIP4 found no free address from .%d to .%d", first, last)
}

// vnet is the network of a jail with its own stack.
func (in Input) vnet(s *Spec) error {
	eff := in.Config
	static, said := key.UserNetworkStatic.Lookup(eff)
	if !said { // a jail with guests or bridges of its own has more addresses than one
		static = !in.Children
	}
	for n, i := range key.Interfaces.Of(eff) {
		nic := NIC{Index: n, Name: i.Name, Bridge: i.Bridge, MTU: key.MTU(i.Name).Of(eff), DefaultMTU: key.VNETDefaultMTU.Of(eff)}
		if i.Secure {
			nic.Secure = key.UserNetworkSecure.Of(eff)
		}
		nic.Static = static
		if err := in.bridge(s, i, key.UserNetworkBridge.Of(eff) == "create"); err != nil {
			return err
		}
		s.NICs = append(s.NICs, nic)
	}
	for _, name := range key.VNETInterfaces.Of(eff) {
		i, ok := byName(in.Interfaces, name)
		mac := i.MAC.String()
		if slices.ContainsFunc(in.Interfaces, func(o kernel.Interface) bool { return o.Name != name && o.MAC.String() == mac }) {
			mac = "" // a vlan(4) has its parent's
		}
		if !ok {
			mac, ok = in.Own.HostMACs[name]
		}
		if !ok {
			return refuse("vnet_interfaces", "the host has no interface %s", name)
		}
		s.Hosts = append(s.Hosts, name)
		if s.HostMACs == nil {
			s.HostMACs = map[string]string{}
		}
		s.HostMACs[name] = mac
	}
	s.Loopback = loopback(eff)
	if err := in.macs(s); err != nil {
		return err
	}
	if err := in.inside(s); err != nil {
		return err
	}
	return in.routes(s)
}

// bridge checks the bridge of a nic, or plans to make it.
func (in Input) bridge(s *Spec, i config.Interface, make bool) error {
	if i.Bridge == "" {
		return nil
	}
	if there, ok := byName(in.Interfaces, i.Bridge); ok {
		if there.Description != bridgeDescription {
			return nil
		}
		make = true // ours: whether its uplink is there is looked at again
	}
	if !make {
		return refuse("interfaces", "there is no bridge %s: make it with cloned_interfaces in rc.conf(5), or set %s=create", i.Bridge, keyBridge)
	}
	for _, b := range s.Bridges {
		if b.Name == i.Bridge {
			return nil
		}
	}
	b := Bridge{Name: i.Bridge}
	switch uplink := key.VNETDefaultInterface.Of(in.Config); uplink {
	case "", "none":
	case "auto":
		r, err := in.defaultRoute(false)
		if err != nil {
			return err
		}
		if r.Interface == "" {
			return refuse("vnet_default_interface", "auto: no default interface found, the host has no default route")
		}
		b.Uplink = r.Interface
	default:
		b.Uplink = uplink
	}
	if b.Uplink != "" {
		if _, ok := byName(in.Interfaces, b.Uplink); !ok {
			parent, tag, isVLAN := vlanOf(b.Uplink)
			if _, ok := byName(in.Interfaces, parent); !ok || !isVLAN || tag == 0 {
				return refuse("vnet_default_interface", "the host has no interface %s", b.Uplink)
			}
		}
	}
	s.Bridges = append(s.Bridges, b)
	return nil
}

// vlanOf reads em0.42.
func vlanOf(name string) (parent string, tag int, ok bool) {
	i := strings.LastIndexByte(name, '.')
	if i <= 0 {
		return name, 0, false
	}
	tag, ok = decimal(name[i+1:], 4094)
	return name[:i], tag, ok && tag > 0
}

func decimal(text string, most int) (int, bool) {
	n, err := strconv.ParseUint(text, 10, 31)
	return int(n), err == nil && int(n) <= most
}

// macs gives every nic its addresses: the configured ones, else derived ones
// that nobody on the host has.
func (in Input) macs(s *Spec) error {
	m := MACs{Algorithm: key.UserNetworkMACAlgorithm.Of(in.Config), Prefix: key.MACPrefix.Of(in.Config), Jail: in.Name, HostUUID: in.HostUUID}
	if key.UserNetworkMACSalt.Of(in.Config) == "host" {
		m.Salt = in.HostUUID
	}
	taken := takenMACs(in.Interfaces, in.Jail)
	maps.Copy(taken, in.Table.macs(in.Jail))
	for n := range s.NICs {
		if pair, ok := key.MAC(s.NICs[n].Name).Lookup(in.Config); ok {
			if taken[pair.Host] || taken[pair.Jail] {
				return refuse(s.NICs[n].Name+"_mac", "%s is used by another interface of this host", pair)
			}
			taken[pair.Host], taken[pair.Jail] = true, true
			s.NICs[n].HostMAC, s.NICs[n].JailMAC = pair.Host.String(), pair.Jail.String()
		}
	}
	for n := range s.NICs {
		nic := &s.NICs[n]
		if nic.HostMAC != "" {
			continue
		}
		pair, other, err := m.Choose(nic.Name, func(mac config.MAC) bool { return taken[mac] })
		if err != nil {
			return err
		}
		if other {
			s.note("%s: another interface has the derived link address; %s is used while that is so. Set %s_mac to keep it", nic.Name, pair.Jail, nic.Name)
		}
		taken[pair.Host], taken[pair.Jail] = true, true
		nic.HostMAC, nic.JailMAC = pair.Host.String(), pair.Jail.String()
	}
	return nil
}
