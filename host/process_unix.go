//go:build unix

package host

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// ended reports whether a process is known to have ended. One that bears this
// process's own number has, for lockTable knows the locks of this process.
func ended(pid int) bool {
	return pid == os.Getpid() || pid > 0 && errors.Is(unix.Kill(pid, 0), unix.ESRCH)
}
