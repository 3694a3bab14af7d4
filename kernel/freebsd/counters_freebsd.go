//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"context"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/abi"
)

// The node of all interfaces, sysctl(3): CTL_NET, PF_ROUTE, protocol 0, any
// address family, NET_RT_IFLIST, any interface.
var ifListMIB = []int32{4, 17, 0, 0, 3, 0}

// InterfaceCounters reads them in one call, however many interfaces there
// is. The node answers for the stack of the calling process.
func (k *system) InterfaceCounters(ctx context.Context) ([]kernel.InterfaceCounters, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b, errno := sysctlRead(ifListMIB)
	if errno != 0 {
		return nil, sysctlError("net.route.0.0.iflist.0", errno, "")
	}
	return abi.ParseIfList(b), nil
}
