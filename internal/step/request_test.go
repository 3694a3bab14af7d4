package step

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// TestShowBPF: the ruleset for bpf is made once, under a number that no other has, and
// applied to the jail's /dev.
func TestShowBPF(t *testing.T) {
	h := newHost(t)
	ctx := t.Context()
	makes(t, h, "zroot/web")
	show := ShowBPF{RootDataset: "zroot/web", Number: 40}
	dev := filepath.Join(mountedAt(t, h, "zroot/web"), "dev")
	require.NoError(t, os.Mkdir(dev, 0o755))
	_, err := h.Sim.Nmount(ctx, kernel.MountRequest{
		Type: "devfs", From: "devfs", Path: dev, Options: []kernel.MountOption{{Name: RulesetOption, Value: "4"}},
	})
	require.NoError(t, err)
	require.NoError(t, h.Sim.DevfsAddRule(ctx, 40, kernel.DevfsRule{Path: "mine", Unhide: true}))
	for _, op := range []string{simkernel.OpGetfsstat, simkernel.OpDevfsRules, simkernel.OpDevfsAdd, simkernel.OpDevfsApply} {
		restore := kernelFails(t, h, op)
		require.ErrorIs(t, perform(t, h, show).err, errProbe, op)
		restore()
	}
	for range 2 {
		h.Sim.ResetCalls()
		out := perform(t, h, show)
		require.NoError(t, out.err)
		require.Equal(t, 41, out.ended[0].(events.JailDevfsRuleset).Ruleset)
		rules, err := h.Sim.DevfsRules(ctx, 41)
		require.NoError(t, err)
		require.Equal(t, []kernel.DevfsRule{bpfRule}, rules)
		require.Equal(t, 1, called(h, simkernel.OpDevfsApply))
	}
	show.RootDataset = "zroot/nosuch"
	require.ErrorIs(t, perform(t, h, show).err, host.ErrNotMounted)
}

var leased = netip.MustParsePrefix("198.51.100.60/24")

// clientHost is a host whose jail has the interface tap0, for which the program dhclient
// gets an address and goes on in the background.
func clientHost(t testing.TB) (*simhost.Host, kernel.Identity) {
	t.Helper()
	var h *simhost.Host
	h, id, _ := networkJail(t, func(o *simhost.Options) {
		o.Programs["dhclient"] = func(ctx context.Context, p *simkernel.Process) int {
			if len(p.Argv) > 2 {
				p.Sleep(time.Hour)
				return 0
			}
			err := h.Sim.In(p.Jail).AddressAdd(ctx, p.Argv[1], kernel.Address{Prefix: leased})
			if err == nil {
				_, err = p.Start(true, p.Argv[0], "-d", p.Argv[1])
			}
			if err != nil {
				return 1
			}
			return 0
		}
	})
	require.NoError(t, h.Sim.InterfaceToVnet(t.Context(), "tap0", id))
	return h, id
}

// TestRequestAddress: a lease is told, and its client goes on. Without one the step fails
// unless the address is optional; that is told as well.
func TestRequestAddress(t *testing.T) {
	ask := func(nic string) RequestAddress {
		return RequestAddress{
			Key: NetKey{"ioc", "web"}, Jail: "ioc-web", Limit: time.Minute, NIC: network.NIC{Name: nic, DHCP: true},
		}
	}
	request := func(t *testing.T, h *simhost.Host, a RequestAddress) (events.VnetAddressRequest, performed) {
		out := perform(t, h, a)
		require.Len(t, out.ended, 1)
		return out.ended[0].(events.VnetAddressRequest), out
	}

	t.Run("lease", func(t *testing.T) {
		h, id := clientHost(t)
		for range 2 {
			e, out := request(t, h, ask("tap0"))
			require.NoError(t, out.err)
			require.Equal(t, leased.String(), e.Address)
			require.Empty(t, e.Message)
			list, err := clients(t.Context(), h.Sim, id)
			require.NoError(t, err)
			require.Len(t, list, 1)
		}
	})
	t.Run("none", func(t *testing.T) {
		h, id := clientHost(t)
		a := ask("tap7")
		_, out := request(t, h, a)
		var none *jailerr.AddressError
		require.ErrorAs(t, out.err, &none)
		require.Equal(t, "tap7", none.Interface)
		a.Optional = true
		e, out := request(t, h, a)
		require.NoError(t, out.err)
		require.Contains(t, e.Message, "tap7")
		list, err := clients(t.Context(), h.Sim, id)
		require.NoError(t, err)
		require.Empty(t, list)
	})
	t.Run("by rc", func(t *testing.T) {
		h, _ := clientHost(t)
		a := ask("tap0")
		a.RC = true
		_, out := request(t, h, a)
		require.NoError(t, out.err)
		require.Len(t, out.skipped(), 1)
		require.Zero(t, called(h, simkernel.OpRun))
	})
	t.Run("client cannot run", func(t *testing.T) {
		h, _ := clientHost(t)
		kernelFails(t, h, simkernel.OpRun)
		_, out := request(t, h, ask("tap0"))
		require.ErrorIs(t, out.err, errProbe)
	})
	t.Run("record cannot be read", func(t *testing.T) {
		h, _ := clientHost(t)
		a := ask("tap0")
		require.NoError(t, os.MkdirAll(a.Key.path(h.Host), 0o755))
		_, out := request(t, h, a)
		require.Error(t, out.err)
	})
}

