package network

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/fault"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

func alias(nic, prefix string) Alias { return Alias{nic, netip.MustParsePrefix(prefix)} }

// TestAddAliases: what the host has is left alone, and each address is written down before
// it is added.
func TestAddAliases(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	var written [][]Alias
	will := func(added []Alias) error { written = append(written, added); return nil }
	one, two := alias("em0", "192.0.2.50/24"), alias("em0", "192.0.2.51/32")
	added, err := AddAliases(ctx, r, []Alias{alias("em0", "192.0.2.1/32"), one, two}, will)
	require.NoError(t, err)
	require.Equal(t, []Alias{one, two}, added)
	require.Equal(t, [][]Alias{{one}, {one, two}}, written)
	added, err = AddAliases(ctx, r, []Alias{one, two}, will)
	require.NoError(t, err)
	require.Empty(t, added)
	added, err = AddAliases(ctx, r, nil, will)
	require.NoError(t, err)
	require.Empty(t, added)
	require.Len(t, written, 2)

	failure := errors.New("failure")
	three := alias("em0", "192.0.2.52/32")
	added, err = AddAliases(ctx, r, []Alias{three}, func([]Alias) error { return failure })
	require.ErrorIs(t, err, failure)
	require.Equal(t, []Alias{three}, added)
	for op, want := range map[string]int{simkernel.OpInterfaces: 0, simkernel.OpAddressAdd: 1} {
		remove := r.Fail(t, fault.Fault{Op: op, Err: failure})
		added, err = AddAliases(ctx, r, []Alias{three, alias("em0", "192.0.2.53/32")}, will)
		remove()
		require.ErrorIs(t, err, failure, op)
		require.Len(t, added, want, op)
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	_, err = AddAliases(over, r, []Alias{three}, will)
	require.ErrorIs(t, err, context.Canceled)

	// The newest goes first, what is used stays, and what is gone is no error.
	r.ResetCalls()
	kept, err := RemoveAliases(ctx, r, []Alias{one, two, three}, func(a netip.Addr) bool { return a == one.Prefix.Addr() })
	require.NoError(t, err)
	require.Equal(t, []Alias{one}, kept)
	var calls []string
	for _, c := range r.Calls() {
		calls = append(calls, c.String())
	}
	require.Len(t, calls, 2)
	require.Contains(t, calls[0], "192.0.2.52")
	require.Contains(t, calls[1], "192.0.2.51")
	nobody := func(netip.Addr) bool { return false }
	remove := r.Fail(t, fault.Fault{Op: simkernel.OpAddressDelete, Err: failure})
	kept, err = RemoveAliases(ctx, r, []Alias{one, two}, nobody)
	remove()
	require.ErrorIs(t, err, failure)
	require.Equal(t, []Alias{one, two}, kept, "in their order")
	kept, err = RemoveAliases(ctx, r, []Alias{one}, nobody)
	require.NoError(t, err)
	require.Empty(t, kept)
}

// stateOf is a host's stack of which the state of addresses is told in turn.
type stateOf struct {
	kernel.Kernel
	states []kernel.AddressState
}

func (s *stateOf) AddressState(context.Context, string, netip.Addr) (kernel.AddressState, error) {
	if len(s.states) == 0 {
		return kernel.AddressState{}, kernel.ErrNotFound
	}
	state := s.states[0]
	s.states = s.states[1:]
	return state, nil
}

// TestWaitBindable: an address is waited for while it is tentative; a duplicate and one
// that is gone are errors. IPv4 is not asked for.
func TestWaitBindable(t *testing.T) {
	list := []Alias{alias("em0", "192.0.2.50/24"), alias("em0", "2001:db8::50/64")}
	tentative, duplicate := kernel.AddressState{Tentative: true}, kernel.AddressState{Duplicated: true}
	s := &stateOf{states: []kernel.AddressState{tentative, tentative, {}}}
	require.NoError(t, WaitBindable(t.Context(), s, list))
	require.Empty(t, s.states)
	err := WaitBindable(t.Context(), &stateOf{states: []kernel.AddressState{tentative, duplicate}}, list)
	require.ErrorContains(t, err, "another machine has it")
	require.ErrorIs(t, WaitBindable(t.Context(), &stateOf{}, list), kernel.ErrNotFound)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, WaitBindable(ctx, &stateOf{states: []kernel.AddressState{tentative, tentative}}, list), context.Canceled)
}

