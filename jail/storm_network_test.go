package jail_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// netKinds are the kinds of network of the storm: what a jail begins with, and what Set
// changes while it runs. N is the jail's number.
var netKinds = []struct {
	base   map[string]string
	change []map[string]string
}{
	{map[string]string{"ip4_addr": "em0|192.0.2.%[1]d/24"}, []map[string]string{{"ip4_addr": "em0|192.0.2.%[1]d/24,em0|198.51.100.%[1]d/32"}, {"ip4_addr": "em0|192.0.2.%[1]d/24"}}},
	{map[string]string{"ip4_addr": "192.0.2.200/24"}, []map[string]string{{"ip4_addr": "em0|192.0.2.200/24"}, {"ip4_addr": "192.0.2.200/24"}}},
	{map[string]string{"ip4_addr": "AUTOIP4"}, []map[string]string{{"ip4_addr": "AUTOIP4,em0|198.51.100.%[1]d/32"}, {"ip4_addr": "AUTOIP4"}}},
	{map[string]string{"ip4_addr": "em0|192.0.2.%[1]d/24", "user.forwards": "8080:80", "user.nat": "yes"}, []map[string]string{{"user.forwards": "9%03[1]d:80"}, {"user.forwards": "8080:80"}, {"user.nat": "none"}}},
	{map[string]string{"vnet": "yes", "interfaces": "vnet0:bridge0", "ip4_addr": "vnet0|10.0.0.%[1]d/24"}, []map[string]string{{"interfaces": "vnet0:none", "defaultrouter": "10.0.0.1"}, {"interfaces": "vnet0:bridge0"}, {"ip4_addr": "vnet0|10.0.1.%[1]d/24,lo0|127.0.1.1/32"}, {"ip4_addr": "vnet0|10.0.0.%[1]d/24"}}},
	{map[string]string{"vnet": "yes", "interfaces": "vnet0:none", "ip4_addr": "vnet0|10.2.0.%[1]d/24", "defaultrouter": "10.2.0.1"}, []map[string]string{{"ip4_addr": "vnet0|10.2.0.%[1]d/32,vnet0|10.2.1.%[1]d/32"}, {"ip4_addr": "vnet0|10.2.0.%[1]d/24"}}},
	{map[string]string{"vnet": "yes", "interfaces": "vnet0::bridge0", "ip4_addr": "vnet0|10.0.0.%[1]d/24"}, []map[string]string{{"ip4_addr": "vnet0|10.0.2.%[1]d/24"}, {"ip4_addr": "vnet0|dhcp"}, {"ip4_addr": "vnet0|10.0.0.%[1]d/24"}}},
	{map[string]string{"vnet": "yes", "interfaces": "vnet0:bridge0", "ip4_addr": "vnet0|dhcp"}, []map[string]string{{"ip4_addr": "vnet0|10.0.3.%[1]d/24"}, {"ip4_addr": "vnet0|dhcp"}}},
	{map[string]string{"vnet": "yes", "interfaces": "vnet0:bridge0", "ip6_addr": "vnet0|accept_rtadv"}, []map[string]string{{"ip6_addr": "vnet0|2001:db8:9::%[1]d/64"}, {"ip6_addr": "vnet0|accept_rtadv"}}},
	{map[string]string{"vnet": "yes", "interfaces": "vnet0:jailnet", "ip4_addr": "vnet0|10.4.0.%[1]d/24", "user.network.bridge": "create", "vnet_default_interface": "em0.42"}, []map[string]string{{"interfaces": "vnet0:bridge0"}, {"interfaces": "vnet0:jailnet"}}},
}

func numbered(properties map[string]string, n int) map[string]string {
	out := map[string]string{}
	for key, value := range properties {
		if strings.Contains(value, "%") {
			value = fmt.Sprintf(value, n)
		}
		out[key] = value
	}
	return out
}

// netStorm is one storm: the jails, and what was found wrong.
type netStorm struct {
	t     *testing.T
	h     *simhost.Host
	quiet sync.RWMutex // held for reading by an operation
	mu    sync.Mutex
	wrong []string
	count map[string]int
}

