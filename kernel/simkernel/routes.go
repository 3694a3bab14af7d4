package simkernel

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/refusal"
)

// AddressAdd implements [kernel.Network]. As in the kernel, the first address marks
// the interface up.
func (s *netView) AddressAdd(ctx context.Context, name string, addr kernel.Address) error {
	return s.change(ctx, OpAddressAdd, name, addr.Prefix.String(), func(n *network, st *netStack, f *netIf) syscall.Errno {
		a := addr.Prefix.Addr()
		if !addr.Prefix.IsValid() || a.IsUnspecified() {
			return syscall.EINVAL
		}
		for i, have := range f.Addrs {
			switch {
			case have.Prefix.Addr() != a:
			case a.Is6() && have.Prefix != addr.Prefix:
				return syscall.EINVAL // an IPv6 address keeps its prefix length
			default: // set again, an IPv4 address perhaps with another mask
				f.Addrs[i] = addr
				return 0
			}
		}
		f.Addrs = append(f.Addrs, addr)
		f.If.Up = true
		return 0
	})
}

// AddressDelete implements [kernel.Network].
func (s *netView) AddressDelete(ctx context.Context, name string, addr netip.Addr) error {
	return s.change(ctx, OpAddressDelete, name, addr.String(), func(_ *network, st *netStack, f *netIf) syscall.Errno {
		for i, have := range f.Addrs {
			if have.Prefix.Addr() == addr {
				f.Addrs = slices.Delete(f.Addrs, i, i+1)
				f.Autoconf = slices.DeleteFunc(f.Autoconf, func(a netip.Addr) bool { return a == addr })
				return 0
			}
		}
		return syscall.EADDRNOTAVAIL
	})
}

// bridge makes a request to a bridge about a member.
func (s *netView) bridge(ctx context.Context, op, bridge, member, args string, fn func(n *network, b, m *netIf) syscall.Errno) error {
	return s.call(ctx, op, bridge+" "+member, bridge+" "+member+args, func(n *network, st *netStack) error {
		b, m := n.find(st, bridge), n.find(st, member)
		switch {
		case b == nil:
			return refusal.Interface(op, bridge, syscall.ENXIO)
		case b.Driver != "bridge":
			return refusal.Interface(op, bridge, syscall.EINVAL)
		case m == nil:
			return refusal.Interface(op, member, syscall.ENOENT)
		}
		if e := fn(n, b, m); e != 0 {
			return refusal.Interface(op, member, e)
		}
		n.touch(b)
		n.touch(m)
		return nil
	})
}

// BridgeAdd implements [kernel.Network].
func (s *netView) BridgeAdd(ctx context.Context, bridge, member string) error {
	return s.bridge(ctx, OpBridgeAdd, bridge, member, "", func(n *network, b, m *netIf) syscall.Errno {
		switch {
		case m.Bridge == b.ID:
			return syscall.EEXIST
		case m.Bridge != 0:
			return syscall.EBUSY
		case m == b || len(m.If.MAC) != 6 || m.Driver == "bridge":
			return syscall.EINVAL
		case len(b.Members) == 0:
			b.If.MTU = m.If.MTU
		case m.If.MTU != b.If.MTU && !s.v.s.rel.bridgeSetsMTU:
			return syscall.EINVAL
		}
		m.If.MTU = b.If.MTU
		m.Bridge = b.ID
		b.Members = append(b.Members, m.ID)
		return 0
	})
}

// BridgeDelete implements [kernel.Network].
func (s *netView) BridgeDelete(ctx context.Context, bridge, member string) error {
	return s.bridge(ctx, OpBridgeDelete, bridge, member, "", func(n *network, b, m *netIf) syscall.Errno {
		if m.Bridge != b.ID {
			return syscall.ENOENT
		}
		n.leave(m)
		return 0
	})
}

// BridgeMembers implements [kernel.Network].
func (s *netView) BridgeMembers(ctx context.Context, bridge string) ([]string, error) {
	var out []string
	err := s.call(ctx, OpBridgeMembers, bridge, bridge, func(n *network, st *netStack) error {
		b := n.find(st, bridge)
		switch {
		case b == nil:
			return refusal.Interface(OpBridgeMembers, bridge, syscall.ENXIO)
		case b.Driver != "bridge":
			return refusal.Interface(OpBridgeMembers, bridge, syscall.EINVAL)
		}
		for _, id := range b.Members {
			out = append(out, n.ifs[id].If.Name)
		}
		return nil
	})
	return out, err
}

