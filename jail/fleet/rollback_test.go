package fleet_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/jail/fleet"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// TestBootBudgetHoldsInItsRollBack: the stop of a jail that was started in vain took as
// long as it liked, so that a Boot of 2 s took 4.
func TestBootBudgetHoldsInItsRollBack(t *testing.T) {
	gate := make(chan struct{})
	var waited atomic.Bool
	h := jailtest.OpenHost(t, simhost.Options{Programs: map[string]simkernel.Program{
		"gate": func(ctx context.Context, _ *simkernel.Process) int {
			waited.Store(true)
			select {
			case <-gate:
			case <-ctx.Done():
			}
			return 0
		},
	}})
	jailtest.PutPlain(t, h, "lib", map[string]string{"exec_poststop": "gate", "exec_timeout": "10"})
	jailtest.PutPlain(t, h, "web", map[string]string{"boot": "yes", "depends": "lib", "exec_prestart": "false"})
	const budget = 1500 * time.Millisecond
	var late atomic.Bool // an event after Boot has returned
	var over atomic.Bool
	began := time.Now()
	results, err := fleet.Boot(t.Context(), h.Host, fleet.BootOptions{Budget: budget, Options: fleet.Options{
		OnEvent: func(events.IocEvent) { late.Store(late.Load() || over.Load()) },
	}})
	over.Store(true)
	took := time.Since(began)
	require.NoError(t, err)
	require.True(t, waited.Load(), "the roll-back has not come to the hook that waits")
	require.Less(t, took, budget+time.Second)
	lib, ok := results.Of("lib")
	require.True(t, ok)
	require.Equal(t, fleet.Failed, lib.Outcome)
	require.ErrorContains(t, lib.Err, "not finished in time")
	close(gate)
	require.Eventually(t, func() bool {
		_, err := os.Lstat(h.JournalPath("ioc", "jail", "lib"))
		return errors.Is(err, fs.ErrNotExist)
	}, 20*time.Second, time.Millisecond)
	require.False(t, late.Load())
	require.Empty(t, jailtest.Running(t, h))
}

// TestRollBackStopsDependantsFirst: what was started in vain is stopped in the reverse
// order of the start, each jail after those that depend on it. No test noticed when
// dependencies were stopped first.
func TestRollBackStopsDependantsFirst(t *testing.T) {
	h := jailtest.OpenHost(t, simhost.Options{})
	// In the order of their priorities the last ones would be stopped first.
	jailtest.PutPlain(t, h, "a", map[string]string{"priority": "9"})
	jailtest.PutPlain(t, h, "b", map[string]string{"priority": "5", "depends": "a", "exec_prestop": "sleep 0.1"})
	jailtest.PutPlain(t, h, "c", map[string]string{"priority": "1", "depends": "b", "exec_prestop": "sleep 0.1"})
	jailtest.PutPlain(t, h, "top", map[string]string{"depends": "c", "exec_prestart": "false"})
	results, err := fleet.StartAll(t.Context(), h.Host, jailtest.Load(t, h, "top"), fleet.StartAllOptions{})
	require.NoError(t, err)
	require.Len(t, results.Failed(), 4)
	require.Empty(t, jailtest.Running(t, h))
	var order []string
	for _, c := range h.Sim.Calls() {
		if c.Op == simkernel.OpJailRemove {
			order = append(order, c.Args)
		}
	}
	require.Len(t, order, 3)
	for i, name := range []string{"ioc-c", "ioc-b", "ioc-a"} {
		require.True(t, strings.Contains(order[i], name), "%v", order)
	}
}
