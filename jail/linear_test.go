package jail_test

import (
	"context"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/lineartest"
	"github.com/libioc/go-libioc/jail"
)

// TestListIsLinear lists 100, 1,000 and 10,000 jails: the time per jail is the
// same within 1.3 times, ZFS is asked once, and the longest list fits into
// 100 MB. The times are processor time, the shortest of several lists each; they
// are taken in turns, so that load of the machine meets all three sizes. With
// -short ZFS is counted for 500 jails, and no time is taken.
func TestListIsLinear(t *testing.T) {
	most, sizes := 10000, []int{100, 1000, 10000}
	if testing.Short() {
		sizes = []int{100, 500}
	}
	hosts := make([]*host.Host, len(sizes))
	for i, n := range sizes {
		h, calls := counted(t, manyJails(t, n))
		hosts[i] = h
		require.Equal(t, n, listAll(t, h))
		require.Equal(t, []string{"list zroot/iocage/jails "}, calls.calls)
		require.Zero(t, forks(h))
	}
	if testing.Short() {
		return
	}
	best := make([]time.Duration, len(sizes)) // for most jails
	quotient := func() float64 {
		low, high := best[0], best[0]
		for _, b := range best {
			low, high = min(low, b), max(high, b)
		}
		return float64(high) / float64(low)
	}
	const enough = 1.3
	for round := range 12 {
		for i, n := range sizes {
			// As many lists as make the longest one: the collector's share is in each
			// of the three times.
			runtime.GC()
			start := lineartest.CPUTime()
			for range most / n {
				listAll(t, hosts[i])
			}
			if took := lineartest.CPUTime() - start; round == 0 || took < best[i] {
				best[i] = took
			}
		}
		if round > 0 && quotient() < enough {
			break
		}
	}
	for i, n := range sizes {
		t.Logf("%6d jails: %v per jail", n, best[i]/time.Duration(most))
	}
	require.Less(t, quotient(), enough, "time per jail")

	peak := peakHeap(func() { listAll(t, hosts[2]) })
	t.Logf("streaming %d jails: at most %d MB in use", most, peak>>20)
	require.Less(t, peak, uint64(100<<20))
	var kept []*jail.Jail
	peak = peakHeap(func() {
		for j, err := range jail.List(context.Background(), hosts[2]) {
			require.NoError(t, err)
			kept = append(kept, j)
		}
	})
	t.Logf("keeping %d jails: at most %d MB in use", most, peak>>20)
	require.Less(t, peak, uint64(100<<20))
	runtime.KeepAlive(kept)
}

func listAll(t testing.TB, h *host.Host) (n int) {
	for _, err := range jail.List(context.Background(), h) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// forks are the processes that the simulated kernel was asked to start.
func forks(h *host.Host) int {
	return h.Kernel.(interface{ Forks() int }).Forks()
}

// peakHeap is how much more of the heap is in use while f runs than before.
// The collector is told to keep it small, as GOMEMLIMIT would.
func peakHeap(f func()) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before, peak := m.HeapAlloc, m.HeapAlloc
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapAlloc)
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	f()
	close(stop)
	<-stopped
	return peak - before
}

func BenchmarkList(b *testing.B) {
	for _, n := range []int{100, 1000, 10000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			h, _ := counted(b, manyJails(b, n))
			b.ReportAllocs()
			for b.Loop() {
				listAll(b, h)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/jail")
		})
	}
}
