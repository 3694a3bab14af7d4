package jail

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

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

// Unwrap gives the kernel's error.
func (e *HeldError) Unwrap() error { return e.Err }

// unmountPolitely waits a while for a file system in use, without force.
func unmountPolitely(ctx context.Context, e env, m kernel.Mounted) error {
	pause := 5 * time.Millisecond
	for try := 0; ; try++ {
		err := e.host.Kernel.UnmountFSID(ctx, m.FSID, 0)
		if err == nil || errors.Is(err, kernel.ErrNotFound) {
			return nil
		}
		if !errors.Is(err, syscall.EBUSY) {
			return err
		}
		if try >= 7 { // 0.6 s altogether
			return held(ctx, e, m, err)
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		pause *= 2
	}
}

// held finds what holds a mount.
func held(ctx context.Context, e env, m kernel.Mounted, cause error) error {
	h := &HeldError{Path: m.Path, Err: cause}
	mounts, err := e.host.Mounts(ctx)
	if err != nil {
		return errors.Join(h, err)
	}
	for _, other := range mounts {
		if other.FSID != m.FSID && (beneath(other.Path, m.Path) || beneath(other.From, m.Path)) {
			h.Mounts = append(h.Mounts, other.Path)
		}
	}
	for p, err := range e.host.Kernel.JailList(ctx, kernel.JailDying, "path", "dying") {
		if err != nil {
			return errors.Join(h, err)
		}
		if path := p.String("path"); !beneath(path, m.Path) && !beneath(m.Path, path) || path == "/" {
			continue
		}
		if p.Bool("dying") {
			h.Dying = append(h.Dying, p.String("name"))
			continue
		}
		h.Jails = append(h.Jails, p.String("name"))
		list, err := e.host.Kernel.ProcessList(ctx, p.Int("jid"))
		if err != nil {
			return errors.Join(h, err)
		}
		h.Processes = append(h.Processes, list...)
	}
	return h
}

// beneath tells whether a path is another one or below it.
func beneath(path, other string) bool {
	return path == other || strings.HasPrefix(path, strings.TrimSuffix(other, "/")+"/")
}
