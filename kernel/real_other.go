//go:build !freebsd || !(amd64 || arm64 || riscv64)

package kernel

func newReal() Kernel { return unsupported{} }