func (s *netStorm) find(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.wrong) < 10 {
		s.wrong = append(s.wrong, fmt.Sprintf(format, args...))
	}
}

// act does one operation on one jail.
func (s *netStorm) act(ctx context.Context, r *rand.Rand) (string, error) {
	n := r.IntN(stormJails)
	j, err := jail.Load(ctx, s.h.Host, fmt.Sprintf("j%d", n))
	if err != nil {
		return "load", err
	}
	switch r.IntN(6) {
	case 0, 1:
		_, err = j.Start(ctx, jail.StartOptions{})
		return "start", err
	case 2:
		_, err = j.Stop(ctx, jail.StopOptions{})
		return "stop", err
	case 3:
		_, err = j.Restart(ctx, jail.RestartOptions{Shutdown: true})
		return "restart", err
	case 4:
		_, err = j.Sync(ctx, jail.SyncOptions{})
		return "sync", err
	}
	changes := netKinds[n%len(netKinds)].change
	_, err = j.Set(ctx, numbered(changes[r.IntN(len(changes))], 10+n), jail.SetOptions{})
	return "set", err
}

// byHand flushes, destroys or renames something of a jail.
func (s *netStorm) byHand(r *rand.Rand) {
	ctx := context.Background()
	k := s.h.Kernel
	list, err := k.Interfaces(ctx)
	if err != nil {
		s.find("by hand: %v", err)
	}
	var ends []string
	for _, nics := range network.HostEnds(list) {
		ends = slices.AppendSeq(ends, maps.Values(nics))
	}
	switch r.IntN(5) {
	case 0:
		rules, _ := k.IpfwRules(ctx, network.Set)
		for _, rule := range rules {
			_ = k.IpfwDelete(ctx, network.Set, rule.Number)
		}
	case 1:
		anchors, _ := k.PfAnchors(ctx, network.AnchorRoot)
		for _, a := range anchors {
			_ = k.PfFlush(ctx, a)
		}
	case 2:
		if len(ends) > 0 {
			_ = k.InterfaceDestroy(ctx, ends[r.IntN(len(ends))])
		}
	case 3:
		if len(ends) > 0 {
			_ = k.BridgeDelete(ctx, "bridge0", ends[r.IntN(len(ends))])
		}
	case 4:
		for p := range k.JailList(ctx, 0) {
			id, err := k.JailIdentify(ctx, 0, kernel.ByName(p.String("name")))
			if err == nil && r.IntN(5) == 0 {
				_ = k.In(id).InterfaceRename(ctx, "vnet0", "lan0")
				return
			}
		}
	}
}

// expectedOfNetworks are the errors that others' work explains.
var expectedOfNetworks = append(slices.Clone(expected), jail.ErrConfig, jail.ErrChanged, kernel.ErrNotFound, kernel.ErrExists, kernel.ErrStale)

