package jail_test

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// rcDHCP has rc(8) of a jail run dhclient(8) on vnet0.
func rcDHCP(t *testing.T, j *jail.Jail) {
	t.Helper()
	root, err := j.RootPath(t.Context())
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(root, "etc"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "etc/rc.conf"), []byte("ifconfig_vnet0=\"DHCP\"\n"), 0o644))
}

// dhclient runs dhclient(8) on vnet0 as rc(8) of the jail does.
func (s stack) dhclient() {
	s.t.Helper()
	_, err := kernel.Run(s.t.Context(), s.h.Kernel, 5*time.Second, kernel.Command{
		Jail: s.id, Argv: []string{"/sbin/dhclient", "vnet0"}, Env: []string{"PATH=/sbin"},
	})
	require.NoError(s.t, err)
}

// allowed reports whether a rule of Secure VNET names an address.
func (s stack) allowed(addr string) bool {
	s.t.Helper()
	return slices.ContainsFunc(rulesOf(s.t, s.h), func(r kernel.IpfwRule) bool { return hasWord(r.Body, addr) })
}

// TestLeaseOfAnotherJailsAddress: the jail's root owns dhclient(8) and could set another
// jail's address: it was taken for the lease, and the rules of Secure VNET let it pass.
func TestLeaseOfAnotherJailsAddress(t *testing.T) {
	h, j := withNet(t, map[string]string{"vnet": "yes", "interfaces": "vnet0::bridge0", "ip4_addr": "vnet0|dhcp"})
	ctx := t.Context()
	s := stackOf(t, h, j)
	require.True(t, s.allowed(dhcpAddress.Addr().String()))
	other := newJail(t, h, "db", false, map[string]string{"vnet": "yes", "interfaces": "vnet0:bridge0", "ip4_addr": "vnet0|10.0.0.5/24"})
	start(t, other)
	in := h.Sim.In(s.id)
	require.NoError(t, in.AddressDelete(ctx, "vnet0", dhcpAddress.Addr()))
	require.NoError(t, in.AddressAdd(ctx, "vnet0", kernel.Address{Prefix: netip.MustParsePrefix("10.0.0.5/24")}))
	_, err := j.Sync(ctx, jail.SyncOptions{})
	require.ErrorIs(t, err, jail.ErrConfig)
	require.ErrorContains(t, err, "10.0.0.5")
	require.NotEmpty(t, rulesOf(t, h))
	require.False(t, s.allowed("10.0.0.5"))
}

// TestSyncRunsAClientThatWasKilled: Sync left a jail without its dhclient(8) as long as the
// address was set, and the lease ran out.
func TestSyncRunsAClientThatWasKilled(t *testing.T) {
	h, j := withNet(t, map[string]string{"vnet": "yes", "interfaces": "vnet0:bridge0", "ip4_addr": "vnet0|dhcp"})
	ctx := t.Context()
	s := stackOf(t, h, j)
	require.Equal(t, 1, s.clients())
	list, err := h.Sim.ProcessList(ctx, s.id.JID)
	require.NoError(t, err)
	for _, p := range list {
		if p.Command == "dhclient" {
			require.NoError(t, h.Sim.ProcessSignal(ctx, p, 9))
		}
	}
	require.Eventually(t, func() bool { return s.clients() == 0 }, 5*time.Second, time.Millisecond)
	_, err = j.Sync(ctx, jail.SyncOptions{})
	require.NoError(t, err)
	require.Equal(t, 1, s.clients())
	require.Equal(t, []string{dhcpAddress.String()}, s.inside("vnet0"))
}

