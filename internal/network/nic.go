package network

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/kernel"
)

// Made is what has been begun for a nic and bears no mark yet: units of cloned
// interfaces, chosen and written down before they are made.
type Made struct {
	Clones []string `json:"clones,omitempty"` // such as epair4711
}

// maker makes one nic.
type maker struct {
	k     kernel.Kernel
	id    kernel.Identity
	jail  string
	nic   NIC
	was   NIC // what the nic was to be before
	names Names
	made  Made
	will  func(Made) error
	list  []kernel.Interface // of the host
	// inside are the interfaces of the jail.
	inside []kernel.Interface
}

// Ensured is what EnsureNIC has done.
type Ensured struct {
	Host    string // the name of the host's end
	Changed bool
	Made    bool // anew: what was inside is gone
	MTU     int  // bytes; that the jail's end is to have if it differs now, else 0
}

// EnsureNIC makes the epair of one nic and moves its end into the jail, or
// repairs any differences. Inside are the interfaces that the jail has: EnsureNIC
// runs nothing in the jail, because its caller holds a lock that other jails need.
// EnsureInside is to follow. Was is what the nic was to be before, if it was. Will is
// called before anything without a mark is made.
func EnsureNIC(ctx context.Context, k kernel.Kernel, id kernel.Identity, inside []kernel.Interface, jail string, n, was NIC, will func(Made) error) (done Ensured, err error) {
	m := &maker{k: k, id: id, inside: inside, jail: jail, nic: n, was: was, will: will}
	if m.list, err = k.Interfaces(ctx); err != nil {
		return done, err
	}
	m.names = FindNames(m.list, jail, n, id.JID)
	done.Host = m.names.Host
	if len(m.list) > 0 && len(owned(m.list, jail, n.Name)) > 0 {
		if err := m.leave(ctx); err != nil {
			return done, err
		}
		whole, err := m.whole(ctx)
		if err != nil {
			return done, err
		}
		if !whole {
			whole, done.MTU, err = m.repair(ctx)
			done.Changed = true
		}
		if err == nil && whole {
			changed, err := m.routed(ctx)
			done.Changed = done.Changed || changed
			return done, err
		}
		if err := RemoveNIC(ctx, k, jail, n.Name, Made{}); err != nil {
			return done, err
		}
		if m.list, err = k.Interfaces(ctx); err != nil {
			return done, err
		}
		m.names = FindNames(m.list, jail, n, id.JID)
	}
	return Ensured{Host: m.names.Host, Changed: true, Made: true}, m.make(ctx)
}

// leave takes the nic out of the bridge that it was to be in before.
func (m *maker) leave(ctx context.Context) error {
	if m.was.Bridge == "" || m.was.Bridge == m.nic.Bridge {
		return nil
	}
	return ignore.Err(m.k.BridgeDelete(ctx, m.was.Bridge, m.public()), kernel.ErrNotFound)
}

// host finds the host's end.
func (m *maker) host() (kernel.Interface, bool) {
	i, ok := byName(m.list, m.names.Host)
	if !ok {
		return i, false
	}
	return i, len(owned([]kernel.Interface{i}, m.jail, m.nic.Name)) > 0
}

// public is the interface that is a member of the configured bridge.
func (m *maker) public() string {
	if m.nic.Secure != "" {
		return m.names.A
	}
	return m.names.Host
}

// whole reports whether all is as it should be.
func (m *maker) whole(ctx context.Context) (bool, error) {
	i, ok := m.host()
	if !ok || !i.Up || i.MAC.String() != m.nic.HostMAC || i.MTU != m.mtu() {
		return false, nil
	}
	if m.nic.Bridge != "" {
		if p, ok := byName(m.list, m.public()); !ok || !p.Up {
			return false, nil
		}
		members, err := m.k.BridgeMembers(ctx, m.nic.Bridge)
		if err != nil || !slices.Contains(members, m.public()) {
			return false, err
		}
	}
	if m.nic.Secure != "" {
		members, err := m.k.BridgeMembers(ctx, m.names.Net)
		if errors.Is(err, kernel.ErrNotFound) {
			return false, nil
		}
		if err != nil || !slices.Contains(members, m.names.Host) || !slices.Contains(members, m.names.B) {
			return false, err
		}
	}
	return m.jailEnd(), nil
}

