package jail_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/jail"
)

// TestAbandonedChannels starts 1,000 operations whose events nobody reads: all
// of them run to their end and no goroutine is left.
func TestAbandonedChannels(t *testing.T) {
	h := newHost(t)
	ctx := context.Background()
	var jails []*jail.Jail
	for i := range 20 {
		jails = append(jails, newJail(t, h, fmt.Sprintf("jail%d", i), i%2 == 0, nil))
	}
	before := runtime.NumGoroutine()

	const operations = 1000
	for i := range operations {
		j := jails[i%len(jails)]
		if (i/len(jails))%2 == 0 {
			j.JailGenerator.Start(ctx, jail.StartOptions{Busy: jail.Wait})
		} else {
			j.JailGenerator.Stop(ctx, jail.StopOptions{Busy: jail.Wait, Force: true})
		}
	}
	deadline := time.Now().Add(8 * time.Minute) // emulated machines are slow
	for runtime.NumGoroutine() > before {
		require.True(t, time.Now().Before(deadline), "goroutines are left")
		time.Sleep(5 * time.Millisecond)
	}
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
