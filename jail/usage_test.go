package jail_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/fault"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/jail/fleet"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// TestUsageWithoutRacct: a kernel that does not count is no error.
func TestUsageWithoutRacct(t *testing.T) {
	h := openHost(t, simhost.Options{Kernel: func(o *simkernel.Options) { o.NoRACCT = true }})
	putPlain(t, h, "web", nil)
	id := up(t, h, "ioc-web")
	u, err := load(t, h, "web")[0].Usage(context.Background())
	require.NoError(t, err)
	require.Equal(t, id, u.Identity)
	require.False(t, u.Counted)
	require.True(t, u.Disk.Known)

	defer h.Sim.Fail(t, fault.Fault{Op: simkernel.OpJailGet, Err: errInjected})()
	_, err = unasked(h, "web").Usage(context.Background())
	require.ErrorIs(t, err, errInjected)
}

// unasked is a jail whose state is not asked for.
func unasked(h *simhost.Host, name string) *jail.Jail {
	j, err := jail.New(context.Background(), h.Host, jail.Spec{Name: name})
	if err != nil {
		panic(err)
	}
	return j
}

// TestUsageOfTheNetwork: each interface of a jail's own stack is counted as the
// jail sees it, and is that jail's only.
func TestUsageOfTheNetwork(t *testing.T) {
	h := newHost(t)
	ctx := context.Background()
	shared := newJail(t, h, "shared", false, nil)
	web := newJail(t, h, "web", false, map[string]string{"vnet": "on", "interfaces": "vnet0:bridge0,vnet1:bridge1", "user.network.bridge": "create"})
	db := newJail(t, h, "db", false, map[string]string{"vnet": "on", "interfaces": "vnet0:bridge0", "user.network.bridge": "create"})
	for _, j := range []*jail.Jail{shared, web, db} {
		start(t, j)
	}
	list, err := h.Sim.Interfaces(ctx)
	require.NoError(t, err)
	var n uint64
	want := map[string]map[string]jail.Traffic{"web": {}, "db": {}}
	for name, nics := range network.HostEnds(list) {
		for nic, end := range nics {
			n++
			require.NoError(t, h.Sim.Carry(kernel.InterfaceCounters{Name: end, ReceivedBytes: 100 * n, ReceivedPackets: n, SentBytes: 7 * n, SentPackets: 2 * n}))
			want[strings.TrimPrefix(name, "ioc-")][nic] = jail.Traffic{SentBytes: 100 * n, SentPackets: n, ReceivedBytes: 7 * n, ReceivedPackets: 2 * n}
		}
	}
	require.EqualValues(t, 3, n)
	for _, j := range []*jail.Jail{shared, web, db} {
		u, err := j.Usage(ctx)
		require.NoError(t, err)
		require.Equal(t, want[j.Name()], u.Network, j.Name())
	}
	for u, err := range fleet.Usages(ctx, h.Host) {
		require.NoError(t, err)
		require.Equal(t, want[u.Jail.Name()], u.Network, u.Jail.Name())
	}
	_, err = web.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	u, err := web.Usage(ctx)
	require.NoError(t, err)
	require.Nil(t, u.Network)
}
