package network

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/kernel"
)

// EnsureInside gives a nic its name, its MTU unless that is 0, and its addresses
// inside the jail and marks it up. Was is what the nic was to be before: the addresses
// and flags that it is not to have any more go, with what came from routers. Others, such
// as those of dhclient(8) or of the jail's root, are left alone. It reports whether
// anything was done.
func EnsureInside(ctx context.Context, in kernel.Network, jail string, n, was NIC, mtu int) (bool, error) {
	list, err := in.Interfaces(ctx)
	if err != nil {
		return false, err
	}
	ends := marked(list, jail, n.Name)
	if len(ends) == 0 {
		return false, &kernel.CallError{Op: "interface", Subject: n.Name, Msg: "is not in the jail", Err: kernel.ErrNotFound}
	}
	i, changed := ends[0], false
	did := func(err error) error {
		changed = changed || err == nil
		return err
	}
	if i.Name != n.Name {
		if err := did(in.InterfaceRename(ctx, i.Name, n.Name)); err != nil {
			return changed, err
		}
	}
	if mtu != 0 && i.MTU != mtu {
		if err := did(in.InterfaceSetMTU(ctx, n.Name, mtu)); err != nil {
			return changed, err
		}
	}
	if was.SLAAC && !n.SLAAC {
		if err := did(in.InterfaceSetND6(ctx, n.Name, 0, kernel.ND6AcceptRtadv)); err != nil {
			return changed, err
		}
		if err := dropAutoconf(ctx, in, n, i.Addrs); err != nil {
			return changed, err
		}
	}
	missing := slices.DeleteFunc(slices.Clone(n.Addrs), func(p netip.Prefix) bool { return slices.Contains(i.Addrs, p) })
	v6 := n.ipv6() && (!i.Up || n.SLAAC && !was.SLAAC || slices.ContainsFunc(missing, func(p netip.Prefix) bool { return p.Addr().Is6() }))
	if v6 {
		set := kernel.ND6NoDAD | kernel.ND6AutoLinkLocal
		if n.SLAAC {
			set = kernel.ND6AutoLinkLocal | kernel.ND6AcceptRtadv
		}
		if err := did(in.InterfaceSetND6(ctx, n.Name, set, kernel.ND6IfDisabled)); err != nil {
			return changed, err
		}
	}
	if !i.Up {
		if err := did(in.InterfaceSetUp(ctx, n.Name, true)); err != nil {
			return changed, err
		}
	}
	for _, p := range missing {
		for _, have := range i.Addrs { // with another length
			if have.Addr() == p.Addr() {
				if err := did(in.AddressDelete(ctx, n.Name, p.Addr())); err != nil {
					return changed, err
				}
			}
		}
		if err := did(in.AddressAdd(ctx, n.Name, kernel.Address{Prefix: p, NoDAD: p.Addr().Is6()})); err != nil {
			return changed, fmt.Errorf("address %s|%s: %w", n.Name, p, err)
		}
	}
	for _, p := range was.Addrs {
		if !slices.Contains(i.Addrs, p) || slices.ContainsFunc(n.Addrs, func(q netip.Prefix) bool { return q.Addr() == p.Addr() }) {
			continue
		}
		if err := did(in.AddressDelete(ctx, n.Name, p.Addr())); err != nil && !errors.Is(err, kernel.ErrNotFound) {
			return changed, err
		}
	}
	if v6 && !n.SLAAC {
		return changed, in.InterfaceSetND6(ctx, n.Name, 0, kernel.ND6NoDAD)
	}
	return changed, nil
}

// dropAutoconf removes the addresses that were made from router advertisements.
func dropAutoconf(ctx context.Context, in kernel.Network, n NIC, addrs []netip.Prefix) error {
	for _, p := range addrs {
		static := slices.ContainsFunc(n.Addrs, func(s netip.Prefix) bool { return s.Addr() == p.Addr() })
		if !p.Addr().Is6() || p.Addr().IsLinkLocalUnicast() || static {
			continue
		}
		state, err := in.AddressState(ctx, n.Name, p.Addr())
		if err == nil && state.Autoconf {
			err = in.AddressDelete(ctx, n.Name, p.Addr())
		}
		if err = ignore.Err(err, kernel.ErrNotFound); err != nil {
			return err
		}
	}
	return nil
}

