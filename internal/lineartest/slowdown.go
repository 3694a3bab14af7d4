// Package lineartest judges, in tests, how the time of a function grows with
// the size of its input.
package lineartest

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

// Slowdown returns how many times longer run(8n) takes than run(n): some 8 for
// linear time, 64 for quadratic time. Both times are processor time, the shortest
// of several, so other load does not count. It returns as soon as the quotient is
// below enough. With -short it measures less often.
func Slowdown(run func(n int), enough float64) float64 {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	shortest := func(n, times int) time.Duration {
		best := time.Hour
		for range times {
			runtime.GC()
			start := CPUTime()
			run(n)
			best = min(best, CPUTime()-start)
		}
		return best
	}
	n := 250
	for n < 16000 && shortest(n, 2) < time.Millisecond {
		n *= 2
	}
	times := 4
	if testing.Short() {
		times = 1
	}
	lowest := math.Inf(1)
	for range 5 {
		// Measure again each time: one measurement of the small run that a clock
		// made too short must not decide. Both equally often: a
		// small run delayed once must not hide a growth, and pages that exist the
		// second time exist for the large run.
		small, large := shortest(n, times), shortest(8*n, times)
		// A run that ends at once shows no growth.
		quotient := float64(large) / float64(max(small, 200*time.Microsecond))
		if lowest = min(lowest, quotient); lowest < enough {
			return lowest
		}
	}
	return lowest
}
