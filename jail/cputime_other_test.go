//go:build !unix

package jail_test

import "time"

var processStarted = time.Now()

// cpuTime is the time on the clock, where the system is not asked.
func cpuTime() time.Duration { return time.Since(processStarted) }
