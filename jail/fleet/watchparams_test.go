package fleet_test

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/jail/fleet"
	"github.com/libioc/go-libioc/kernel"
)

// lateEvents is a kernel whose watch is held up, as by a loaded host or between
// the looks of FreeBSD 13 and 14, a second apart.
type lateEvents struct {
	kernel.Kernel
	held    sync.RWMutex
	waiting atomic.Bool
}

func (k *lateEvents) pass() {
	k.waiting.Store(true)
	k.held.RLock()
	defer k.held.RUnlock()
	k.waiting.Store(false)
}

func (k *lateEvents) JailEvents(ctx context.Context) iter.Seq2[kernel.JailEvent, error] {
	return func(yield func(kernel.JailEvent, error) bool) {
		k.pass()
		for e, err := range k.Kernel.JailEvents(ctx) {
			k.pass()
			if !yield(e, err) {
				return
			}
		}
	}
}

// TestWatchParams: who reads a jail's parameters when the jail and every
// change is reported has the last ones, however late the kernel's watch is.
func TestWatchParams(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"snapshot", "start"} {
		for _, version := range []string{"13.2-RELEASE", "15.1-RELEASE"} {
			t.Run(when+"/"+version, func(t *testing.T) {
				h := jailtest.OpenHost(t, simhost.Options{Release: version})
				jailtest.PutPlain(t, h, "a", nil)
				k := &lateEvents{Kernel: h.Sim}
				other, err := host.New(h.ZFS, k, host.Options{Sources: []host.Source{{Name: "ioc", Dataset: simhost.Dataset}}, Files: h.Files()})
				require.NoError(t, err)
				jailtest.Up(t, h, "other")
				if when == "snapshot" {
					jailtest.Up(t, h, "ioc-a")
					k.held.Lock()
				}
				release := sync.OnceFunc(k.held.Unlock)

				ctx, cancel := context.WithCancel(t.Context())
				var begun atomic.Bool
				var hostname atomic.Value
				hostname.Store("")
				var reading sync.WaitGroup
				reading.Go(func() {
					for c, err := range (fleet.WatchOptions{Interval: time.Millisecond, Params: true}).Watch(ctx, other) {
						if err != nil {
							assert.ErrorIs(t, err, context.Canceled)
							return
						}
						begun.Store(begun.Load() || c.Kind == fleet.ChangeSnapshot)
						if c.Jail != "a" || c.Identity.IsZero() {
							continue
						}
						p, err := h.Sim.JailGet(ctx, 0, kernel.ByJID(c.Identity.JID), "host.hostname")
						if err == nil {
							hostname.Store(p.String("host.hostname"))
						}
					}
				})
				defer reading.Wait()
				defer cancel()
				eventually := func(f func() bool) {
					t.Helper()
					require.Eventually(t, f, 30*time.Second, time.Millisecond)
				}
				if when == "start" {
					eventually(begun.Load)
					k.held.Lock()
				}
				defer release() // a watch that is held does not end
				if when == "start" {
					jailtest.Up(t, h, "foreign")
					eventually(k.waiting.Load) // it has not seen what comes now
					jailtest.Up(t, h, "ioc-a")
				}
				set := func(name string) {
					t.Helper()
					_, err := h.Sim.JailSet(ctx, kernel.JailUpdate, kernel.ByName("ioc-a"), kernel.String("host.hostname", name))
					require.NoError(t, err)
				}
				// Time to be told too early.
				for deadline := time.Now().Add(200 * time.Millisecond); time.Now().Before(deadline) && hostname.Load() == ""; {
					time.Sleep(time.Millisecond)
				}
				set("first")
				release()
				eventually(func() bool { return hostname.Load() == "first" })
				set("second")
				eventually(func() bool { return hostname.Load() == "second" })
			})
		}
	}
}
