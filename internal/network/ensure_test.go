package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/host/fault"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// rig is a simulated host on which the jail ioc-web runs with a stack of its own.
type rig struct {
	*simkernel.Kernel
	t  *testing.T
	id kernel.Identity
	in kernel.Network
	// made is what the last ensure has begun to make.
	made Made
}

func newRig(t *testing.T) *rig {
	t.Helper()
	k, err := simkernel.New(simkernel.Options{
		Modules:   []string{"ipfw", "pf"},
		PfAnchors: []string{`nat-anchor "ioc/*" all`, `rdr-anchor "ioc/*" all`, `anchor "ioc/*" all`},
		Sysctls:   map[string]string{"net.link.ether.ipfw": "1", "net.link.bridge.ipfw": "1", "net.link.bridge.ipfw_arp": "1"},
	})
	require.NoError(t, err)
	r := &rig{Kernel: k, t: t}
	ctx := t.Context()
	for _, name := range []string{"bridge0", "bridge1"} {
		_, err := k.InterfaceCreate(ctx, name)
		require.NoError(t, err)
		require.NoError(t, k.InterfaceSetUp(ctx, name, true))
	}
	require.NoError(t, k.InterfaceSetMTU(ctx, "bridge1", 1400))
	require.NoError(t, k.AddressAdd(ctx, "em0", kernel.Address{Prefix: netip.MustParsePrefix("192.0.2.1/24")}))
	require.NoError(t, k.RouteAdd(ctx, kernel.Route{Dest: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("192.0.2.254")}))
	_, err = k.JailSet(ctx, kernel.JailCreate, kernel.String("name", "ioc-web"), kernel.String("path", t.TempDir()), kernel.Int("vnet", 1), kernel.Bool("persist", true))
	require.NoError(t, err)
	r.id, err = k.JailIdentify(ctx, 0, kernel.ByName("ioc-web"))
	require.NoError(t, err)
	r.in = k.In(r.id)
	return r
}

// spec is the network that a configuration asks for on a host as the rig is.
func (r *rig) spec(properties map[string]string) Spec {
	r.t.Helper()
	own := config.New()
	for key, value := range properties {
		require.NoError(r.t, own.Set(key, value), key)
	}
	list, err := r.Interfaces(r.t.Context())
	require.NoError(r.t, err)
	s, err := Compute(Input{
		Config: config.Effective{Own: own}, Name: "web", Jail: "ioc-web", HostUUID: "x",
		Interfaces: slices.DeleteFunc(list, func(i kernel.Interface) bool { return slices.Contains(i.Groups, Group) }),
		Routes:     func() ([]kernel.Route, error) { return r.Routes(r.t.Context(), 0) },
	})
	require.NoError(r.t, err)
	return s
}

func bridgeOf(s Spec, n NIC) (Bridge, bool) {
	i := slices.IndexFunc(s.Bridges, func(b Bridge) bool { return b.Name == n.Bridge })
	if i < 0 {
		return Bridge{}, false
	}
	return s.Bridges[i], true
}

func (r *rig) will(m Made) error {
	r.made.Clones = append(r.made.Clones, m.Clones...)
	return nil
}

// takeBack takes away what an ensure that has failed left without a mark.
func (r *rig) takeBack(s Spec) error {
	err := RemoveNIC(r.t.Context(), r, s.Jail, "-", r.made)
	for _, b := range s.Bridges {
		err = errors.Join(err, RemoveBridge(r.t.Context(), r, b, r.made))
	}
	return err
}

// ensure brings the network from one specification to another, in the order in which
// package step does.
func (r *rig) ensure(ctx context.Context, from, to Spec) error {
	old := map[string]NIC{}
	for _, n := range from.NICs {
		if slices.ContainsFunc(to.NICs, func(m NIC) bool { return m.Name == n.Name && m.Secure == n.Secure }) {
			old[n.Name] = n
			continue
		}
		if err := r.remove(ctx, from, n); err != nil {
			return err
		}
	}
	for _, n := range to.NICs {
		if b, ok := bridgeOf(to, n); ok {
			if _, err := EnsureBridge(ctx, r, b, r.will); err != nil {
				return err
			}
		}
		inside, err := r.in.Interfaces(ctx)
		if err != nil {
			return err
		}
		done, err := EnsureNIC(ctx, r, r.id, inside, to.Jail, n, old[n.Name], r.will)
		if err != nil {
			return err
		}
		was := old[n.Name]
		if done.Made {
			was = NIC{}
		}
		if _, err := EnsureInside(ctx, r.in, to.Jail, n, was, done.MTU); err != nil {
			return err
		}
		if n.Secure != "" {
			if err := EnsureRules(ctx, r, to.Jail, r.id.JID, n, FindNames(nil, "", n, r.id.JID), n.Addrs); err != nil {
				return err
			}
		}
	}
	gone := slices.DeleteFunc(slices.Clone(from.Routes), func(o Route) bool { return slices.Contains(to.Routes, o) })
	if err := RemoveRoutes(ctx, r.in, gone); err != nil {
		return err
	}
	for _, b := range from.Bridges {
		if !slices.ContainsFunc(to.Bridges, func(o Bridge) bool { return o.Name == b.Name }) {
			if err := RemoveBridge(ctx, r, b, Made{}); err != nil {
				return err
			}
		}
	}
	if err := EnsureLoopback(ctx, r.in, to.Loopback, from.Loopback); err != nil {
		return err
	}
	if err := EnsureRoutes(ctx, r.in, to.Routes); err != nil {
		return err
	}
	return EnsurePf(ctx, r, from, to)
}

