package ucl

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// slowdown tells how many times longer run(8n) takes than run(n). Reading in
// linear time gives some 8, in quadratic time 64. Both times are processor time,
// the shortest of several, so other load does not count; it returns as soon as
// the quotient is below enough.
func slowdown(run func(n int), enough float64) float64 {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	shortest := func(n, times int) time.Duration {
		best := time.Hour
		for range times {
			runtime.GC()
			start := cpuTime()
			run(n)
			best = min(best, cpuTime()-start)
		}
		return best
	}
	n := 250
	for n < 16000 && shortest(n, 2) < time.Millisecond {
		n *= 2
	}
	small, large, quotient := time.Hour, time.Hour, 0.0
	for range 20 {
		small, large = min(small, shortest(n, 1)), min(large, shortest(8*n, 1))
		// What ends at once has no growth to be seen.
		quotient = float64(large) / float64(max(small, 200*time.Microsecond))
		if quotient < enough {
			break
		}
	}
	return quotient
}

func TestLinear(t *testing.T) {
	for _, tt := range []struct{ name, unit string }{
		{"fields", "a = 1\n"}, {"comments", "/* "}, {"comments behind a value", "a = 1 /**/\n"}, {"comments in a line", "/**/"}, {"braces", "a = {}\n"},
		{"bare", "x{"}, {"words", "a b "}, {"empty values", "a ;\n"}, {"apostrophes", "a b'\n"}, {"escaped apostrophes", "a b\\'\n"}, {"escaped quotes", "a b\\\";"},
		{"half strings", "a b\"\n"}, {"here-documents", "a = <<E\nE\n"}, {"no here-documents", "a = <<E;"}, {"lists", "a = [1, b]\n"}, {"sections", "a b { c = 1 }\n"},
	} {
		read := func(n int) { _, _ = Parse([]byte(strings.Repeat(tt.unit, n))) }
		if got := slowdown(read, 28); got >= 28 {
			t.Errorf("%s: %.0f times longer for 8 times the text", tt.name, got)
		}
		edit := func(n int) {
			if d, err := Parse([]byte("z = 1\n" + strings.Repeat(tt.unit, n))); err == nil {
				_, _ = d.Apply([]Edit{{Path: "a", Source: "1"}, {Path: "z", Remove: true}})
			}
		}
		if got := slowdown(edit, 28); got >= 28 {
			t.Errorf("edit of %s: %.0f times longer for 8 times the text", tt.name, got)
		}
	}
}
