package kernel

import (
	"context"
	"net"
	"net/netip"
)

// Interface is a network interface of one network stack.
type Interface struct {
	Name        string
	Index       int
	Up          bool
	MTU         int // bytes
	MAC         net.HardwareAddr
	Description string
	Groups      []string
	Addrs       []netip.Prefix
}

// Address is one address of an interface.
type Address struct {
	Prefix netip.Prefix
	// Broadcast of an IPv4 address; the zero value lets the kernel derive it.
	Broadcast netip.Addr
	// NoDAD skips duplicate address detection of an IPv6 address, so that it
	// can be bound at once.
	NoDAD bool
}

// ND6Flags are the flags of IPv6 on an interface, ndp(8). The numbers are the
// kernel's.
type ND6Flags uint32

// The flags.
const (
	ND6AcceptRtadv   ND6Flags = 0x02  // take addresses and routes from router advertisements
	ND6IfDisabled    ND6Flags = 0x08  // no IPv6 at all
	ND6AutoLinkLocal ND6Flags = 0x20  // make a link-local address
	ND6NoDAD         ND6Flags = 0x100 // no duplicate address detection
)

// AddressState is the state of one IPv6 address, in6(4).
type AddressState struct {
	Tentative  bool // duplicate detection is running; it cannot be bound yet
	Duplicated bool // another machine uses it
	Autoconf   bool // made from a router advertisement
}

// Route is one route of a stack's table.
type Route struct {
	Dest      netip.Prefix // 0.0.0.0/0 or ::/0 is the default route
	Gateway   netip.Addr   // zero for a route through Interface alone
	Interface string       // for a gateway outside every attached prefix
	FIB       int
}

// VLAN is the tag and parent of a vlan(4) interface.
type VLAN struct {
	Parent string
	Tag    uint16 // 1 to 4094
}

// Network is one network stack: interfaces, bridges, addresses and routes, by
// ioctl(2) and route(4). Errors are *CallError: ENXIO and ErrNotFound for an
// interface that does not exist, EEXIST and ErrExists for a name in use.
type Network interface {
	Interfaces(ctx context.Context) ([]Interface, error)
	// InterfaceCreate clones an interface of a driver ("epair", "bridge",
	// "vlan") or with a unit ("epair7") and returns its name. For epair that is
	// the a end; the other end has the same name ending in b.
	InterfaceCreate(ctx context.Context, driver string) (string, error)
	// InterfaceDestroy destroys a cloned interface, and both ends of an epair.
	InterfaceDestroy(ctx context.Context, name string) error
	InterfaceRename(ctx context.Context, name, to string) error // at most 15 bytes
	InterfaceSetUp(ctx context.Context, name string, up bool) error
	InterfaceSetMTU(ctx context.Context, name string, mtu int) error
	InterfaceSetMAC(ctx context.Context, name string, mac net.HardwareAddr) error
	InterfaceSetDescription(ctx context.Context, name, text string) error // empty clears
	InterfaceSetVLAN(ctx context.Context, name string, vlan VLAN) error
	InterfaceAddGroup(ctx context.Context, name, group string) error
	InterfaceDeleteGroup(ctx context.Context, name, group string) error

	// InterfaceToVnet moves an interface of the host into a jail's stack; its
	// addresses are lost. InterfaceFromVnet brings it back.
	InterfaceToVnet(ctx context.Context, name string, id Identity) error
	InterfaceFromVnet(ctx context.Context, name string, id Identity) error

	AddressAdd(ctx context.Context, name string, addr Address) error
	AddressDelete(ctx context.Context, name string, addr netip.Addr) error

	// BridgeAdd adds a member. It fails with EEXIST if the interface is a member,
	// EBUSY if it is a member of another bridge, and EINVAL if it is not an
	// Ethernet interface. If its MTU differs from that of the other members,
	// FreeBSD 13 and 14 fail with EINVAL and 15 changes it to theirs. The first
	// member sets the MTU of the bridge.
	BridgeAdd(ctx context.Context, bridge, member string) error
	BridgeDelete(ctx context.Context, bridge, member string) error
	BridgeMembers(ctx context.Context, bridge string) ([]string, error)
	// BridgeStatic binds a MAC address to a member and keeps it from learning
	// others.
	BridgeStatic(ctx context.Context, bridge, member string, mac net.HardwareAddr) error

	// InterfaceSetND6 sets and clears flags of IPv6 on an interface, as
	// ifconfig(8) does with "inet6 accept_rtadv" or "inet6 -ifdisabled".
	InterfaceSetND6(ctx context.Context, name string, set, clear ND6Flags) error
	// AddressState returns the state of an IPv6 address. It fails with
	// EADDRNOTAVAIL and ErrNotFound if the interface does not have the address.
	AddressState(ctx context.Context, name string, addr netip.Addr) (AddressState, error)

	// RouteAdd adds a route. It fails with EEXIST if the destination has one,
	// ENETUNREACH for a gateway in no attached prefix, and EINVAL for a route
	// that is not valid.
	RouteAdd(ctx context.Context, route Route) error
	RouteDelete(ctx context.Context, route Route) error
	Routes(ctx context.Context, fib int) ([]Route, error)
}
