//go:build amd64 || arm64 || riscv64

package freebsd_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/libioc/go-libioc/kernel/freebsd"
	"github.com/libioc/go-libioc/kernel/kerneltest"
)

// TestConformanceReal runs the conformance suite on the running kernel.
func TestConformanceReal(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skipf("needs root, this is user %d", os.Geteuid())
	}
	k, err := freebsd.New()
	if err != nil {
		t.Fatal(err)
	}
	if jailed, err := k.SysctlInt(context.Background(), "security.jail.jailed"); err != nil || jailed != 0 {
		t.Skipf("needs the host, security.jail.jailed is %d (%v)", jailed, err)
	}
	kerneltest.Run(t, func(t *testing.T) kerneltest.Env {
		dir, err := filepath.EvalSymlinks(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		// A jail's user must be able to pass; MkdirTemp made it for root alone.
		if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
			t.Fatal(err)
		}
		return kerneltest.Env{Kernel: k, Dir: dir}
	})
}
