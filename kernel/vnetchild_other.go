//go:build !freebsd || !(amd64 || arm64 || riscv64)

package kernel

// serveVnet does nothing: no such copy is ever started here.
func serveVnet([]string) {}
