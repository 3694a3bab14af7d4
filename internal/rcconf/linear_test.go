package rcconf

import (
	"strings"
	"testing"

	"github.com/libioc/go-libioc/internal/lineartest"
)

func TestLinear(t *testing.T) {
	for _, unit := range []string{"a=1\n", "a=\"$a$a\"\n", "`", "$(", "{ ", "cat <<E\n", "cat <<E\nE\n", "a", "f() {\n", "f() { a=1; }\n", "a=1 ", "a=${x:-1}\n", "a=$(x)\n", "x ( ", "a='1' # c\n", "2>x ", "if a; then "} {
		read := func(n int) {
			src := strings.Repeat(unit, n)
			_, _ = Parse([]byte(src))
			ParseSysctl([]byte(src))
		}
		if got := lineartest.Slowdown(read, 28); got >= 28 {
			t.Errorf("%q: %.0f times longer for 8 times the text", unit, got)
		}
		edit := func(n int) {
			if f, err := Parse([]byte(strings.Repeat(unit, n))); err == nil {
				_ = f.Set("a", "2")
				f.Unset("a")
			}
		}
		if got := lineartest.Slowdown(edit, 28); got >= 28 {
			t.Errorf("edit of %q: %.0f times longer for 8 times the text", unit, got)
		}
	}
	// A long value that many others contain.
	refer := func(n int) {
		_, _ = Parse([]byte("b=" + strings.Repeat("x", 30*n) + "\n" + strings.Repeat("a=x$b\n", n)))
	}
	if got := lineartest.Slowdown(refer, 28); got >= 28 {
		t.Errorf("references: %.0f times longer for 8 times the text", got)
	}
}
