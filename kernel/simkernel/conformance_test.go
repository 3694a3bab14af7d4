package simkernel

import (
	"flag"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/kernel/kerneltest"
)

// TestConformance runs the suite on several machines. Every call that it makes
// is one of the documented operations, and it makes them all.
func TestConformance(t *testing.T) {
	called := map[string]bool{OpReadDir: true} // no call of kernel.Kernel
	for name, opts := range map[string]Options{
		"13.2":                    {},
		"13.2 with filters":       {Modules: []string{"ipfw", "pf"}},
		"15.1":                    {Release: "15.1-RELEASE-p1"},
		"13.2 without extensions": {NoVIMAGE: true, NoRACCT: true, NoZFS: true},
	} {
		t.Run(name, func(t *testing.T) {
			kerneltest.Run(t, func(t *testing.T) kerneltest.Env {
				o := opts
				o.Root = t.TempDir()
				s, err := New(o)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					for _, c := range s.Calls() {
						called[c.Op] = true
						require.Contains(t, operations, c.Op)
					}
				})
				return kerneltest.Env{
					Kernel: s, Dir: "/scratch",
					OnDisk: func(p string) string { return filepath.Join(o.Root, filepath.FromSlash(p)) },
					Root:   kerneltest.StubRoot,
				}
			})
		})
	}
	filtered := strings.Contains(flag.Lookup("test.run").Value.String(), "/")
	if !t.Failed() && !testing.Short() && !filtered {
		for op := range operations {
			require.True(t, called[op], "the suite never makes the call %s", op)
		}
	}
}