// EnsureLoopback configures lo0, which is down and without addresses in a new
// stack. Was are the addresses that it was to have before.
func EnsureLoopback(ctx context.Context, in kernel.Network, addrs, was []netip.Prefix) error {
	list, err := in.Interfaces(ctx)
	if err != nil {
		return err
	}
	lo, _ := byName(list, "lo0")
	ready := lo.Up
	has := func(list []netip.Prefix, addr netip.Addr) bool {
		return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Addr() == addr })
	}
	for _, p := range was {
		if !has(addrs, p.Addr()) && has(lo.Addrs, p.Addr()) {
			if err := ignore.Err(in.AddressDelete(ctx, "lo0", p.Addr()), kernel.ErrNotFound); err != nil {
				return fmt.Errorf("address lo0|%s: %w", p, err)
			}
		}
	}
	for _, p := range addrs {
		if has(lo.Addrs, p.Addr()) {
			continue
		}
		if err := in.AddressAdd(ctx, "lo0", kernel.Address{Prefix: p}); err != nil {
			return fmt.Errorf("address lo0|%s: %w", p, err)
		}
		ready = false
	}
	if ready {
		return nil
	}
	return in.InterfaceSetUp(ctx, "lo0", true)
}

// EnsureRoutes sets routes inside the jail; one that is there with another
// gateway is replaced.
func EnsureRoutes(ctx context.Context, in kernel.Network, routes []Route) error {
	for _, r := range routes {
		route := r.kernel()
		err := in.RouteAdd(ctx, route)
		if errors.Is(err, kernel.ErrExists) {
			old := kernel.Route{Dest: route.Dest, FIB: route.FIB}
			if err = ignore.Err(in.RouteDelete(ctx, old), kernel.ErrNotFound); err == nil {
				err = in.RouteAdd(ctx, route)
			}
		}
		if err != nil {
			return fmt.Errorf("route %s: %w", r, err)
		}
	}
	return nil
}

// RemoveRoutes takes routes away.
func RemoveRoutes(ctx context.Context, in kernel.Network, routes []Route) error {
	var all error
	for _, r := range routes {
		if err := in.RouteDelete(ctx, r.kernel()); err != nil && !errors.Is(err, kernel.ErrNotFound) {
			all = errors.Join(all, fmt.Errorf("route %s: %w", r, err))
		}
	}
	return all
}

func (r Route) kernel() kernel.Route {
	return kernel.Route{Dest: r.Dest, Gateway: r.Gateway, Interface: r.Interface, FIB: r.FIB}
}

// EnsureBridge makes a bridge with its uplink. Will is called before anything
// without a mark is made.
func EnsureBridge(ctx context.Context, k kernel.Network, b Bridge, will func(Made) error) (bool, error) {
	list, err := k.Interfaces(ctx)
	if err != nil {
		return false, err
	}
	changed := false
	if _, ok := byName(list, b.Name); !ok {
		name, err := createBridge(ctx, k, b.Name, will)
		if err != nil {
			return false, err
		}
		if err := k.InterfaceSetDescription(ctx, name, bridgeDescription); err != nil {
			return true, err
		}
		if name != b.Name {
			if err := k.InterfaceRename(ctx, name, b.Name); err != nil {
				return true, err
			}
		}
		changed = true
	}
	if err := k.InterfaceSetUp(ctx, b.Name, true); err != nil || b.Uplink == "" {
		return changed, err
	}
	if err := ensureVLAN(ctx, k, list, b.Uplink, will); err != nil {
		return changed, err
	}
	if err := k.BridgeAdd(ctx, b.Name, b.Uplink); err != nil && !errors.Is(err, kernel.ErrExists) {
		return changed, fmt.Errorf("bridge %s: %w", b.Name, err)
	}
	return changed, nil
}

