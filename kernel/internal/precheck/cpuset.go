package precheck

import (
	"syscall"

	"github.com/libioc/go-libioc/kernel"
)

// CpusetError says what a refused cpuset(2) leaves unsaid.
func CpusetError(op string, id kernel.Identity, errno syscall.Errno) error {
	e := &kernel.CallError{Op: op, Subject: id.String(), Errno: errno}
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