// records writes down what a jail of this boot has of the host's network.
func records(t testing.TB, h *simhost.Host, name string, r netRecord) NetKey {
	t.Helper()
	key := NetKey{"ioc", name}
	boot, err := h.Sim.BootID(t.Context())
	require.NoError(t, err)
	r.Boot, r.Spec.Jail = boot, key.jail()
	require.NoError(t, key.write(t.Context(), h.Host, r))
	return key
}

// addressed gives an interface of the host an address.
func addressed(t testing.TB, n kernel.Network, a network.Alias) {
	t.Helper()
	require.NoError(t, n.AddressAdd(t.Context(), a.Interface, kernel.Address{Prefix: a.Prefix}))
}

func alias(prefix string) network.Alias {
	return network.Alias{Interface: "em0", Prefix: netip.MustParsePrefix(prefix)}
}

// TestLearnt: an address that was given is written down. One that the host or another
// jail has is refused where the jail must not have it.
func TestLearnt(t *testing.T) {
	ctx := context.Background()
	hosts, others, own, free := alias("192.0.2.1/24"), alias("192.0.2.50/24"), alias("192.0.2.51/24"), alias("192.0.2.60/24")
	newHost := func(t *testing.T) (*simhost.Host, NetKey) {
		h := newHost(t)
		addressed(t, h.Sim, hosts)
		records(t, h, "db", netRecord{Spec: network.Spec{Aliases: []network.Alias{others}}})
		return h, records(t, h, "web", netRecord{Spec: network.Spec{Aliases: []network.Alias{own}}})
	}
	for _, c := range []struct {
		name string
		got  []netip.Prefix
		err  error
	}{
		{"nothing", nil, nil},
		{"free", []netip.Prefix{free.Prefix}, nil},
		{"own", []netip.Prefix{own.Prefix}, nil},
		{"the host's", []netip.Prefix{free.Prefix, hosts.Prefix}, jailerr.ErrConfig},
		{"another jail's", []netip.Prefix{others.Prefix}, jailerr.ErrConfig},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, key := newHost(t)
			require.ErrorIs(t, nobodyElse(ctx, h.Host, key.jail(), c.got), c.err)
			secure := network.NIC{Name: "vnet0", Secure: network.SecureFull}
			if c.err != nil {
				require.ErrorIs(t, learn(ctx, h.Host, key, kernel.Identity{}, secure, c.got), c.err)
			}
			require.NoError(t, learn(ctx, h.Host, key, kernel.Identity{}, network.NIC{Name: "vnet0"}, c.got))
			r, ok, err := key.Read(h.Host)
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, c.got, r.Learnt["vnet0"])
		})
	}
	h, key := newHost(t)
	for _, op := range []string{simkernel.OpInterfaces, simkernel.OpBootID} {
		restore := kernelFails(t, h, op)
		require.ErrorIs(t, nobodyElse(ctx, h.Host, key.jail(), []netip.Prefix{free.Prefix}), errProbe)
		restore()
	}
}

// TestClients: the processes of dhclient(8) in a jail, and no others.
func TestClients(t *testing.T) {
	h, id := clientHost(t)
	client := process(t, h, id, "dhclient", "-d", "tap0")
	process(t, h, id, "sleeper")
	got, err := clients(t.Context(), h.Sim, id)
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.Contains(t, got, client.PID)
}
