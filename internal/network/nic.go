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
	names Names
	made  Made
	will  func(Made) error
	list  []kernel.Interface // of the host
	// inside are the interfaces of the jail.
	inside []kernel.Interface
}

// EnsureNIC makes the epair of one nic and moves its end into the jail, or
// repairs any differences. Inside are the interfaces that the jail has: EnsureNIC
// runs nothing in the jail, because its caller holds a lock that other jails need.
// EnsureInside is to follow. Will is called before anything without a
// mark is made. It reports whether anything was done, and the MTU that the jail's end
// is to have if that differs now, else 0.
func EnsureNIC(ctx context.Context, k kernel.Kernel, id kernel.Identity, inside []kernel.Interface, jail string, n NIC, will func(Made) error) (changed bool, mtu int, err error) {
	m := &maker{k: k, id: id, inside: inside, jail: jail, nic: n, names: NamesOf(n, id.JID), will: will}
	if m.list, err = k.Interfaces(ctx); err != nil {
		return false, 0, err
	}
	if len(m.list) > 0 && len(owned(m.list, jail, n.Name)) > 0 {
		whole, err := m.whole(ctx)
		if err != nil || whole {
			return false, 0, err
		}
		if changed, mtu, err := m.repair(ctx); err == nil && changed {
			return true, mtu, nil
		}
		if err := RemoveNIC(ctx, k, jail, n.Name, Made{}); err != nil {
			return false, 0, err
		}
		if m.list, err = k.Interfaces(ctx); err != nil {
			return false, 0, err
		}
	}
	return true, 0, m.make(ctx)
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
	if err := m.routed(ctx); err != nil {
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
// addresses get routes of their own.
func (m *maker) routed(ctx context.Context) error {
	if m.nic.Bridge != "" {
		return nil
	}
	var connected []netip.Prefix
	for _, g := range m.nic.Gateways {
		if _, there := holder(m.list, g.Addr()); there {
			g = netip.PrefixFrom(g.Addr(), g.Addr().BitLen())
		}
		if err := m.k.AddressAdd(ctx, m.names.Host, kernel.Address{Prefix: g, NoDAD: g.Addr().Is6()}); err != nil {
			return err
		}
		connected = append(connected, g)
	}
	for _, a := range m.nic.Addrs {
		if slices.ContainsFunc(connected, func(p netip.Prefix) bool { return p.Contains(a.Addr()) }) {
			continue
		}
		route := kernel.Route{Dest: netip.PrefixFrom(a.Addr(), a.Addr().BitLen()), Interface: m.names.Host}
		if err := m.k.RouteAdd(ctx, route); err != nil {
			return fmt.Errorf("route to %s: %w", a.Addr(), err)
		}
	}
	return nil
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
