package ucl

import (
	"strings"
	"testing"

	"github.com/libioc/go-libioc/internal/lineartest"
)

func TestLinear(t *testing.T) {
	for _, tt := range []struct{ name, unit string }{
		{"fields", "a = 1\n"}, {"comments", "/* "}, {"comments after a value", "a = 1 /**/\n"}, {"comments in a line", "/**/"}, {"braces", "a = {}\n"},
		{"bare", "x{"}, {"words", "a b "}, {"empty values", "a ;\n"}, {"apostrophes", "a b'\n"}, {"escaped apostrophes", "a b\\'\n"}, {"escaped quotes", "a b\\\";"},
		{"half strings", "a b\"\n"}, {"here-documents", "a = <<E\nE\n"}, {"no here-documents", "a = <<E;"}, {"lists", "a = [1, b]\n"}, {"sections", "a b { c = 1 }\n"},
	} {
		read := func(n int) { _, _ = Parse([]byte(strings.Repeat(tt.unit, n))) }
		if got := lineartest.Slowdown(read, 28); got >= 28 {
			t.Errorf("%s: %.0f times longer for 8 times the text", tt.name, got)
		}
		edit := func(n int) {
			if d, err := Parse([]byte("z = 1\n" + strings.Repeat(tt.unit, n))); err == nil {
				_, _ = d.Apply([]Edit{{Path: "a", Source: "1"}, {Path: "z", Remove: true}})
			}
		}
		if got := lineartest.Slowdown(edit, 28); got >= 28 {
			t.Errorf("edit of %s: %.0f times longer for 8 times the text", tt.name, got)
		}
	}
}
