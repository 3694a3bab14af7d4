package simkernel_test

import (
	"path/filepath"
	"testing"

	"github.com/libioc/go-libioc/kernel/kerneltest"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

func TestConformance(t *testing.T) {
	for name, opts := range map[string]simkernel.Options{
		"13.2":                    {},
		"13.2 with filters":       {Modules: []string{"ipfw", "pf"}},
		"15.1":                    {Release: "15.1-RELEASE-p1"},
		"13.2 without extensions": {NoVIMAGE: true, NoRACCT: true, NoZFS: true},
	} {
		t.Run(name, func(t *testing.T) {
			kerneltest.Run(t, func(t *testing.T) kerneltest.Env {
				o := opts
				o.Root = t.TempDir()
				s, err := simkernel.New(o)
				if err != nil {
					t.Fatal(err)
				}
				e := kerneltest.Env{
					Kernel: s, Dir: "/scratch",
					OnDisk: func(p string) string { return filepath.Join(o.Root, filepath.FromSlash(p)) },
					Root:   kerneltest.StubRoot,
				}
				return e
			})
		})
	}
}