// TestLeaseThatRCAskedFor: a nic whose client rc(8) of the jail had run stayed without
// client and address when it was made anew, and kept both when it became static.
func TestLeaseThatRCAskedFor(t *testing.T) {
	ctx := t.Context()
	h, j, s := rcJail(t, "vnet0:bridge0")
	require.Zero(t, s.clients())
	s.dhclient()
	require.Equal(t, 1, s.clients())
	require.NoError(t, h.Sim.InterfaceDestroy(ctx, hostEnd("vnet0", s.id)))
	_, err := j.Sync(ctx, jail.SyncOptions{})
	require.NoError(t, err)
	require.Equal(t, []string{dhcpAddress.String()}, s.inside("vnet0"))
	require.Equal(t, 1, s.clients())

	_, err = j.Set(ctx, map[string]string{"ip4_addr": "vnet0|10.0.0.5/24"}, jail.SetOptions{LiveOnly: true})
	require.NoError(t, err)
	require.Equal(t, []string{"10.0.0.5/24"}, s.inside("vnet0"))
	require.Zero(t, s.clients())
}

// TestStaticAfterALeaseThatRCAskedFor: a lease that only rc(8) of the jail knew of stayed
// when the nic became static.
func TestStaticAfterALeaseThatRCAskedFor(t *testing.T) {
	ctx := t.Context()
	_, j, s := rcJail(t, "vnet0:bridge0")
	s.dhclient()
	require.Equal(t, []string{dhcpAddress.String()}, s.inside("vnet0"))
	_, err := j.Set(ctx, map[string]string{"ip4_addr": "vnet0|10.0.0.5/24"}, jail.SetOptions{LiveOnly: true})
	require.NoError(t, err)
	require.Equal(t, []string{"10.0.0.5/24"}, s.inside("vnet0"))
	require.Zero(t, s.clients())
}

// TestSecureLeaseWithRC: where rc(8) of the jail runs dhclient(8), nobody learnt the address,
// and no rule of Secure VNET let it pass.
func TestSecureLeaseWithRC(t *testing.T) {
	ctx := t.Context()
	_, j, s := rcJail(t, "vnet0::bridge0")
	require.Equal(t, []string{dhcpAddress.String()}, s.inside("vnet0"))
	require.True(t, s.allowed(dhcpAddress.Addr().String()))
	s.dhclient()
	_, err := j.Sync(ctx, jail.SyncOptions{})
	require.NoError(t, err)
	require.True(t, s.allowed(dhcpAddress.Addr().String()))
}

// rcJail starts a jail with one nic, whose rc.conf(5) has dhclient(8) run by rc(8).
func rcJail(t *testing.T, nic string) (*simhost.Host, *jail.Jail, stack) {
	t.Helper()
	h := netHost(t)
	j := newJail(t, h, "web", false, map[string]string{"vnet": "yes", "interfaces": nic, "ip4_addr": "vnet0|dhcp"})
	addPrograms(t, j)
	rcDHCP(t, j)
	start(t, j)
	return h, j, stackOf(t, h, j)
}

// TestEarlierClientStays: when another nic gets no lease only the client that was begun
// for it ends.
func TestEarlierClientStays(t *testing.T) {
	h := netHost(t, func(o *simkernel.Options) {
		answered := o.Programs["dhclient"]
		o.Programs["dhclient"] = func(ctx context.Context, p *simkernel.Process) int {
			if slices.Contains(p.Argv, "vnet1") { // no server there: on in the background
				p.Sleep(time.Hour)
				return 0
			}
			return answered(ctx, p)
		}
	})
	j := newJail(t, h, "web", false, map[string]string{
		"vnet": "yes", "interfaces": "vnet0:bridge0,vnet1:bridge0", "ip4_addr": "vnet0|dhcp,vnet1|dhcp",
		"user.network.dhcp": "optional", "user.network.dhcp_timeout": "0.3",
	})
	addPrograms(t, j)
	start(t, j)
	s := stackOf(t, h, j)
	require.Equal(t, 1, s.clients())
	require.Equal(t, []string{dhcpAddress.String()}, s.inside("vnet0"))
	require.Empty(t, s.inside("vnet1"))
}
