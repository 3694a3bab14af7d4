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
// below enough. With -short, and under the race detector, it only runs run once
// and returns 0.
func Slowdown(run func(n int), enough float64) float64 {
	n := 250
	if testing.Short() || race {
		run(n)
		return 0
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	shortest := func(n int) time.Duration {
		best := time.Hour
		for range 4 {
			runtime.GC()
			start := CPUTime()
			run(n)
			best = min(best, CPUTime()-start)
		}
		return best
	}
	for n < 16000 && shortest(n) < time.Millisecond {
		n *= 2
	}
	lowest := math.Inf(1)
	for range 5 {
		// Measure again each time: one measurement of the small run that a clock
		// made too short must not decide. Both equally often: a
		// small run delayed once must not hide a growth, and pages that exist the
		// second time exist for the large run.
		small, large := shortest(n), shortest(8*n)
		// A run that ends at once shows no growth.
		quotient := float64(large) / float64(max(small, 200*time.Microsecond))
		if lowest = min(lowest, quotient); lowest < enough {
			return lowest
		}
		// If the large run alone outgrew what the machine had in reach, its cache or
		// the pages that are mapped already, twice the size has outgrown it in both.
		if large < 100*time.Millisecond {
			n *= 2
		}
	}
	return lowest
}
