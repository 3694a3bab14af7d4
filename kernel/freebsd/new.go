package freebsd

import "github.com/libioc/go-libioc/kernel"

// New returns the kernel of the running system: FreeBSD 13.2 or later on amd64,
// arm64 or riscv64. On any other system it returns an error that wraps
// [kernel.ErrUnsupported] and says what is needed.
//
// Nearly all calls need root. Features reports what the running kernel offers.
func New() (kernel.Kernel, error) { return open() }
