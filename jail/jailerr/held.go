package jailerr

import (
	"fmt"
	"strings"

	"github.com/libioc/go-libioc/kernel"
)

// HeldError is a file system that cannot be unmounted because something uses it,
// after a bounded wait. It names what can be known of that without looking into
// processes: jails at or below the place with their processes, and mounts on it
// or from it. fstat(1) finds the files of others.
type HeldError struct {
	Path      string
	Mounts    []string         // where further file systems are mounted on it or from it
	Jails     []string         // that live in it, by name
	Dying     []string         // that were removed and live on while a socket of theirs is open, often a minute
	Processes []kernel.Process // of those jails
	Err       error            // EBUSY, as the kernel said it
}

func (e *HeldError) Error() string {
	var by []string
	for _, m := range e.Mounts {
		by = append(by, "mount "+m)
	}
	for _, j := range e.Jails {
		by = append(by, "jail "+j)
	}
	for _, j := range e.Dying {
		by = append(by, "dying jail "+j)
	}
	for _, p := range e.Processes {
		by = append(by, fmt.Sprintf("process %d (%s)", p.PID, p.Command))
	}
	if len(by) == 0 {
		by = append(by, "a process of the host, see fstat -f "+e.Path)
	}
	return fmt.Sprintf("%s is in use by %s: %v", e.Path, strings.Join(by, ", "), e.Err)
}

// Unwrap returns the kernel's error.
func (e *HeldError) Unwrap() error { return e.Err }
