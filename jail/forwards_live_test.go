package jail_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// killed are the addresses whose states were killed since the last reset.
func killed(h *simhost.Host) (addrs []string) {
	for _, c := range h.Sim.Calls() {
		if c.Op == simkernel.OpPfKill {
			addrs = append(addrs, strings.Fields(c.String())[1])
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(addrs)))
}

// TestForwardsThatGo: connections through a forward or NAT that Set has taken away went on
// as long as another forward was left, and those of NAT for good; the anchor stayed.
func TestForwardsThatGo(t *testing.T) {
	h, j := withNet(t, map[string]string{"ip4_addr": "em0|192.0.2.9/24", "user.forwards": "8080:80,8443:443", "user.nat": "em0"})
	ctx := t.Context()
	anchor := network.Anchor(j.Identifier())
	set := func(key, value string) {
		t.Helper()
		h.Sim.ResetCalls()
		_, err := j.Set(ctx, map[string]string{key: value}, jail.SetOptions{LiveOnly: true})
		require.NoError(t, err)
	}
	set("user.forwards", "8080:80")
	require.Equal(t, []string{"192.0.2.9"}, killed(h))
	set("user.forwards", "8080:80,9090:90")
	require.Empty(t, killed(h), "nothing has gone")
	set("user.nat", "none")
	require.Equal(t, []string{"192.0.2.9"}, killed(h))
	rules, err := h.Kernel.PfRules(ctx, anchor)
	require.NoError(t, err)
	require.Len(t, rules, 2)
	set("user.forwards", "none")
	require.Equal(t, []string{"192.0.2.9"}, killed(h))
	rules, err = h.Kernel.PfRules(ctx, anchor)
	require.NoError(t, err)
	require.Empty(t, rules)
	anchors, err := h.Kernel.PfAnchors(ctx, network.AnchorRoot)
	require.NoError(t, err)
	require.Empty(t, anchors)
}
