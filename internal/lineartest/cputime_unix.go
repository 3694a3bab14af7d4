//go:build unix

package lineartest

import (
	"syscall"
	"time"
)

// CPUTime is what the process has used of a processor, so that waiting for one
// does not count.
func CPUTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