// jailEnd reports whether the jail's end exists, by its mark; its name is the jail's
// to change.
func (m *maker) jailEnd() bool { return len(marked(m.inside, m.jail, m.nic.Name)) > 0 }

// repair sets what can be set while both ends exist, and returns the MTU that is left
// to be set in the jail.
func (m *maker) repair(ctx context.Context) (done bool, mtu int, err error) {
	i, ok := m.host()
	if !ok || !m.jailEnd() || m.nic.Secure != "" {
		return false, 0, nil
	}
	if i.MTU != m.mtu() {
		mtu = m.mtu()
		if err := m.k.InterfaceSetMTU(ctx, i.Name, mtu); err != nil {
			return false, 0, err
		}
	}
	if i.MAC.String() != m.nic.HostMAC {
		return false, 0, nil
	}
	if err := m.join(ctx, m.nic.Bridge, i.Name); err != nil {
		return false, 0, err
	}
	if m.nic.Static && m.nic.Bridge != "" {
		if err := m.static(ctx); err != nil {
			return false, 0, err
		}
	}
	return true, mtu, m.k.InterfaceSetUp(ctx, i.Name, true)
}

// mtu is the configured one, else the bridge's.
func (m *maker) mtu() int {
	b, _ := byName(m.list, m.nic.Bridge)
	return cmp.Or(m.nic.MTU, b.MTU, m.nic.DefaultMTU, 1500)
}

// clone makes an interface with a unit of our choice. The unit is far from
// those that anybody else gets and is written down first: what a crash leaves
// without a mark is found by it.
func (m *maker) clone(ctx context.Context, driver, what string) (string, error) {
	var begun Made
	name, err := createUnit(ctx, m.k, driver, m.jail+" "+m.nic.Name+" "+what, func(unit Made) error {
		begun.Clones = slices.Concat(m.made.Clones, unit.Clones)
		return m.will(begun)
	})
	if err == nil {
		m.made = begun
	}
	return name, err
}

// link sets what an interface of the host needs before it is used.
func (m *maker) link(ctx context.Context, name, mac string, mtu int) error {
	if err := m.k.InterfaceSetDescription(ctx, name, Description(m.jail, m.nic)); err != nil {
		return err
	}
	if mac != "" {
		hw, err := net.ParseMAC(mac)
		if err != nil {
			return err
		}
		if err := m.k.InterfaceSetMAC(ctx, name, hw); err != nil {
			return err
		}
	}
	return m.k.InterfaceSetMTU(ctx, name, mtu)
}

// up names an interface, puts it into the group and marks it up: an epair
// passes nothing while one end is down, and nothing inside would tell.
func (m *maker) up(ctx context.Context, name, to string) error {
	if err := m.k.InterfaceAddGroup(ctx, name, Group); err != nil && !errors.Is(err, kernel.ErrExists) {
		return err
	}
	if err := m.k.InterfaceRename(ctx, name, to); err != nil {
		return err
	}
	return m.k.InterfaceSetUp(ctx, to, true)
}

func (m *maker) join(ctx context.Context, bridge, member string) error {
	if bridge == "" {
		return nil
	}
	if err := m.fits(ctx, bridge, member); err != nil {
		return fmt.Errorf("bridge %s: %w", bridge, err)
	}
	if err := ignore.Err(m.k.BridgeAdd(ctx, bridge, member), kernel.ErrExists); err != nil {
		return fmt.Errorf("bridge %s: %w", bridge, err)
	}
	return nil
}

