package freebsd

import (
	"math"

	"golang.org/x/sys/unix"
)

func closeRangeOnExec(first int) error {
	return unix.CloseRange(uint(first), math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
}
