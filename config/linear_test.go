package config

import (
	"fmt"
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

// TestLinear reads, changes and saves texts of every form.
func TestLinear(t *testing.T) {
	for _, format := range []Format{JSON, UCL} {
		for _, unit := range []string{`"a":1,`, `"a":{"b":"c"},`, `"a":[1,2,3],`, `"\u0061":"\n",`, `"a":[`, `"a":"`, `"ip4_addr":"em0|192.0.2.1,"`, `"user":{"x":1},`} {
			run := func(n int) {
				c, err := Parse([]byte("{"+strings.Repeat(unit, n)+`"z":1}`), format)
				if err != nil {
					return
				}
				c.Problems()
				c.Dialect()
				_ = c.Set("user.y", "y")
				_, _ = c.Encode()
			}
			if got := slowdown(run, 28); got >= 28 {
				t.Errorf("%s %s: %.0f times longer for 8 times the text", format, unit, got)
			}
		}
	}
}

// TestLinearConvert: many keys, each of its own, move to another store.
func TestLinearConvert(t *testing.T) {
	for _, name := range []string{"k%d", "user.k%d", "k%d.a", "k%d.a.b"} {
		for _, to := range []Format{JSON, UCL, ZFS} {
			run := func(n int) {
				props := make(map[string]string, n)
				for i := range n {
					props[PropertyPrefix+fmt.Sprintf(name, i)] = "x"
				}
				c := FromProperties(props)
				if _, _, err := c.Convert(to); err != nil {
					t.Fatal(err)
				}
			}
			if got := slowdown(run, 28); got >= 28 {
				t.Errorf("%s to %s: %.0f times longer for 8 times the keys", name, to, got)
			}
		}
	}
}
