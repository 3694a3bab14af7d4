//go:build !freebsd || !(amd64 || arm64 || riscv64)

package freebsd

import (
	"runtime"

	"github.com/libioc/go-libioc/kernel"
)

func open() (kernel.Kernel, error) {
	return nil, &kernel.CallError{
		Op: "kernel", Err: kernel.ErrUnsupported,
		Msg: "needs 64-bit FreeBSD 13.2 or later, this is " + runtime.GOOS + "/" + runtime.GOARCH,
	}
}

// serveVnet does nothing: open fails here, so no copy is ever started.
func serveVnet([]string) {}
