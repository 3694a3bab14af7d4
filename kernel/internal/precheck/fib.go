package precheck

import (
	"context"
	"strconv"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
)

// FIB refuses a routing table that the kernel does not have, before
// setfib(1) does.
func FIB(ctx context.Context, k kernel.Sysctls, cmd kernel.Command) error {
	if cmd.FIB == 0 {
		return nil
	}
	n, err := k.SysctlInt(ctx, "net.fibs")
	if err != nil {
		return err
	}
	if cmd.FIB < 0 || int64(cmd.FIB) >= n {
		return &kernel.CallError{Op: "setfib", Subject: strconv.Itoa(cmd.FIB), Errno: syscall.EINVAL, Msg: "this kernel has " + strconv.Itoa(int(n)) + " routing tables (net.fibs)"}
	}
	return nil
}
