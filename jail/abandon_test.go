package jail_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
)

// TestAbandonedChannels starts 1,000 operations whose events nobody reads: all
// of them run to their end and no goroutine is left. Half of the channels, of
// starts and stops of both kinds of jail, tell afterwards how it ended.
func TestAbandonedChannels(t *testing.T) {
	h := newHost(t)
	ctx := context.Background()
	var jails []*jail.Jail
	for i := range 20 {
		jails = append(jails, newJail(t, h, fmt.Sprintf("jail%d", i), i%2 == 0, nil))
	}
	before := runtime.NumGoroutine()

	const operations = 1000
	var kept []<-chan events.IocEvent
	var made atomic.Int64
	counted := plan.WithFault(ctx, func(p plan.Point) error {
		if p.Phase == "done" && p.Step.Kind == "create jail" {
			made.Add(1)
		}
		return nil
	})
	for i := range operations {
		j := jails[i%len(jails)]
		var ch <-chan events.IocEvent
		if (i/len(jails))%2 == 0 {
			ch = j.Generator().Start(jail.StartOptions{Busy: jail.BusyWait}).Events(counted)
		} else {
			ch = j.Generator().Stop(jail.StopOptions{Busy: jail.BusyWait, Force: true}).Events(counted)
		}
		if i/3%2 == 0 {
			kept = append(kept, ch)
		}
	}
	deadline := time.Now().Add(8 * time.Minute) // emulated machines are slow
	for runtime.NumGoroutine() > before {
		require.True(t, time.Now().Before(deadline), "goroutines are left")
		time.Sleep(5 * time.Millisecond)
	}
	for _, ch := range kept {
		all, err := events.Collect(ctx, ch)
		require.NotEmpty(t, all)
		if err == nil {
			require.Equal(t, events.Done, all[len(all)-1].Head().State)
		} else {
			require.ErrorIs(t, err, jail.ErrRunning, "two starts in a row")
		}
	}
	// What was made twice has been removed in between.
	require.GreaterOrEqual(t, made.Load(), 2*int64(len(jails)))
	for _, j := range jails {
		// Whatever the order was, each jail is free and whole.
		_, err := j.Stop(ctx, jail.StopOptions{Force: true})
		require.NoError(t, err)
		_, err = os.Stat(h.JournalPath("ioc", "jail", j.Name()))
		require.ErrorIs(t, err, os.ErrNotExist)
	}
	mounts, err := h.Mounts(ctx)
	require.NoError(t, err)
	for _, m := range mounts {
		require.Contains(t, []string{"zfs", "ufs"}, m.Type, "%s is still mounted", m.Path)
	}
}
