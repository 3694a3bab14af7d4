package step

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// networkJail is a host with the interface tap0, which has the given link address, and a
// running jail with a stack of its own.
func networkJail(t testing.TB, change ...func(*simhost.Options)) (h *simhost.Host, id kernel.Identity, mac string) {
	t.Helper()
	h = newHost(t, change...)
	makes(t, h, "zroot/web")
	id = runs(t, h, "ioc-web", "zroot/web", kernel.Jailsys("vnet", kernel.JailSysNew))
	_, err := h.Sim.InterfaceCreate(t.Context(), "tap0")
	require.NoError(t, err)
	tap, there := interfaceOf(t, h.Sim, "tap0")
	require.True(t, there)
	return h, id, tap.MAC.String()
}

func interfaceOf(t testing.TB, n kernel.Network, name string) (kernel.Interface, bool) {
	t.Helper()
	list, err := n.Interfaces(t.Context())
	require.NoError(t, err)
	for _, i := range list {
		if i.Name == name {
			return i, true
		}
	}
	return kernel.Interface{}, false
}

// TestMoveInterface: an interface of the host goes to the jail once, and comes home under
// its own name and without a mark of the jail's root.
func TestMoveInterface(t *testing.T) {
	h, id, mac := networkJail(t)
	ctx := t.Context()
	in := h.Sim.In(id)
	move := MoveInterface{Jail: id.Name, Interface: "tap0", MAC: mac}
	out := takeBack(t, h, func() {
		_ = in.InterfaceRename(ctx, "tap0", "mine")
		_ = in.InterfaceSetDescription(ctx, "mine", network.Description("ioc-other", network.NIC{Name: "vnet0"}))
	}, move)
	require.ErrorIs(t, out.err, errProbe)
	require.False(t, out.left)
	home, there := interfaceOf(t, h.Sim, "tap0")
	require.True(t, there)
	require.Empty(t, home.Description)

	for range 2 {
		require.NoError(t, perform(t, h, move).err)
		_, there = interfaceOf(t, in, "tap0")
		require.True(t, there)
	}
	move.Interface, move.MAC = "tap7", ""
	require.ErrorIs(t, perform(t, h, move).err, kernel.ErrNotFound)
	move.Jail = "ioc-nosuch"
	require.ErrorIs(t, perform(t, h, move).err, kernel.ErrNotFound)
}

// TestInterfaceComesHome: an interface that has another name by now gets its own back.
func TestInterfaceComesHome(t *testing.T) {
	h, _, mac := networkJail(t)
	ctx := t.Context()
	require.NoError(t, h.Sim.InterfaceRename(ctx, "tap0", "mine"))
	restore := kernelFails(t, h, simkernel.OpInterfaceRename)
	require.ErrorIs(t, moveBack(ctx, h.Sim, kernel.Identity{}, "tap0", mac), errProbe)
	restore()
	require.NoError(t, moveBack(ctx, h.Sim, kernel.Identity{}, "tap0", mac))
	_, there := interfaceOf(t, h.Sim, "tap0")
	require.True(t, there)
	require.NoError(t, moveBack(ctx, h.Sim, kernel.Identity{}, "tap7", ""), "it does not exist")
}

// TestVnetNodes: nodes are set in the jail's own stack. One that the kernel does not have
// is an error.
func TestVnetNodes(t *testing.T) {
	h, id, _ := networkJail(t)
	nodes := func(name string) VnetNodes {
		return VnetNodes{Jail: id.Name, Nodes: []kernel.SysctlValue{{Name: name, Value: 1}}}
	}
	require.NoError(t, perform(t, h, nodes("net.inet.ip.fw.enable")).err)
	require.Equal(t, 1, called(h, simkernel.OpVnetSysctl))
	require.ErrorIs(t, perform(t, h, nodes("net.nosuch")).err, kernel.ErrNotFound)
}

// TestBridgeOf: a nic is on the bridge of its name, if that is one to make.
func TestBridgeOf(t *testing.T) {
	spec := network.Spec{Bridges: []network.Bridge{{Name: "bridge0"}, {Name: "bridge1", Uplink: "em0"}}}
	require.Equal(t, &spec.Bridges[1], BridgeOf(spec, network.NIC{Bridge: "bridge1"}))
	require.Nil(t, BridgeOf(spec, network.NIC{Bridge: "bridge2"}))
}

// TestRemoveNetworkRemovesBridges: a bridge that was made for a jail goes with its network.
func TestRemoveNetworkRemovesBridges(t *testing.T) {
	h := newHost(t)
	ctx := t.Context()
	spec := network.Spec{Jail: "ioc-web", VNET: true, Bridges: []network.Bridge{{Name: "jailnet"}}}
	_, err := network.EnsureBridge(ctx, h.Sim, spec.Bridges[0], func(network.Made) error { return nil })
	require.NoError(t, err)
	_, there := interfaceOf(t, h.Sim, "jailnet")
	require.True(t, there)
	require.NoError(t, RemoveNetwork(ctx, h.Host, kernel.Identity{}, spec))
	_, there = interfaceOf(t, h.Sim, "jailnet")
	require.False(t, there)
}