func (r *rig) remove(ctx context.Context, s Spec, n NIC) error {
	err := errors.Join(RemoveNIC(ctx, r, s.Jail, n.Name, Made{}), RemoveRules(ctx, r, s.Jail, n.Name))
	if b, ok := bridgeOf(s, n); ok {
		err = errors.Join(err, RemoveBridge(ctx, r, b, Made{}))
	}
	return err
}

// called counts the calls of an operation.
func (r *rig) called(op string) (n int) {
	for _, c := range r.Calls() {
		if c.Op == op {
			n++
		}
	}
	return n
}

// index tells one interface of the host from another of the same name.
func (r *rig) index(name string) int {
	r.t.Helper()
	list, err := r.Interfaces(r.t.Context())
	require.NoError(r.t, err)
	i, ok := byName(list, name)
	require.True(r.t, ok, name)
	return i.Index
}

// TestChangeKeepsTheEpair: what can be set is set, also to another bridge and MTU; an epair
// that is made anew loses what the jail has learnt and added.
func TestChangeKeepsTheEpair(t *testing.T) {
	r := newRig(t)
	from, to := r.spec(networks["bridged"]), r.spec(networks["other addresses"])
	require.NoError(t, r.ensure(t.Context(), Spec{}, from))
	for _, change := range [][2]Spec{{from, to}, {to, from}} {
		zero, one := r.index(r.end("vnet0")), r.index(r.end("vnet1"))
		require.NoError(t, r.ensure(t.Context(), change[0], change[1]))
		require.Equal(t, zero, r.index(r.end("vnet0")))
		require.Equal(t, one, r.index(r.end("vnet1")))
	}
}

// TestMTUThatTheBridgeRefuses: the epair is taken away again, and nothing is left to name.
func TestMTUThatTheBridgeRefuses(t *testing.T) {
	r := newRig(t)
	require.NoError(t, r.ensure(t.Context(), Spec{}, r.spec(networks["bridged"])))
	s := r.spec(map[string]string{"vnet": "yes", "interfaces": "vnet5:bridge1", "vnet5_mtu": "1500"})
	err := r.ensure(t.Context(), Spec{}, s)
	require.ErrorContains(t, err, "the MTU of its members is 1400, not 1500")
	require.ErrorIs(t, err, syscall.EINVAL)
}

// TestClonesWithoutAMark: what was begun goes; what has got a mark, an address or is up is
// somebody's.
func TestClonesWithoutAMark(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	clone := func(name string) string {
		made, err := r.InterfaceCreate(ctx, name)
		require.NoError(t, err)
		return made
	}
	clone("epair20000")
	clone("bridge20001")
	clone("bridge20002")
	clone("bridge20003")
	clone("bridge20004")
	require.NoError(t, r.InterfaceSetUp(ctx, "bridge20002", true))
	require.NoError(t, r.InterfaceSetDescription(ctx, "bridge20003", "mine"))
	require.NoError(t, r.AddressAdd(ctx, "bridge20004", kernel.Address{Prefix: netip.MustParsePrefix("10.9.9.9/24")}))
	require.NoError(t, r.InterfaceSetUp(ctx, "bridge20004", false))
	made := Made{Clones: []string{"epair20000", "bridge20001", "bridge20002", "bridge20003", "bridge20004", "bridge20005"}}
	require.NoError(t, RemoveNIC(ctx, r, "ioc-web", "-", made))
	list, err := r.Interfaces(ctx)
	require.NoError(t, err)
	var left []string
	for _, i := range list {
		if strings.HasPrefix(i.Name, "epair2") || strings.HasPrefix(i.Name, "bridge2") {
			left = append(left, i.Name)
		}
	}
	require.Equal(t, []string{"bridge20002", "bridge20003", "bridge20004"}, left)

	// Of a bridge on request that was never finished, those with our mark go too.
	require.NoError(t, r.InterfaceSetUp(ctx, "bridge20002", false))
	require.NoError(t, r.InterfaceSetDescription(ctx, "bridge20002", bridgeDescription))
	require.NoError(t, RemoveBridge(ctx, r, Bridge{Name: "none"}, made))
	list, err = r.Interfaces(ctx)
	require.NoError(t, err)
	_, ok := byName(list, "bridge20002")
	require.False(t, ok)
	_, ok = byName(list, "bridge20003")
	require.True(t, ok)
}

