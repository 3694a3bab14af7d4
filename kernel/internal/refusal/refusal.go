package refusal

import (
	"syscall"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/words"
)

// Jail is the error of a refused jail_set(2), jail_get(2) or jail_remove(2)
// that came without words of the kernel.
func Jail(op, name string, errno syscall.Errno) error {
	return &kernel.JailError{Op: op, Name: name, Errno: errno}
}

// Missing is the error of a call for which only ENOENT has a meaning of its own.
func Missing(op, subject string, errno syscall.Errno) error {
	return NotFound(&kernel.CallError{Op: op, Subject: subject, Errno: errno})
}

// NotFound marks an error with ENOENT as [kernel.ErrNotFound].
func NotFound(e *kernel.CallError) *kernel.CallError {
	if e.Errno == syscall.ENOENT {
		e.Err = kernel.ErrNotFound
	}
	return e
}

// Interface is the error of a refused ioctl(2) or route(4) message about an
// interface, an address, a bridge or a route.
func Interface(op, subject string, errno syscall.Errno) error {
	e := &kernel.CallError{Op: op, Subject: subject, Errno: errno}
	switch errno {
	case syscall.ENXIO, syscall.ESRCH, syscall.ENOENT, syscall.EADDRNOTAVAIL:
		e.Err = kernel.ErrNotFound
	case syscall.EEXIST:
		e.Err = kernel.ErrExists
	}
	return e
}

// Devfs is the error of a refused ioctl(2) on a devfs(5).
func Devfs(op, subject string, errno syscall.Errno) error {
	e := &kernel.CallError{Op: op, Subject: subject, Errno: errno}
	switch errno {
	case syscall.EEXIST:
		e.Err = kernel.ErrExists
	case syscall.ESRCH, syscall.ENOENT:
		e.Err = kernel.ErrNotFound
	}
	return e
}

// Rctl is the error of a refused rctl(2) call; text is the rule or filter.
func Rctl(op, text string, errno syscall.Errno) error {
	e := &kernel.CallError{Op: op, Subject: text, Errno: errno}
	switch errno {
	case syscall.ENOSYS:
		e.Err, e.Msg = kernel.ErrUnsupported, words.RctlRemedy
	case syscall.ESRCH:
		e.Err, e.Msg = kernel.ErrNotFound, "no rule and no subject matches"
	case syscall.EOPNOTSUPP:
		e.Msg = "the resource does not take this action"
	case syscall.ERANGE:
		e.Msg = "the amount is out of range"
	case syscall.EPERM:
		e.Msg = "only root may use rctl"
	}
	return e
}

// Cpuset is the error of a refused cpuset(2) call for a jail.
func Cpuset(op, jail string, errno syscall.Errno) error {
	e := &kernel.CallError{Op: op, Subject: jail, Errno: errno}
	switch errno {
	case syscall.ESRCH:
		e.Err, e.Msg = kernel.ErrNotFound, "the jail has ended"
	case syscall.EDEADLK:
		e.Msg = "no CPU would be left"
	case syscall.EINVAL:
		e.Msg = "a CPU is not among those of the jail's parent"
	case syscall.EPERM:
		e.Msg = "only root of the jail's parent may change its CPUs"
	}
	return e
}

// Unmount is the error of a refused unmount(2).
func Unmount(op, subject string, errno syscall.Errno) error {
	e := &kernel.CallError{Op: op, Subject: subject, Errno: errno}
	switch errno {
	case syscall.EINVAL:
		e.Err, e.Msg = kernel.ErrNotFound, "nothing is mounted there"
	case syscall.ENOENT:
		e.Err = kernel.ErrNotFound
	case syscall.EBUSY:
		e.Msg = "in use, or another mount uses it as its source"
	}
	return e
}

// Kill is the error of a signal that was not sent.
func Kill(op, subject string, errno syscall.Errno) error {
	e := &kernel.CallError{Op: op, Subject: subject, Errno: errno}
	if errno == syscall.ESRCH {
		e.Err, e.Msg = kernel.ErrStale, "the process has ended"
	}
	return e
}
