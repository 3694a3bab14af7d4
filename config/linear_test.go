package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/libioc/go-libioc/internal/lineartest"
)

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
			if got := lineartest.Slowdown(run, 28); got >= 28 {
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
			if got := lineartest.Slowdown(run, 28); got >= 28 {
				t.Errorf("%s to %s: %.0f times longer for 8 times the keys", name, to, got)
			}
		}
	}
}