// BridgeStatic implements [kernel.Network].
func (s *netView) BridgeStatic(ctx context.Context, bridge, member string, mac net.HardwareAddr) error {
	return s.bridge(ctx, OpBridgeStatic, bridge, member, " "+mac.String(), func(n *network, b, m *netIf) syscall.Errno {
		switch {
		case m.Bridge != b.ID:
			return syscall.ENOENT
		case len(mac) != 6:
			return syscall.EINVAL
		}
		for _, id := range b.Members { // an address belongs to one member
			o := n.ifs[id]
			o.Static = slices.DeleteFunc(o.Static, func(have string) bool { return have == mac.String() })
		}
		m.Static = append(m.Static, mac.String())
		return 0
	})
}

// routeCall checks what all calls about routes have in common.
func (s *netView) routeCall(ctx context.Context, op string, r kernel.Route, fn func(n *network, st *netStack, r kernel.Route) syscall.Errno) error {
	return s.call(ctx, op, r.Dest.String(), routeText(r), func(n *network, st *netStack) error {
		e := syscall.EINVAL
		switch {
		case s.v.jailed() && !s.v.me.VNET:
			e = syscall.EPERM
		case r.Dest.IsValid() && r.FIB == 0:
			r.Dest = r.Dest.Masked()
			e = fn(n, st, r)
		}
		if e != 0 {
			return refusal.Interface(op, routeText(r), e)
		}
		n.k.dirty.put(st.key(), st)
		return nil
	})
}

// onLink returns the interface that has the gateway in one of its prefixes.
func (n *network) onLink(st *netStack, gw netip.Addr) string {
	for _, f := range n.in(st) {
		for _, a := range f.Addrs {
			if f.If.Up && a.Prefix.Contains(gw.WithZone("")) {
				return f.If.Name
			}
		}
	}
	return ""
}

// RouteAdd implements [kernel.Network].
func (s *netView) RouteAdd(ctx context.Context, route kernel.Route) error {
	return s.routeCall(ctx, OpRouteAdd, route, func(n *network, st *netStack, r kernel.Route) syscall.Errno {
		if r.Interface == "" {
			if !r.Gateway.IsValid() || r.Gateway.Is4() != r.Dest.Addr().Is4() {
				return syscall.EINVAL
			}
			if r.Interface = n.onLink(st, r.Gateway); r.Interface == "" {
				return syscall.ENETUNREACH
			}
		} else if n.find(st, r.Interface) == nil {
			return syscall.ENXIO
		}
		for _, have := range n.routes(st) {
			if have.Dest == r.Dest {
				return syscall.EEXIST
			}
		}
		st.Routes = append(st.Routes, r)
		return 0
	})
}

// RouteDelete implements [kernel.Network].
func (s *netView) RouteDelete(ctx context.Context, route kernel.Route) error {
	return s.routeCall(ctx, OpRouteDelete, route, func(n *network, st *netStack, r kernel.Route) syscall.Errno {
		for i, have := range st.Routes {
			if have.Dest == r.Dest && (!r.Gateway.IsValid() || r.Gateway == have.Gateway) {
				st.Routes = slices.Delete(st.Routes, i, i+1)
				return 0
			}
		}
		return syscall.ESRCH
	})
}

// routes returns the routes of attached prefixes and those added.
func (n *network) routes(st *netStack) []kernel.Route {
	var out []kernel.Route
	for _, f := range n.in(st) {
		for _, a := range f.Addrs {
			// One for each prefix, however many interfaces have an address in it.
			dest := a.Prefix.Masked()
			if f.If.Up && !slices.ContainsFunc(out, func(r kernel.Route) bool { return r.Dest == dest }) {
				out = append(out, kernel.Route{Dest: dest, Interface: f.If.Name})
			}
		}
	}
	return append(out, st.Routes...)
}

// Routes implements [kernel.Network].
func (s *netView) Routes(ctx context.Context, fib int) ([]kernel.Route, error) {
	var out []kernel.Route
	err := s.call(ctx, OpRoutes, strconv.Itoa(fib), strconv.Itoa(fib), func(n *network, st *netStack) error {
		if fib != 0 {
			return refusal.Interface(OpRoutes, fmt.Sprint("fib ", fib), syscall.EINVAL)
		}
		out = n.routes(st)
		return nil
	})
	return out, err
}