// fits refuses with EINVAL a configured MTU that the bridge does not have, as the
// kernel does up to FreeBSD 14. 15 changes the new member's, and the jail's end
// would keep another.
func (m *maker) fits(ctx context.Context, bridge, member string) error {
	b, ok := byName(m.list, bridge)
	if m.nic.MTU == 0 || !ok || b.MTU == m.nic.MTU {
		return nil
	}
	members, err := m.k.BridgeMembers(ctx, bridge)
	if err != nil || len(members) == 0 || slices.Contains(members, member) {
		return err
	}
	return &kernel.CallError{
		Op: "BRDGADD", Subject: bridge + " " + member, Errno: syscall.EINVAL,
		Msg: fmt.Sprintf("the MTU of its members is %d, not %d", b.MTU, m.nic.MTU),
	}
}

func (m *maker) make(ctx context.Context) error {
	mtu := m.mtu()
	a, err := m.clone(ctx, "epair", "epair")
	if err != nil {
		return err
	}
	b := strings.TrimSuffix(a, "a") + "b"
	if err := errors.Join(m.link(ctx, a, m.nic.HostMAC, mtu), m.link(ctx, b, m.nic.JailMAC, mtu)); err != nil {
		return err
	}
	if err := m.up(ctx, a, m.names.Host); err != nil {
		return err
	}
	if m.nic.Secure != "" {
		if err := m.secure(ctx, mtu); err != nil {
			return err
		}
	}
	if err := m.join(ctx, m.nic.Bridge, m.public()); err != nil {
		return err
	}
	if _, err := m.routed(ctx); err != nil {
		return err
	}
	if err := m.k.InterfaceToVnet(ctx, b, m.id); err != nil {
		return err
	}
	if m.nic.Static && m.nic.Bridge != "" {
		return m.static(ctx)
	}
	return nil
}

// routed gives the host's end of an epair without bridge the gateway's address.
// Another jail's end may have it too, with its connected route; then this one's
// addresses get routes of their own. What the nic was to have before and is not to have
// now is taken away.
func (m *maker) routed(ctx context.Context) (changed bool, err error) {
	did := func(e error) error {
		changed = changed || e == nil
		return e
	}
	host, _ := byName(m.list, m.names.Host)
	mine := func(i kernel.Interface) bool { return i.Name == m.names.Host }
	others := slices.DeleteFunc(slices.Clone(m.list), mine)
	gateways, addrs := m.nic.Gateways, m.nic.Addrs
	if m.nic.Bridge != "" {
		gateways, addrs = nil, nil
	}
	for _, old := range m.was.Gateways {
		kept := slices.ContainsFunc(gateways, func(g netip.Prefix) bool { return g.Addr() == old.Addr() })
		if _, there := holder([]kernel.Interface{host}, old.Addr()); there && !kept {
			if err := did(m.k.AddressDelete(ctx, m.names.Host, old.Addr())); err != nil {
				return changed, err
			}
		}
	}
	var connected []netip.Prefix
	for _, g := range gateways {
		if i := slices.IndexFunc(host.Addrs, func(p netip.Prefix) bool { return p.Addr() == g.Addr() }); i >= 0 {
			connected = append(connected, host.Addrs[i])
			continue
		}
		if _, there := holder(others, g.Addr()); there {
			g = netip.PrefixFrom(g.Addr(), g.Addr().BitLen())
		}
		if err := did(m.k.AddressAdd(ctx, m.names.Host, kernel.Address{Prefix: g, NoDAD: g.Addr().Is6()})); err != nil {
			return changed, err
		}
		connected = append(connected, g)
	}
	var want []netip.Prefix
	for _, a := range addrs {
		if !slices.ContainsFunc(connected, func(p netip.Prefix) bool { return p.Contains(a.Addr()) }) {
			want = append(want, netip.PrefixFrom(a.Addr(), a.Addr().BitLen()))
		}
	}
	hadRoutes := m.was.Bridge == "" && len(m.was.Addrs) > 0
	if len(want) == 0 && !hadRoutes {
		return changed, nil
	}
	routes, err := m.k.Routes(ctx, 0)
	if err != nil {
		return changed, err
	}
	has := func(dest netip.Prefix) bool {
		return slices.ContainsFunc(routes, func(r kernel.Route) bool { return r.Dest == dest && r.Interface == m.names.Host })
	}
	for _, a := range m.was.Addrs {
		old := netip.PrefixFrom(a.Addr(), a.Addr().BitLen())
		if !slices.Contains(want, old) && has(old) {
			if err := did(m.k.RouteDelete(ctx, kernel.Route{Dest: old, Interface: m.names.Host})); err != nil {
				return changed, fmt.Errorf("route to %s: %w", old, err)
			}
		}
	}
	for _, dest := range want {
		if has(dest) {
			continue
		}
		if err := did(m.k.RouteAdd(ctx, kernel.Route{Dest: dest, Interface: m.names.Host})); err != nil {
			return changed, fmt.Errorf("route to %s: %w", dest.Addr(), err)
		}
	}
	return changed, nil
}

