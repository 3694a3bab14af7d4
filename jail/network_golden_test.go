package jail_test

import (
	"context"
	"net/netip"
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// interfaceNamed finds an interface of a stack.
func interfaceNamed(t testing.TB, n kernel.Network, name string) kernel.Interface {
	t.Helper()
	list, err := n.Interfaces(context.Background())
	require.NoError(t, err)
	i := slices.IndexFunc(list, func(i kernel.Interface) bool { return i.Name == name })
	require.GreaterOrEqual(t, i, 0, "%s is not among %v", name, list)
	return list[i]
}

var fooProperties = map[string]string{
	"vnet": "yes", "interfaces": "vnet0:bridge0", "ip4_addr": "vnet0|192.0.2.5/24,vnet0|192.0.2.6/32", "defaultrouter": "192.0.2.1",
}

// TestVnetOfFoo is where libioc's commands for this jail end: ifconfig epair
// create, link, mtu, description, name, addm, up, vnet, inet, inet alias, lo0
// and route add default.
func TestVnetOfFoo(t *testing.T) {
	ctx := context.Background()
	h := netHost(t, func(o *simkernel.Options) { o.FirstJID = 7 })
	before := networkWorld(t, h)
	j := newJail(t, h, "foo", false, fooProperties)
	_, err := j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	id, err := j.Identity(ctx)
	require.NoError(t, err)

	outer := interfaceNamed(t, h.Sim, "vnet0.7")
	require.Equal(t, "02:ff:60:10:bf:1d", outer.MAC.String())
	require.Equal(t, 1500, outer.MTU)
	require.True(t, outer.Up)
	require.Contains(t, outer.Groups, "ioc")
	require.Equal(t, "ioc:ioc-foo:vnet0 02:ff:60:10:bf:1e", outer.Description)
	members, err := h.Sim.BridgeMembers(ctx, "bridge0")
	require.NoError(t, err)
	require.Equal(t, []string{"vnet0.7"}, members)

	inside := h.Sim.In(id)
	inner := interfaceNamed(t, inside, "vnet0")
	require.Equal(t, "02:ff:60:10:bf:1e", inner.MAC.String())
	require.Equal(t, 1500, inner.MTU)
	require.True(t, inner.Up)
	require.Equal(t, []string{"192.0.2.5/24", "192.0.2.6/32"}, addresses(t, inside, "vnet0"))
	require.Contains(t, addresses(t, inside, "lo0"), "127.0.0.1/8")
	require.True(t, interfaceNamed(t, inside, "lo0").Up)
	routes, err := inside.Routes(ctx, 0)
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(routes, func(r kernel.Route) bool {
		return r.Dest == netip.MustParsePrefix("0.0.0.0/0") && r.Gateway == netip.MustParseAddr("192.0.2.1")
	}), "%v", routes)

	_, err = j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	requireSame(t, before, networkWorld(t, h))
}

// A bridge whose members have another MTU is no bridge for the jail, also where
// the kernel would change the member's, and neither epair nor jail is left.
func TestBridgeRefusesMTU(t *testing.T) {
	for _, release := range []string{"13.2-RELEASE", "15.1-RELEASE"} {
		t.Run(release, func(t *testing.T) {
			ctx := context.Background()
			h := netHost(t, func(o *simkernel.Options) { o.Release = release })
			_, err := h.Sim.InterfaceCreate(ctx, "tap5")
			require.NoError(t, err)
			require.NoError(t, h.Sim.BridgeAdd(ctx, "bridge0", "tap5"))
			before := networkWorld(t, h)
			j := newJail(t, h, "foo", false, fooProperties)
			require.NoError(t, j.Config().Set("vnet0_mtu", "1400"))
			_, err = j.Start(ctx, jail.StartOptions{})
			require.ErrorIs(t, err, syscall.EINVAL)
			requireSame(t, before, networkWorld(t, h))
		})
	}
}

// A jail that ended and whose jid is another's now is told by its name.
func TestRecoverWithTheJIDOfAnother(t *testing.T) {
	ctx := context.Background()
	h := netHost(t)
	foo := newJail(t, h, "foo", false, fooProperties)
	_, err := foo.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	id, err := foo.Identity(ctx)
	require.NoError(t, err)
	require.NoError(t, h.Sim.JailRemove(ctx, id))
	_, err = h.Sim.JailSet(ctx, kernel.JailCreate, kernel.Int("jid", id.JID), kernel.String("name", "ioc-bar"), kernel.String("path", "/"), kernel.Bool("persist", true))
	require.NoError(t, err)
	interfaceNamed(t, h.Sim, hostEnd("vnet0", id))
	_, err = jail.Recover(ctx, h.Host)
	require.NoError(t, err)
	list, err := h.Sim.Interfaces(ctx)
	require.NoError(t, err)
	for _, i := range list {
		require.Empty(t, i.Description, i.Name)
	}
}
