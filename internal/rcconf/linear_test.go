package rcconf

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
	for _, unit := range []string{"a=1\n", "a=\"$a$a\"\n", "`", "$(", "{ ", "cat <<E\n", "cat <<E\nE\n", "a", "f() {\n", "f() { a=1; }\n", "a=1 ", "a=${x:-1}\n", "a=$(x)\n", "x ( ", "a='1' # c\n", "2>x ", "if a; then "} {
		read := func(n int) {
			src := strings.Repeat(unit, n)
			_, _ = Parse([]byte(src))
			ParseSysctl([]byte(src))
		}
		if got := slowdown(read, 28); got >= 28 {
			t.Errorf("%q: %.0f times longer for 8 times the text", unit, got)
		}
		edit := func(n int) {
			if f, err := Parse([]byte(strings.Repeat(unit, n))); err == nil {
				_ = f.Set("a", "2")
				f.Unset("a")
			}
		}
		if got := slowdown(edit, 28); got >= 28 {
			t.Errorf("edit of %q: %.0f times longer for 8 times the text", unit, got)
		}
	}
	// A long value that many others contain.
	refer := func(n int) {
		_, _ = Parse([]byte("b=" + strings.Repeat("x", 30*n) + "\n" + strings.Repeat("a=x$b\n", n)))
	}
	if got := slowdown(refer, 28); got >= 28 {
		t.Errorf("references: %.0f times longer for 8 times the text", got)
	}
}