// settled repairs every running jail and checks what must hold then.
func (s *netStorm) settled() {
	ctx := context.Background()
	if _, err := jail.Recover(ctx, s.h.Host); err != nil {
		s.find("recover: %v", err)
	}
	auto, macs, ports := map[netip.Addr]string{}, map[string]string{}, map[string]string{}
	for n := range stormJails {
		name := fmt.Sprintf("j%d", n)
		j, err := jail.Load(ctx, s.h.Host, name)
		require.NoError(s.t, err)
		if running, _ := j.Running(ctx); !running {
			continue
		}
		if _, err := j.Sync(ctx, jail.SyncOptions{}); err != nil {
			s.find("%s: sync: %v", name, err)
			continue
		}
		found, err := j.NetworkDifferences(ctx)
		if err != nil || len(found) > 0 {
			s.find("%s: %v %q", name, err, found)
		}
		if n%len(netKinds) == 2 {
			for _, a := range addressesOf(s.t, s.h, j) {
				if a.As4()[0] == 192 {
					if other := auto[a]; other != "" {
						s.find("%s and %s have %s", name, other, a)
					}
					auto[a] = name
				}
			}
		}
	}
	list, err := s.h.Kernel.Interfaces(ctx)
	require.NoError(s.t, err)
	for _, i := range list {
		if len(i.MAC) == 6 && strings.HasPrefix(i.Description, "ioc:") && !strings.HasSuffix(i.Name, ".a") && !strings.HasSuffix(i.Name, ".b") {
			if other := macs[i.MAC.String()]; other != "" {
				s.find("%s and %s have %s", i.Name, other, i.MAC)
			}
			macs[i.MAC.String()] = i.Name
		}
	}
	anchors, err := s.h.Kernel.PfAnchors(ctx, network.AnchorRoot)
	require.NoError(s.t, err)
	for _, a := range anchors {
		rules, err := s.h.Kernel.PfRules(ctx, a)
		require.NoError(s.t, err)
		for _, rule := range rules {
			if to, _, ok := strings.Cut(rule, " -> "); ok && strings.HasPrefix(rule, "rdr") {
				if other := ports[to]; other != "" {
					s.find("%s and %s have %q", a, other, to)
				}
				ports[to] = a
			}
		}
	}
}

// TestStormOfNetworks: jails with every kind of network are started, stopped, changed,
// repaired and restarted at once, while hands flush, destroy and rename. At each quiet
// moment nothing is left to do after a Sync, and no two jails share what must be their own.
func TestStormOfNetworks(t *testing.T) {
	t.Parallel()
	const goroutines = 16
	operations := 10_000
	if brief() {
		operations = 1000
	}
	seed := randomSeed(t)
	h := netHost(t)
	before := networkWorld(t, h)
	for n := range stormJails {
		j := newJail(t, h, fmt.Sprintf("j%d", n), false, numbered(netKinds[n%len(netKinds)].base, 10+n))
		addPrograms(t, j)
	}
	s := &netStorm{t: t, h: h, count: map[string]int{}}
	var next atomic.Int64
	over, stop := context.WithCancel(t.Context())
	defer stop()
	var hands, group sync.WaitGroup
	hands.Go(func() {
		r := rand.New(rand.NewPCG(seed, goroutines))
		for over.Err() == nil {
			s.quiet.RLock()
			s.byHand(r)
			s.quiet.RUnlock()
			time.Sleep(time.Duration(r.IntN(20_000)) * time.Microsecond)
		}
	})
	for g := range goroutines {
		group.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(g)))
			for {
				n := next.Add(1)
				if n > int64(operations) {
					return
				}
				ctx, cancel := impatient(r, 20)
				s.quiet.RLock()
				what, err := s.act(ctx, r)
				s.quiet.RUnlock()
				cancel()
				if _, none := errors.AsType[*jail.AddressError](err); !none && !isOneOf(err, expectedOfNetworks) { // its nic was destroyed
					s.find("%d. %s: %v", n, what, err)
				}
				if err == nil {
					s.mu.Lock()
					s.count[what]++
					s.mu.Unlock()
				}
				if n%500 == 0 {
					s.quiet.Lock()
					s.settled()
					s.quiet.Unlock()
				}
			}
		})
	}
	group.Wait()
	stop()
	hands.Wait()
	s.settled()
	for n := range stormJails {
		j, err := jail.Load(t.Context(), h.Host, fmt.Sprintf("j%d", n))
		require.NoError(t, err)
		if _, err := j.Stop(t.Context(), jail.StopOptions{}); err != nil && !errors.Is(err, jail.ErrNotRunning) {
			s.find("%s: stop: %v", j.Name(), err)
		}
	}
	require.Empty(t, strings.Join(s.wrong, "\n"), "repeat with %s=%d", chaosSeed, seed)
	requireSame(t, before, networkWorld(t, h))
	t.Logf("succeeded: %v", s.count)
	for _, what := range []string{"start", "stop", "restart", "sync", "set"} {
		require.NotZero(t, s.count[what], what)
	}
}
