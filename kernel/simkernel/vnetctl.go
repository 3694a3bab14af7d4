package simkernel

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
)

// vnetSysctls are the nodes that each network stack has for itself, with their
// value in a new one.
var vnetSysctls = map[string]int{
	"net.inet.ip.forwarding": 0, "net.inet6.ip6.forwarding": 0, "net.inet6.ip6.accept_rtadv": 0,
}

// ipfwSysctls come with the module ipfw; each new stack's ipfw is on.
var ipfwSysctls = map[string]int{"net.inet.ip.fw.enable": 1, "net.inet6.ip6.fw.enable": 1}

// ipfwHostSysctls are those that the stacks share.
var ipfwHostSysctls = map[string]string{
	"net.link.ether.ipfw": "0", "net.link.bridge.ipfw": "0", "net.link.bridge.ipfw_arp": "0",
	"net.inet.ip.fw.default_to_accept": "0",
}

// vnetSysctl returns the value of a node in one stack.
func (k *machine) vnetSysctl(st *netStack, name string) (int, bool) {
	value, ok := vnetSysctls[name]
	if !ok && k.hasModule("ipfw") {
		value, ok = ipfwSysctls[name]
	}
	if set, isSet := st.Sysctls[name]; ok && isSet {
		value = set
	}
	return value, ok
}

// SetVnetSysctls implements [kernel.Kernel].
func (v *view) SetVnetSysctls(ctx context.Context, id kernel.Identity, values ...kernel.SysctlValue) error {
	in := &netView{v, &id}
	return in.call(ctx, OpVnetSysctl, id.String(), fmt.Sprint(values), func(n *network, st *netStack) error {
		for _, value := range values {
			if _, ok := n.k.vnetSysctl(st, value.Name); !ok {
				return &kernel.CallError{Op: "sysctl", Subject: value.Name, Errno: syscall.ENOENT, Msg: "unknown oid", Err: kernel.ErrNotFound}
			}
			if st.Sysctls == nil {
				st.Sysctls = map[string]int{}
			}
			st.Sysctls[value.Name] = value.Value
			n.k.dirty.put(st.key(), st)
		}
		return nil
	})
}

// InterfaceSetND6 implements [kernel.Network].
func (s *netView) InterfaceSetND6(ctx context.Context, name string, set, clear kernel.ND6Flags) error {
	return s.change(ctx, OpInterfaceSetND6, name, fmt.Sprintf("+%x -%x", set, clear), func(_ *network, _ *netStack, f *netIf) syscall.Errno {
		f.ND6 = f.ND6&^clear | set
		return 0
	})
}

// Advertise lets a router tell the network of an interface in a stack that In has
// returned, with the address that the interface makes of it, and its route. As in the
// kernel, an interface without ACCEPT_RTADV takes nothing.
func Advertise(ctx context.Context, in kernel.Network, name string, p netip.Prefix, router netip.Addr) error {
	s, ok := in.(*netView)
	if !ok {
		return kernel.ErrUnsupported
	}
	return s.change(ctx, OpAddressAdd, name, p.String(), func(n *network, st *netStack, f *netIf) syscall.Errno {
		if f.ND6&kernel.ND6AcceptRtadv == 0 || f.ND6&kernel.ND6IfDisabled != 0 {
			return 0
		}
		if !slices.ContainsFunc(f.Addrs, func(a kernel.Address) bool { return a.Prefix.Addr() == p.Addr() }) {
			f.Addrs = append(f.Addrs, kernel.Address{Prefix: p, NoDAD: true})
			f.Autoconf = append(f.Autoconf, p.Addr())
		}
		route := kernel.Route{Dest: netip.PrefixFrom(netip.IPv6Unspecified(), 0), Gateway: router, Interface: name}
		if !slices.ContainsFunc(n.routes(st), func(r kernel.Route) bool { return r.Dest == route.Dest }) {
			st.Routes = append(st.Routes, route)
			n.k.dirty.put(st.key(), st)
		}
		return 0
	})
}

// AddressState implements [kernel.Network]. Detection of duplicates takes no time
// here: a duplicate is an address that another interface of the same bridge
// has, in any stack, if it was added with detection.
func (s *netView) AddressState(ctx context.Context, name string, addr netip.Addr) (kernel.AddressState, error) {
	var state kernel.AddressState
	err := s.change(ctx, OpAddressState, name, addr.String(), func(n *network, _ *netStack, f *netIf) syscall.Errno {
		if !addr.Is6() {
			return syscall.EINVAL
		}
		for _, a := range f.Addrs {
			if a.Prefix.Addr() == addr.WithZone("") {
				state.Duplicated = !a.NoDAD && n.duplicate(f, a.Prefix.Addr())
				state.Autoconf = slices.Contains(f.Autoconf, addr.WithZone(""))
				return 0
			}
		}
		return syscall.EADDRNOTAVAIL
	})
	return state, err
}

// link returns the bridge that an interface's frames reach, by its own or by its
// other end, or 0.
func (n *network) link(f *netIf) int {
	if f.Bridge != 0 {
		return f.Bridge
	}
	if f.Driver == "bridge" {
		return f.ID
	}
	if p := n.ifs[f.Peer]; p != nil {
		return p.Bridge
	}
	return 0
}

func (n *network) duplicate(f *netIf, addr netip.Addr) bool {
	link := n.link(f)
	if link == 0 {
		return false
	}
	for _, g := range n.ifs {
		if g == f || n.link(g) != link {
			continue
		}
		for _, a := range g.Addrs {
			if a.Prefix.Addr() == addr {
				return true
			}
		}
	}
	return false
}