// lines are what both stacks have, one line each.
func (r *rig) lines() (out []string) {
	r.t.Helper()
	ctx := r.t.Context()
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for name, n := range map[string]kernel.Network{"host": r.Kernel, "jail": r.in} {
		list, err := n.Interfaces(ctx)
		require.NoError(r.t, err)
		for _, i := range list {
			slices.SortFunc(i.Addrs, netip.Prefix.Compare)
			slices.Sort(i.Groups)
			mac := i.MAC.String()
			if !strings.HasPrefix(mac, "02:ff:60") {
				mac = "" // the kernel makes one after the other
			}
			add("%s %s up=%v mtu=%d mac=%s %q %v %v", name, i.Name, i.Up, i.MTU, mac, i.Description, i.Groups, i.Addrs)
			if members, err := n.BridgeMembers(ctx, i.Name); err == nil {
				slices.Sort(members)
				add("%s %s of %v", name, i.Name, members)
			}
		}
		routes, err := n.Routes(ctx, 0)
		require.NoError(r.t, err)
		for _, o := range routes {
			add("%s route %s via %s %s", name, o.Dest, o.Gateway, o.Interface)
		}
	}
	rules, err := r.IpfwRules(ctx, Set)
	require.NoError(r.t, err)
	for _, o := range rules {
		add("ipfw %s // %s", o.Body, o.Comment)
	}
	pf, err := r.PfRules(ctx, Anchor("ioc-web"))
	require.NoError(r.t, err)
	for _, o := range pf {
		add("pf %s", o)
	}
	slices.Sort(out)
	return out
}

// requireWhole requires that nothing of the specification is missing.
func (r *rig) requireWhole(s Spec) {
	r.t.Helper()
	outside, inside, err := Differences(r.t.Context(), r, r.id, Record{Spec: s})
	require.NoError(r.t, err)
	require.Empty(r.t, slices.Concat(outside, inside))
}

// networks are those that the tests bring up and change.
var networks = map[string]map[string]string{
	"none": {"vnet": "yes"},
	"bridged": {"vnet": "yes", "interfaces": "vnet0:bridge0,vnet1:bridge1",
		"ip4_addr": "vnet0|10.0.0.5/24,vnet0|10.0.0.6/32,vnet1|10.1.0.5/24,lo0|127.0.1.1/32", "ip6_addr": "vnet0|2001:db8:1::5/64",
		"defaultrouter": "10.0.0.1", "user.network.routes": "203.0.113.0/24=10.0.0.9"},
	"other addresses": {"vnet": "yes", "interfaces": "vnet0:bridge0,vnet1:bridge0", "user.network.static": "no",
		"ip4_addr": "vnet0|10.0.0.7/24,vnet0|10.0.0.6/24,vnet1|10.1.0.6/24", "ip6_addr": "vnet0|2001:db8:1::6/64",
		"defaultrouter": "10.0.0.2", "user.network.routes": "203.0.113.0/24=10.0.0.10", "vnet0_mtu": "1500"},
	"routed": {"vnet": "yes", "interfaces": "vnet0:none,vnet1:none", "ip4_addr": "vnet0|10.2.0.5/24,vnet1|10.3.0.5/32", "ip6_addr": "vnet0|2001:db8:2::5/64",
		"defaultrouter": "10.2.0.1@vnet0", "defaultrouter6": "2001:db8:2::1@vnet0", "user.nat": "yes", "user.forwards": "8080:80"},
	"routed otherwise":  {"vnet": "yes", "interfaces": "vnet0:none", "ip4_addr": "vnet0|10.2.0.6/32", "defaultrouter": "10.9.0.1@vnet0", "user.forwards": "8081:80"},
	"bridge on request": {"vnet": "yes", "interfaces": "vnet0:jailnet", "user.network.bridge": "create", "vnet_default_interface": "em0.42", "ip4_addr": "vnet0|10.4.0.5/24"},
	"bridge by its unit": {"vnet": "yes", "interfaces": "vnet0:bridge7,vnet1:bridge7", "user.network.bridge": "create", "vnet_default_interface": "none",
		"ip4_addr": "vnet0|10.4.0.5/24,vnet1|10.5.0.5/24"},
	"secure":           {"vnet": "yes", "interfaces": "vnet0::bridge0,vnet1::bridge1", "ip4_addr": "vnet0|10.0.0.5/24,vnet1|10.1.0.5/24", "ip6_addr": "vnet0|2001:db8:1::5/64"},
	"secure as libioc": {"vnet": "yes", "interfaces": "vnet0::bridge0", "user.network.secure": "libioc", "ip4_addr": "vnet0|10.0.0.5/24"},
	"advertised":       {"vnet": "yes", "interfaces": "vnet0:bridge0", "ip4_addr": "vnet0|10.0.0.5/24", "ip6_addr": "vnet0|accept_rtadv"},
}

