package network

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/libioc/go-libioc/config/key"
)

// Spec is the network that one jail is to have.
type Spec struct {
	Jail string `json:"jail"` // name in the kernel
	// Aliases are the addresses of a jail that shares the host's network stack,
	// IPv4 first, each family in the order in which the kernel is told.
	Aliases []Alias `json:"aliases,omitempty"`
	// Auto are those of them that AUTOIP4 has chosen; no other jail has them.
	Auto []netip.Addr `json:"auto,omitempty"`
	// VNET reports that the jail has a stack of its own, which the rest describes.
	VNET  bool     `json:"vnet,omitempty"`
	NICs  []NIC    `json:"nics,omitempty"`
	Hosts []string `json:"hosts,omitempty"` // interfaces of the host handed over whole
	// HostMACs are the link addresses of those, by which they are known whatever the
	// jail's root calls them.
	HostMACs map[string]string `json:"host_macs,omitempty"`
	Loopback []netip.Prefix    `json:"loopback,omitempty"` // addresses of lo0
	Routes   []Route           `json:"routes,omitempty"`
	// Bridges are the bridges to make if they do not exist.
	Bridges []Bridge `json:"bridges,omitempty"`

	Forwards []Forward `json:"forwards,omitempty"`
	NAT      string    `json:"nat,omitempty"`  // outward interface, empty for none
	Open     bool      `json:"open,omitempty"` // also pass forwarded connections

	// Notes are what a person should know of it.
	Notes []string `json:"notes,omitempty"`
}

// Alias is an address on an interface of the host.
type Alias struct {
	Interface string       `json:"interface"`
	Prefix    netip.Prefix `json:"prefix"`
}

func (a Alias) String() string { return a.Interface + "|" + a.Prefix.String() }

// NIC is one epair(4) between host and jail.
type NIC struct {
	Index   int    `json:"index"` // its place in the list
	Name    string `json:"name"`  // in the jail
	Bridge  string `json:"bridge,omitempty"`
	Secure  string `json:"secure,omitempty"` // SecureFull, SecureLibioc or empty
	MTU     int    `json:"mtu"`              // bytes; 0 is the bridge's
	HostMAC string `json:"host_mac"`
	JailMAC string `json:"jail_mac"`
	// Addrs are the static addresses in the jail, in order.
	Addrs []netip.Prefix `json:"addrs,omitempty"`
	DHCP  bool           `json:"dhcp,omitempty"`
	SLAAC bool           `json:"slaac,omitempty"`
	// Static binds the MAC address to the bridge's member.
	Static bool `json:"static,omitempty"`
	// Gateways are addresses of the host's end of an epair without bridge.
	Gateways []netip.Prefix `json:"gateways,omitempty"`
	// DefaultMTU counts when the bridge has no member and MTU is 0.
	DefaultMTU int `json:"default_mtu,omitempty"`
}

// ipv6 reports whether the nic needs IPv6.
func (n NIC) ipv6() bool {
	return n.SLAAC || slices.ContainsFunc(n.Addrs, func(p netip.Prefix) bool { return p.Addr().Is6() })
}

// Route is one route in the jail's table.
type Route struct {
	Dest      netip.Prefix `json:"dest"`
	Gateway   netip.Addr   `json:"gateway"`
	Interface string       `json:"interface,omitempty"` // in the jail
	FIB       int          `json:"fib,omitempty"`
}

// String is destination and gateway as route(8) takes them.
func (r Route) String() string {
	dest := r.Dest.String()
	if r.Dest.Bits() == 0 {
		dest = "default"
		if r.Dest.Addr().Is6() {
			dest = "-6 default"
		}
	}
	gateway := r.Gateway.String()
	if r.Gateway.Is6() && r.Gateway.IsLinkLocalUnicast() && r.Interface != "" {
		gateway += "%" + r.Interface
	}
	return dest + " " + gateway
}

// Bridge is a bridge that is made on request.
type Bridge struct {
	Name   string `json:"name"`
	Uplink string `json:"uplink,omitempty"` // a member to add; IF.TAG is a vlan(4)
}

// The forms of Secure VNET.
const (
	SecureFull   = "full"   // spoofed IPv4, IPv6, MAC addresses and other protocols are stopped
	SecureLibioc = "libioc" // libioc's rules, with which IPv6 from outside does not work
)

// Error is a configuration that gives no network.
type Error struct {
	Key string // the property
	Msg string
}

func (e *Error) Error() string { return e.Key + ": " + e.Msg }

func refuse(key, format string, args ...any) error {
	return &Error{key, fmt.Sprintf(format, args...)}
}

// Keys of the configuration that refusals name.
var (
	keyBridge   = key.UserNetworkBridge.String()
	keySecure   = key.UserNetworkSecure.String()
	keyRoutes   = key.UserNetworkRoutes.String()
	keyForwards = key.UserForwards.String()
	keyNAT      = key.UserNAT.String()
)