// ensureVLAN makes em0.42 when there is no such interface.
func ensureVLAN(ctx context.Context, k kernel.Network, list []kernel.Interface, uplink string, will func(Made) error) error {
	if _, ok := byName(list, uplink); ok {
		return nil
	}
	parent, tag, ok := vlanOf(uplink)
	if !ok {
		return &kernel.CallError{Op: "interface", Subject: uplink, Msg: "does not exist", Err: kernel.ErrNotFound}
	}
	name, err := createUnit(ctx, k, "vlan", uplink, will)
	if err != nil {
		return err
	}
	if err := k.InterfaceSetDescription(ctx, name, bridgeDescription); err != nil {
		return err
	}
	if err := k.InterfaceSetVLAN(ctx, name, kernel.VLAN{Parent: parent, Tag: uint16(tag)}); err != nil {
		return err
	}
	if err := k.InterfaceRename(ctx, name, uplink); err != nil {
		return err
	}
	return k.InterfaceSetUp(ctx, uplink, true)
}

// createBridge makes a bridge, under its name if that is a unit's.
func createBridge(ctx context.Context, k kernel.Network, name string, will func(Made) error) (string, error) {
	if _, isUnit := unitOf(name, "bridge"); !isUnit {
		return createUnit(ctx, k, "bridge", name, will)
	}
	if err := will(Made{[]string{name}}); err != nil {
		return "", err
	}
	return k.InterfaceCreate(ctx, name)
}

// createUnit makes an interface with a unit of our choice that is free.
func createUnit(ctx context.Context, k kernel.Network, driver, text string, will func(Made) error) (string, error) {
	h := fnv.New32a()
	h.Write([]byte(text))
	return tryUnits(h.Sum32(), driver, func(unit string) (string, error) {
		if err := will(Made{[]string{unit}}); err != nil {
			return "", err
		}
		return k.InterfaceCreate(ctx, unit)
	})
}

// tryUnits calls create with one unit after the other until one is not taken.
func tryUnits(hash uint32, driver string, create func(unit string) (string, error)) (string, error) {
	const units = maxUnit + 1 - firstUnit
	for n := range uint32(1000) {
		name, err := create(driver + strconv.Itoa(firstUnit+int((hash+n)%units)))
		if !errors.Is(err, kernel.ErrExists) {
			return name, err
		}
	}
	return "", &kernel.CallError{Op: "SIOCIFCREATE2", Subject: driver, Errno: syscall.EEXIST, Msg: "no unit is free", Err: kernel.ErrExists}
}

func unitOf(name, driver string) (int, bool) {
	number, ok := strings.CutPrefix(name, driver)
	n, isNumber := decimal(number, maxUnit)
	return n, ok && isNumber
}

// RemoveBridge destroys a bridge that was made on request once nothing but its
// uplink is left in it, and the vlan(4) that was made for it.
func RemoveBridge(ctx context.Context, k kernel.Network, b Bridge, made Made) error {
	list, err := k.Interfaces(ctx)
	if err != nil {
		return err
	}
	var all error
	if i, ok := byName(list, b.Name); ok && i.Description == bridgeDescription && slices.Contains(i.Groups, "bridge") {
		members, err := k.BridgeMembers(ctx, b.Name)
		if err != nil && !errors.Is(err, kernel.ErrNotFound) {
			return err
		}
		if slices.ContainsFunc(members, func(m string) bool { return m != b.Uplink }) {
			return nil
		}
		all = destroy(ctx, k, b.Name)
	}
	if i, ok := byName(list, b.Uplink); ok && i.Description == bridgeDescription && slices.Contains(i.Groups, "vlan") {
		all = errors.Join(all, destroy(ctx, k, b.Uplink))
	}
	for _, name := range made.Clones {
		if i, ok := byName(list, name); ok && !i.Up && (i.Description == "" || i.Description == bridgeDescription) {
			all = errors.Join(all, destroy(ctx, k, name))
		}
	}
	return all
}