// TestRecord: a record is read as it was written; one of another jail, and one that is
// damaged, are set aside.
func TestRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "network", "web.json")
	_, ok, err := ReadRecord(path, "ioc-web")
	require.NoError(t, err)
	require.False(t, ok)
	require.NoError(t, RemoveRecord(path))
	r := Record{
		Boot: "boot", Spec: Spec{Jail: "ioc-web", NAT: "em0"}, Held: &Spec{Jail: "ioc-web"},
		Added:  []Alias{alias("em0", "192.0.2.51/32"), alias("em0", "192.0.2.50/24"), alias("em0", "192.0.2.51/32")},
		Learnt: map[string][]netip.Prefix{"vnet0": {netip.MustParsePrefix("10.0.0.9/24")}},
	}
	require.NoError(t, r.Write(path))
	got, ok, err := ReadRecord(path, "ioc-web")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, []Alias{alias("em0", "192.0.2.50/24"), alias("em0", "192.0.2.51/32")}, got.Added, "sorted, each once")
	r.Added = got.Added
	require.Equal(t, r, got)
	require.Len(t, got.specs(), 2)
	require.Len(t, Record{}.specs(), 1)
	n := NIC{Name: "vnet0", Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.5/24")}}
	require.Len(t, got.Addrs(n), 2)

	_, ok, err = ReadRecord(path, "ioc-db")
	require.ErrorIs(t, err, ErrRecord)
	require.ErrorContains(t, err, `it is of jail "ioc-web", not "ioc-db"`)
	require.False(t, ok)
	require.NoFileExists(t, path)
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	_, ok, err = ReadRecord(path, "ioc-web")
	require.ErrorIs(t, err, ErrRecord)
	require.False(t, ok)
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 2, "set aside")
	require.NoError(t, r.Write(path))
	require.NoError(t, RemoveRecord(path))
	require.NoFileExists(t, path)
	_, _, err = ReadRecord(t.TempDir(), "ioc-web")
	require.Error(t, err)
	require.Error(t, r.Write(filepath.Join(path, "below", "a")+"\x00"))
}

