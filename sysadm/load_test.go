package sysadm_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/jail"
)

// TestLoad lets clients call listjails on both transports for a while. With
// SYSADM_FULL set it makes the figures of docs/sysadm.md: 200 clients, 1,000
// jails, 30 seconds. SYSADM_PROFILE names a file for a profile.
func TestLoad(t *testing.T) {
	clients, jails, lasts := 20, 100, time.Second
	if full() {
		clients, jails, lasts = 200, 1000, 30*time.Second
	} else if testing.Short() {
		lasts /= 5
	}
	w := newWorld(t)
	for i := range jails {
		w.sketch(fmt.Sprintf("jail%04d", i), "tag=t", "boot=yes", "ip4_addr=em0|10.0.0.1/8", "release=13.2-RELEASE")
	}
	w.serve()

	// What one call costs when nobody else calls, and what of it is the library's.
	alone := best(5, func() {
		for j, err := range jail.List(t.Context(), w.host) {
			require.NoError(t, err)
			_ = j.Name()
		}
	})
	one := best(5, func() {
		code, _ := w.rest("rita", `{"action":"listjails"}`)
		require.Equal(t, 200, code)
	})
	t.Logf("one call: %v, the library's List of it %v", one.Round(10*time.Microsecond), alone.Round(10*time.Microsecond))

	if path := os.Getenv("SYSADM_PROFILE"); path != "" {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
		require.NoError(t, err)
		defer f.Close()
		require.NoError(t, pprof.StartCPUProfile(f))
		defer pprof.StopCPUProfile()
	}
	var callers []func() bool
	for i := range clients {
		if i%2 == 0 {
			callers = append(callers, w.restCaller(t))
		} else {
			callers = append(callers, w.socketCaller(t))
		}
	}
	before, start := heap(), time.Now()
	end := start.Add(lasts)
	took := make([][]time.Duration, clients)
	var group sync.WaitGroup
	for i, call := range callers {
		group.Go(func() {
			for again := true; again; again = time.Now().Before(end) {
				begun := time.Now()
				if !call() {
					t.Error("a call failed")
					return
				}
				took[i] = append(took[i], time.Since(begun))
			}
		})
	}
	var peak uint64
	for time.Now().Before(end) {
		time.Sleep(lasts / 20)
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapAlloc+m.StackInuse)
	}
	group.Wait()
	lasts = time.Since(start)
	for _, transport := range []int{0, 1} {
		var all []time.Duration
		for i := transport; i < clients; i += 2 {
			require.NotEmpty(t, took[i], "every client was served")
			all = append(all, took[i]...)
		}
		slices.Sort(all)
		t.Logf("%-9s %d clients, %d jails: %5.0f calls/s, p50 %v, p99 %v", []string{"REST", "WebSocket"}[transport], clients/2, jails,
			float64(len(all))/lasts.Seconds(), all[len(all)/2].Round(time.Millisecond), all[len(all)*99/100].Round(time.Millisecond))
	}
	t.Logf("heap %d MiB before, %d MiB at most, %d MiB afterwards, clients included", before>>20, peak>>20, heap()>>20)
	require.Less(t, peak, uint64(512<<20))
	require.Greater(t, alone, one/10, "a call costs far more than the list in it")
}

// best is the shortest of n runs.
func best(n int, do func()) time.Duration {
	shortest := time.Hour
	for range n {
		begun := time.Now()
		do()
		shortest = min(shortest, time.Since(begun))
	}
	return shortest
}

func (w *world) restCaller(t *testing.T) func() bool {
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	return func() bool {
		r := w.request("PUT", "/sysadm/iocage", "rita", strings.NewReader(`{"action":"listjails"}`))
		a, err := client.Do(r)
		if err != nil {
			return false
		}
		defer a.Body.Close()
		n, err := io.Copy(io.Discard, a.Body)
		return err == nil && n > 1000 && a.StatusCode == http.StatusOK
	}
}

func (w *world) socketCaller(t *testing.T) func() bool {
	c := w.dial("rita")
	return func() bool {
		if c.ws.Write(t.Context(), websocket.MessageText, []byte(`{"namespace":"sysadm","name":"iocage","id":"l","args":{"action":"listjails"}}`)) != nil {
			return false
		}
		m, err := c.read(time.Minute)
		return err == nil && len(m) > 1000
	}
}
