package fleet_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/catch"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/jail/fleet"
	"github.com/libioc/go-libioc/kernel"
)

// panicKernel stands for a program's own that has a mistake.
type panicKernel struct {
	kernel.Kernel
	list, events bool
}

func (k panicKernel) JailList(ctx context.Context, flags kernel.GetFlags, params ...string) iter.Seq2[kernel.Params, error] {
	if k.list {
		panic("of the kernel")
	}
	return k.Kernel.JailList(ctx, flags, params...)
}

func (k panicKernel) JailEvents(ctx context.Context) iter.Seq2[kernel.JailEvent, error] {
	if k.events {
		panic("of the kernel")
	}
	return k.Kernel.JailEvents(ctx)
}

// TestPanicOfTheProgram: a panic in the program's own Kernel or function, in a goroutine
// of the library, is an error. It ended the program.
func TestPanicOfTheProgram(t *testing.T) {
	watch := func(k panicKernel) func(*testing.T, *simhost.Host) error {
		return func(t *testing.T, h *simhost.Host) error {
			k.Kernel = h.Kernel
			h.Host.Kernel = k
			for _, err := range (fleet.WatchOptions{Interval: time.Millisecond, Params: true}).Watch(t.Context(), h.Host) {
				if err != nil {
					return err
				}
			}
			return nil
		}
	}
	for _, c := range []struct {
		name string
		run  func(t *testing.T, h *simhost.Host) error
	}{
		{"a poll of a watch", watch(panicKernel{list: true})},
		{"the kernel's events of a watch", watch(panicKernel{events: true})},
		{"a supervisor's report", func(t *testing.T, h *simhost.Host) error {
			_, err := jailtest.Load(t, h, "web")[0].Start(t.Context(), jail.StartOptions{})
			require.NoError(t, err)
			return fleet.NewSupervisor(h.Host, fleet.SupervisorOptions{
				Watch:  fleet.WatchOptions{Interval: time.Millisecond},
				Report: func(fleet.Supervision) { panic("of the report") },
			}).Run(t.Context())
		}},
		{"the operation of one of many", func(t *testing.T, h *simhost.Host) error {
			results := fleet.Each(t.Context(), jailtest.Load(t, h, "web"), fleet.Options{},
				func(*jail.Jail) *jail.Operation { panic("of the function") })
			require.Len(t, results, 1)
			return results[0].Err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := jailtest.OpenHost(t, simhost.Options{})
			jailtest.PutPlain(t, h, "web", map[string]string{"user.health": "file=/well interval=5ms failures=2"})
			jailtest.WriteRoot(t, h, "web", "well")
			err := c.run(t, h)
			var panicked *catch.PanicError
			require.ErrorAs(t, err, &panicked)
			require.Contains(t, panicked.Value, "of the ")
		})
	}
}
