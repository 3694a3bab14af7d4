package network

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/fault"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// Units are those that the kernel has, and one that is taken is passed over.
func TestUnits(t *testing.T) {
	for _, hash := range []uint32{0, 1, 0x3fff, 0x4000, 1<<32 - 3} {
		seen := map[int]bool{}
		name, err := tryUnits(hash, "epair", func(unit string) (string, error) {
			n, err := strconv.Atoi(strings.TrimPrefix(unit, "epair"))
			require.NoError(t, err)
			require.False(t, seen[n], "%d twice", n)
			require.GreaterOrEqual(t, n, 0x4000)
			require.LessOrEqual(t, n, 0x7fff)
			if seen[n] = true; len(seen) < 10 {
				return "", &kernel.CallError{Op: "SIOCIFCREATE2", Subject: unit, Err: kernel.ErrExists}
			}
			return unit + "a", nil
		})
		require.NoError(t, err)
		require.True(t, strings.HasSuffix(name, "a"))
		require.Len(t, seen, 10)
	}
	other := errors.New("other")
	_, err := tryUnits(7, "bridge", func(string) (string, error) { return "", other })
	require.Equal(t, other, err)
	_, err = tryUnits(7, "bridge", func(string) (string, error) { return "", kernel.ErrExists })
	require.ErrorIs(t, err, kernel.ErrExists)
	for name, is := range map[string]bool{"bridge0": true, "bridge32767": true, "bridge32768": false, "public": false} {
		_, ok := unitOf(name, "bridge")
		require.Equal(t, is, ok, name)
	}
}

// TestHostEnds: the further parts of Secure VNET are not taken for the end that
// the jail's traffic comes out of, whichever way they are named and listed.
func TestHostEnds(t *testing.T) {
	nic := NIC{Name: "vnet0", Secure: "bridge0", JailMAC: "02:00:00:00:00:01"}
	long := NIC{Name: "management0", Index: 1, Secure: "bridge0"}
	var list []kernel.Interface
	for _, n := range []NIC{nic, long} {
		names := FindNames(nil, "", n, 7)
		for _, name := range []string{names.Net, names.B, names.Host, names.A} {
			list = append(list, kernel.Interface{Name: name, Description: Description("ioc-web", n), Groups: []string{Group}})
		}
	}
	mark := Description("ioc-db", NIC{Name: "vnet0"})
	list = append(list, kernel.Interface{Name: "em0"}, kernel.Interface{Name: "vnet0.8", Description: mark, Groups: []string{"epair", Group}})
	// Root of a jail has written the mark.
	list = append(list, kernel.Interface{Name: "em1", Description: mark}, kernel.Interface{Name: "tap0", Description: mark, Groups: []string{"tap"}})
	require.Equal(t, map[string]map[string]string{
		"ioc-web": {"vnet0": "vnet0.7", "management0": "i7.1"}, "ioc-db": {"vnet0": "vnet0.8"},
	}, HostEnds(list))
}

// TestEnsureRulesThatFails: when the former rules cannot be taken away, the new
// ones go, and the others stay.
func TestEnsureRulesThatFails(t *testing.T) {
	ctx := t.Context()
	s, err := simkernel.New(simkernel.Options{Modules: []string{"ipfw"}})
	require.NoError(t, err)
	n := NIC{Name: "vnet0", Secure: "bridge0", JailMAC: "02:00:00:00:00:01"}
	ensure := func(addr string) error {
		return EnsureRules(ctx, s, "ioc-web", 7, n, FindNames(nil, "", n, 7), []netip.Prefix{netip.MustParsePrefix(addr)})
	}
	require.NoError(t, ensure("192.0.2.1/24"))
	before, err := s.IpfwRules(ctx, Set)
	require.NoError(t, err)
	require.NotEmpty(t, before)
	failure := errors.New("failure")
	cancel := s.Fail(t, fault.Fault{Op: simkernel.OpIpfwDelete, Nth: 1, Err: failure})
	require.ErrorIs(t, ensure("192.0.2.2/24"), failure)
	cancel()
	after, err := s.IpfwRules(ctx, Set)
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.NoError(t, ensure("192.0.2.2/24"))
	changed, err := s.IpfwRules(ctx, Set)
	require.NoError(t, err)
	require.NotEqual(t, before, changed)
	require.Len(t, changed, len(before))
}

// TestRulesOfLibiocForEveryJail: with a jid from 30000 to 55534 "no rule number is free",
// and with one above 20000 the number was in the range of the others.
func TestRulesOfLibiocForEveryJail(t *testing.T) {
	for _, jid := range []int{1, 7, 20000, 20001, 29999, 30000, 55534, 55535, 900000} {
		s := newSim(t)
		n := NIC{Name: "vnet0", Secure: SecureLibioc, JailMAC: "02:ff:60:00:00:01"}
		require.NoError(t, EnsureRules(t.Context(), s, "ioc-web", jid, n, FindNames(nil, "", n, jid), []netip.Prefix{netip.MustParsePrefix("10.0.0.5/24")}), jid)
		rules, err := s.IpfwRules(t.Context(), Set)
		require.NoError(t, err)
		require.NotEmpty(t, rules)
		number := 10000 + jid
		if jid > 20000 {
			number = FirstRule
		}
		require.Equal(t, number, rules[0].Number, jid)
	}
}

// TestBridgeStaysWithOthersMembers: a bridge that was made on request goes with its last
// member, and stays while an interface of anybody else is in it.
func TestBridgeStaysWithOthersMembers(t *testing.T) {
	s := newSim(t)
	ctx := t.Context()
	b := Bridge{Name: "jailnet", Uplink: "em0"}
	_, err := EnsureBridge(ctx, s, b, func(Made) error { return nil })
	require.NoError(t, err)
	tap, err := s.InterfaceCreate(ctx, "tap")
	require.NoError(t, err)
	require.NoError(t, s.BridgeAdd(ctx, "jailnet", tap))
	require.NoError(t, RemoveBridge(ctx, s, b, Made{}))
	members, err := s.BridgeMembers(ctx, "jailnet")
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"em0", tap}, members)
	require.NoError(t, s.BridgeDelete(ctx, "jailnet", tap))
	require.NoError(t, RemoveBridge(ctx, s, b, Made{}))
	_, err = s.BridgeMembers(ctx, "jailnet")
	require.ErrorIs(t, err, kernel.ErrNotFound)
}

func newSim(t *testing.T) *simkernel.Kernel {
	t.Helper()
	s, err := simkernel.New(simkernel.Options{Modules: []string{"ipfw"}})
	require.NoError(t, err)
	return s
}
