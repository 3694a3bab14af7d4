package kerneltest_test

import (
	"path/filepath"
	"testing"

	"github.com/libioc/go-libioc/kernel/kerneltest"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// A program with a Kernel of its own, such as one that wraps another, runs the
// suite from its own test.
func ExampleRun() {
	_ = func(t *testing.T) { // func TestConformance(t *testing.T)
		kerneltest.Run(t, func(t *testing.T) kerneltest.Env {
			dir := t.TempDir()
			sim, err := simkernel.New(simkernel.Options{Root: dir})
			if err != nil {
				t.Fatal(err)
			}
			onDisk := func(path string) string { return filepath.Join(dir, path) }
			return kerneltest.Env{Kernel: sim, Dir: "/", OnDisk: onDisk}
		})
	}
}
