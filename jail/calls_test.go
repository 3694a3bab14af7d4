package jail_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
)

// A start and a stop of a VNET jail make as many calls beside 40 others as alone,
// and read the mount table, which grows with the jails, a few times.
func TestCallsDoNotGrow(t *testing.T) {
	calls := func(t *testing.T, beside int) (up, down map[string]int) {
		h := netHost(t)
		ctx := context.Background()
		vnet := func(n int) *jail.Jail {
			return newJail(t, h, fmt.Sprintf("jail%d", n), false, map[string]string{
				"vnet": "yes", "interfaces": "vnet0:bridge0", "ip4_addr": fmt.Sprintf("vnet0|10.77.0.%d/24", n+2),
			})
		}
		for n := range beside {
			_, err := vnet(n).Start(ctx, jail.StartOptions{})
			require.NoError(t, err)
		}
		j := vnet(beside)
		h.Sim.ResetCalls()
		_, err := j.Start(ctx, jail.StartOptions{})
		require.NoError(t, err)
		up = countCalls(h)
		_, err = j.Stop(ctx, jail.StopOptions{})
		require.NoError(t, err)
		return up, countCalls(h)
	}
	upAlone, downAlone := calls(t, 0)
	up, down := calls(t, 40)
	require.Equal(t, upAlone, up)
	require.Equal(t, downAlone, down)
	require.LessOrEqual(t, up["getfsstat"], 9, "of a start")
	require.LessOrEqual(t, down["getfsstat"], 7, "of a stop")
}

// countCalls counts the calls since the last reset, and resets.
func countCalls(h *simhost.Host) map[string]int {
	n := map[string]int{}
	for _, c := range h.Sim.Calls() {
		n[c.Op]++
	}
	h.Sim.ResetCalls()
	return n
}