// TestTable: what a jail has for itself is refused to another one, by name; what several
// share is not.
func TestTable(t *testing.T) {
	forward := Forward{Proto: "tcp", Low: 8080, High: 8080, Port: 80, Interface: "em0"}
	web := Spec{
		Jail: "ioc-web", Aliases: []Alias{alias("em0", "192.0.2.50/24"), alias("em0", "192.0.2.60/24")}, Auto: []netip.Addr{netip.MustParseAddr("192.0.2.60")},
		NICs: []NIC{{Name: "vnet0", HostMAC: "02:ff:60:00:00:01", JailMAC: "02:ff:60:00:00:02", Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.5/24")},
			Gateways: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24")}}},
		Forwards: []Forward{forward},
	}
	held := Spec{Jail: "ioc-web", Aliases: []Alias{alias("em0", "192.0.2.70/24")}}
	table := Table{"ioc-web": {Spec: web, Held: &held, Added: []Alias{alias("em0", "192.0.2.50/24")},
		Learnt: map[string][]netip.Prefix{"vnet0": {netip.MustParsePrefix("10.0.0.9/24")}}}}

	require.True(t, table.Added(netip.MustParseAddr("192.0.2.50")))
	require.False(t, table.Added(netip.MustParseAddr("192.0.2.60")))
	require.Equal(t, []string{"ioc-web"}, table.Users(netip.MustParseAddr("192.0.2.70"), "ioc-db"))
	require.Empty(t, table.Users(netip.MustParseAddr("192.0.2.70"), "ioc-web"))
	require.Empty(t, table.Users(netip.MustParseAddr("192.0.2.71"), "ioc-db"))
	for addr, has := range map[string]bool{
		"192.0.2.50": true, "192.0.2.70": true, "10.0.0.5": true, "10.0.0.1": true, "10.0.0.9": true, "10.0.0.2": false,
	} {
		jail, ok := table.Has(netip.MustParseAddr(addr), "ioc-db")
		require.Equal(t, has, ok, addr)
		require.Equal(t, has, jail == "ioc-web", addr)
		_, ok = table.Has(netip.MustParseAddr(addr), "ioc-web")
		require.False(t, ok, addr)
	}
	require.NoError(t, table.Check(web), "its own")
	for name, tt := range map[string]struct {
		spec Spec
		says string
	}{
		"nothing":        {Spec{}, ""},
		"shared address": {Spec{Aliases: []Alias{alias("em0", "192.0.2.50/24")}}, ""},
		"other port":     {Spec{Forwards: []Forward{{Proto: "tcp", Low: 8081, High: 8081, Port: 80, Interface: "em0"}}}, ""},
		"port":           {Spec{Forwards: []Forward{forward}}, "user.forwards: 8080:80/tcp@em0 is forwarded to jail ioc-web (8080:80/tcp@em0)"},
		"chosen":         {Spec{Aliases: []Alias{alias("em0", "192.0.2.60/24")}}, "ip4_addr: 192.0.2.60 was chosen for jail ioc-web by AUTOIP4"},
		"auto":           {Spec{Auto: []netip.Addr{netip.MustParseAddr("192.0.2.70")}}, "ip4_addr: AUTOIP4: 192.0.2.70 is used by jail ioc-web"},
		"host's MAC":     {Spec{NICs: []NIC{{Name: "vnet1", HostMAC: "02:ff:60:00:00:02"}}}, "vnet1_mac: 02:ff:60:00:00:02 is used by another jail"},
		"jail's MAC":     {Spec{NICs: []NIC{{Name: "vnet1", JailMAC: "02:ff:60:00:00:01"}}}, "vnet1_mac: 02:ff:60:00:00:01 is used by another jail"},
		"other MAC":      {Spec{NICs: []NIC{{Name: "vnet1", JailMAC: "02:ff:60:00:00:03"}}}, ""},
	} {
		tt.spec.Jail = "ioc-db"
		err := table.Check(tt.spec)
		if tt.says == "" {
			require.NoError(t, err, name)
			continue
		}
		require.EqualError(t, err, tt.says, name)
		var e *Error
		require.ErrorAs(t, err, &e)
	}
}

// TestFirewallsThatAreNotReady: what is missing is named, with the remedy.
func TestFirewallsThatAreNotReady(t *testing.T) {
	ctx := t.Context()
	ready := newRig(t)
	require.NoError(t, CheckPf(ctx, ready))
	require.NoError(t, CheckIpfw(ctx, ready, SecureFull))
	require.NoError(t, CheckIpfw(ctx, ready, SecureLibioc))
	open := func(o simkernel.Options) *simkernel.Kernel {
		k, err := simkernel.New(o)
		require.NoError(t, err)
		return k
	}
	bare := open(simkernel.Options{})
	requireFirewall(t, CheckPf(ctx, bare), "pf is not ready: ", kernel.ErrUnsupported)
	requireFirewall(t, CheckIpfw(ctx, bare, SecureFull), "ipfw is not ready: it is not loaded; Secure VNET needs firewall_enable", kernel.ErrNotFound)
	off := open(simkernel.Options{Modules: []string{"pf"}, PfDisabled: true})
	requireFirewall(t, CheckPf(ctx, off), "pf is not ready: it is not enabled; set pf_enable", nil)
	half := open(simkernel.Options{Modules: []string{"pf", "ipfw"}, PfAnchors: []string{`nat-anchor "ioc/*" all`}, Sysctls: map[string]string{"net.link.ether.ipfw": "1", "net.link.bridge.ipfw": "1"}})
	requireFirewall(t, CheckPf(ctx, half), `translation before filter rules: rdr-anchor "ioc/*", anchor "ioc/*"`, nil)
	requireFirewall(t, CheckIpfw(ctx, half, SecureFull), "set net.link.bridge.ipfw_arp=1 in sysctl.conf(5)", nil)
	require.NoError(t, CheckIpfw(ctx, half, SecureLibioc))
	failure := errors.New("failure")
	defer half.Fail(t, fault.Fault{Op: simkernel.OpSysctl, Err: failure})()
	require.ErrorIs(t, CheckIpfw(ctx, half, SecureLibioc), failure)
	require.NotEqual(t, Guarantees(SecureFull), Guarantees(SecureLibioc))
}

func requireFirewall(t *testing.T, err error, says string, wraps error) {
	t.Helper()
	var e *FirewallError
	require.ErrorAs(t, err, &e)
	require.ErrorContains(t, err, says)
	if wraps != nil {
		require.ErrorIs(t, err, wraps)
	} else {
		require.NoError(t, e.Unwrap())
	}
	require.Equal(t, e.Remedy == "", !strings.Contains(err.Error(), "; "))
}

// TestStatesAreKilled: an anchor that is given up is flushed, and the connections through
// it end; those that stay do not.
func TestStatesAreKilled(t *testing.T) {
	two := Spec{Jail: "ioc-web", NAT: "em0", Aliases: []Alias{alias("em0", "192.0.2.50/24"), alias("em0", "192.0.2.51/24"), alias("em0", "2001:db8::50/64")},
		Forwards: []Forward{{Proto: "tcp", Low: 80, High: 80, Port: 80, Interface: "em0", Target: netip.MustParseAddr("192.0.2.50")}}}
	forwards := two
	forwards.NAT = ""
	one := two
	one.Aliases, one.Forwards = one.Aliases[:1], nil
	other := two
	other.NAT = "em1"
	for name, tt := range map[string]struct {
		from, to Spec
		calls    []string
	}{
		"nothing":       {Spec{}, Spec{}, nil},
		"the same":      {two, two, []string{"load"}},
		"all":           {two, Spec{}, []string{"flush", "192.0.2.50", "192.0.2.51"}},
		"forwards only": {forwards, Spec{}, []string{"flush", "192.0.2.50"}},
		"an address":    {two, one, []string{"load", "192.0.2.50", "192.0.2.51"}},
		"another NAT":   {two, other, []string{"load", "192.0.2.50", "192.0.2.51"}},
		"no NAT":        {two, forwards, []string{"load", "192.0.2.50", "192.0.2.51"}},
	} {
		r := newRig(t)
		require.NoError(t, EnsurePf(t.Context(), r, Spec{}, tt.from), name)
		r.ResetCalls()
		require.NoError(t, EnsurePf(t.Context(), r, tt.from, tt.to), name)
		var calls []string
		for _, c := range r.Calls() {
			switch c.Op {
			case simkernel.OpPfLoad:
				calls = append(calls, "load")
			case simkernel.OpPfFlush:
				calls = append(calls, "flush")
			case simkernel.OpPfKill:
				calls = append(calls, c.String()[strings.LastIndexByte(c.String(), ' ')+1:])
			}
		}
		require.ElementsMatch(t, tt.calls, calls, name)
		rules, err := r.PfRules(t.Context(), Anchor("ioc-web"))
		require.NoError(t, err)
		require.Equal(t, tt.to.UsesPf(), len(rules) > 0, name)
	}
	bare, err := simkernel.New(simkernel.Options{})
	require.NoError(t, err)
	require.NoError(t, EnsurePf(t.Context(), bare, two, Spec{}), "pf is not loaded")
	require.ErrorIs(t, EnsurePf(t.Context(), bare, Spec{}, two), kernel.ErrUnsupported)
}
