package kernel

// New returns the kernel of the running system: FreeBSD 13.2 and later on
// amd64, arm64 and riscv64. Elsewhere it returns one whose every method fails
// with ErrUnsupported, so that a program builds and starts anywhere.
//
// Nearly all calls need root. New itself does nothing that can fail; ask
// Features what the running kernel offers.
func New() Kernel { return newReal() }