// secure makes the private bridge: public bridge, A, B, private bridge, host's
// end, jail's end. Its rules come first, while nothing can flow yet.
func (m *maker) secure(ctx context.Context, mtu int) error {
	if err := EnsureRules(ctx, m.k, m.jail, m.id.JID, m.nic, m.names, m.nic.Addrs); err != nil {
		return err
	}
	a, err := m.clone(ctx, "epair", "second epair")
	if err != nil {
		return err
	}
	b := strings.TrimSuffix(a, "a") + "b"
	if err := errors.Join(m.link(ctx, a, "", mtu), m.link(ctx, b, "", mtu)); err != nil {
		return err
	}
	bridge, err := m.clone(ctx, "bridge", "private bridge")
	if err != nil {
		return err
	}
	if err := m.k.InterfaceSetDescription(ctx, bridge, Description(m.jail, m.nic)); err != nil {
		return err
	}
	if err := errors.Join(m.up(ctx, a, m.names.A), m.up(ctx, b, m.names.B), m.up(ctx, bridge, m.names.Net)); err != nil {
		return err
	}
	return errors.Join(m.join(ctx, m.names.Net, m.names.Host), m.join(ctx, m.names.Net, m.names.B))
}

// static binds the jail's MAC address to its member, so that nobody takes over
// what is sent to it.
func (m *maker) static(ctx context.Context) error {
	mac, err := net.ParseMAC(m.nic.JailMAC)
	if err != nil {
		return err
	}
	if m.nic.Secure != "" {
		if err := m.k.BridgeStatic(ctx, m.names.Net, m.names.Host, mac); err != nil {
			return err
		}
	}
	return m.k.BridgeStatic(ctx, m.nic.Bridge, m.public(), mac)
}

// RemoveNIC takes away every interface of a jail's nic, and with the empty nic
// those of all, wherever its other end is: destroying the host's end takes the
// jail's end out of the jail's stack at once. What was made and bears no mark
// yet goes too, if nobody has begun to use it.
func RemoveNIC(ctx context.Context, k kernel.Kernel, jail, nic string, made Made) error {
	list, err := k.Interfaces(ctx)
	if err != nil {
		return err
	}
	var all error
	for _, i := range owned(list, jail, nic) {
		all = errors.Join(all, destroy(ctx, k, i.Name))
	}
	for _, unit := range made.Clones {
		for _, name := range []string{unit, unit + "a"} {
			if i, ok := byName(list, name); ok && i.Description == "" && !i.Up && len(i.Addrs) == 0 {
				all = errors.Join(all, destroy(ctx, k, name))
			}
		}
	}
	return all
}

// destroy leaves alone what is gone, and what was not cloned: it is not ours.
func destroy(ctx context.Context, k kernel.Network, name string) error {
	return ignore.Err(k.InterfaceDestroy(ctx, name), kernel.ErrNotFound, syscall.EINVAL)
}
