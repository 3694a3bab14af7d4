package freebsd

import (
	"math"

	"golang.org/x/sys/unix"
)

// closeRangeOnExec is close_range(2) with CLOSE_RANGE_CLOEXEC, which older systems
// refuse as EINVAL.
func closeRangeOnExec(first int) error {
	const closeRangeCloexec = 1 << 2 // sys/unistd.h
	_, _, errno := unix.Syscall(unix.SYS_CLOSE_RANGE, uintptr(first), math.MaxUint32, closeRangeCloexec)
	if errno != 0 {
		return errno
	}
	return nil
}
