//go:build !unix

package lineartest

import "time"

var started = time.Now()

// CPUTime is the time on the clock, where the system is not asked.
func CPUTime() time.Duration { return time.Since(started) }