// TestEnsureFromAnyToAny: whatever the jail had before, it has exactly what it is to have
// afterwards; again changes nothing; and without a network the host is as it was.
func TestEnsureFromAnyToAny(t *testing.T) {
	for to, wanted := range networks {
		fresh := newRig(t)
		empty := fresh.lines()
		none := fresh.spec(networks["none"])
		require.NoError(t, fresh.ensure(t.Context(), none, none))
		bare := fresh.lines()
		spec := fresh.spec(wanted)
		require.NoError(t, fresh.ensure(t.Context(), Spec{}, spec), to)
		want := fresh.lines()
		fresh.requireWhole(spec)
		if to != "none" {
			require.NotEqual(t, empty, want, to)
		}
		for from, had := range networks {
			t.Run(from+" to "+to, func(t *testing.T) {
				r := newRig(t)
				before, after := r.spec(had), r.spec(wanted)
				require.NoError(t, r.ensure(t.Context(), Spec{}, before))
				require.NoError(t, r.ensure(t.Context(), before, after))
				r.requireWhole(after)
				require.Equal(t, want, r.lines())
				require.NoError(t, r.ensure(t.Context(), after, after))
				require.Equal(t, want, r.lines(), "again")
				require.NoError(t, r.ensure(t.Context(), after, none))
				require.Equal(t, bare, r.lines(), "without a network")
			})
		}
	}
}

// operations are those of the kernel that change a network.
var operations = []string{
	simkernel.OpInterfaces, simkernel.OpInterfaceCreate, simkernel.OpInterfaceDestroy, simkernel.OpInterfaceRename, simkernel.OpInterfaceSetUp,
	simkernel.OpInterfaceSetMTU, simkernel.OpInterfaceSetMAC, simkernel.OpInterfaceSetDescription, simkernel.OpInterfaceSetVLAN, simkernel.OpInterfaceAddGroup,
	simkernel.OpInterfaceToVnet, simkernel.OpInterfaceSetND6, simkernel.OpAddressAdd, simkernel.OpAddressDelete, simkernel.OpAddressState,
	simkernel.OpBridgeAdd, simkernel.OpBridgeDelete, simkernel.OpBridgeMembers, simkernel.OpBridgeStatic, simkernel.OpRouteAdd, simkernel.OpRouteDelete, simkernel.OpRoutes,
	simkernel.OpIpfwList, simkernel.OpIpfwAdd, simkernel.OpIpfwDelete, simkernel.OpPfLoad, simkernel.OpPfFlush, simkernel.OpPfKill,
}

// TestEnsureTellsEveryFailure lets each call of a change fail once: the error is told, and
// a second attempt brings what was wanted; or it is brought all the same.
func TestEnsureTellsEveryFailure(t *testing.T) {
	for _, change := range [][2]string{
		{"none", "bridged"}, {"bridged", "other addresses"}, {"routed", "routed otherwise"}, {"routed otherwise", "routed"}, {"none", "bridge on request"}, {"none", "bridge by its unit"},
		{"bridge on request", "bridged"}, {"bridged", "secure"}, {"secure", "routed"}, {"advertised", "bridged"}, {"bridged", "advertised"},
	} {
		for _, op := range operations {
			t.Run(change[0]+" to "+change[1]+"/"+op, func(t *testing.T) {
				for nth := 1; ; nth++ {
					r := newRig(t)
					from, to := r.spec(networks[change[0]]), r.spec(networks[change[1]])
					require.NoError(t, r.ensure(t.Context(), Spec{}, from))
					failure := errors.New("failure")
					remove := r.Fail(t, fault.Fault{Op: op, Nth: nth, Err: failure})
					r.ResetCalls()
					err := r.ensure(t.Context(), from, to)
					remove()
					if r.called(op) < nth {
						require.NoError(t, err)
						break
					}
					if err == nil { // of a repair: the nic was made anew
						r.requireWhole(to)
						continue
					}
					require.ErrorIs(t, err, failure, "call %d", nth)
					require.NoError(t, r.takeBack(to))
					require.NoError(t, r.ensure(t.Context(), from, to), "after call %d", nth)
					r.requireWhole(to)
				}
			})
		}
	}
}
