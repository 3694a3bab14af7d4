package refusal

import (
	"syscall"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/words"
)

// Jail returns the error of a refused jail_set(2), jail_get(2) or jail_remove(2)
// that came without words of the kernel.
func Jail(op, name string, errno syscall.Errno) error {
	return &kernel.JailError{Op: op, Name: name, Errno: errno}
}

// NotFound marks an error with ENOENT as [kernel.ErrNotFound].
func NotFound(e *kernel.CallError) *kernel.CallError {
	if e.Errno == syscall.ENOENT {
		e.Err = kernel.ErrNotFound
	}
	return e
}

// meanings are what each errno of a call says besides its own text.
type meanings map[syscall.Errno]struct {
	err error
	msg string
}

// refusal returns the error of a refused call.
func (m meanings) refusal(op, subject string, errno syscall.Errno) error {
	say := m[errno]
	return &kernel.CallError{Op: op, Subject: subject, Errno: errno, Err: say.err, Msg: say.msg}
}

// Each returns the error of a refused call of its kind.
var (
	// Missing is for calls of which only ENOENT has a meaning of its own.
	Missing = meanings{
		syscall.ENOENT: {kernel.ErrNotFound, ""},
	}.refusal

	// Interface is for ioctl(2) and route(4) messages about an interface, an
	// address, a bridge or a route.
	Interface = meanings{
		syscall.ENXIO:         {kernel.ErrNotFound, ""},
		syscall.ESRCH:         {kernel.ErrNotFound, ""},
		syscall.ENOENT:        {kernel.ErrNotFound, ""},
		syscall.EADDRNOTAVAIL: {kernel.ErrNotFound, ""},
		syscall.EEXIST:        {kernel.ErrExists, ""},
	}.refusal

	// Devfs is for ioctl(2) on a devfs(5).
	Devfs = meanings{
		syscall.EEXIST: {kernel.ErrExists, ""},
		syscall.ESRCH:  {kernel.ErrNotFound, ""},
		syscall.ENOENT: {kernel.ErrNotFound, ""},
	}.refusal

	// Rctl is for rctl(2); the subject is the rule or filter.
	Rctl = meanings{
		syscall.ENOSYS:     {kernel.ErrUnsupported, words.RctlRemedy},
		syscall.ESRCH:      {kernel.ErrNotFound, "no rule and no subject matches"},
		syscall.EOPNOTSUPP: {nil, "the resource does not take this action"},
		syscall.ERANGE:     {nil, "the amount is out of range"},
		syscall.EPERM:      {nil, "only root may use rctl"},
	}.refusal

	// Cpuset is for cpuset(2) of a jail.
	Cpuset = meanings{
		syscall.ESRCH:   {kernel.ErrNotFound, "the jail has ended"},
		syscall.EDEADLK: {nil, "no CPU would be left"},
		syscall.EINVAL:  {nil, "a CPU is not among those of the jail's parent"},
		syscall.EPERM:   {nil, "only root of the jail's parent may change its CPUs"},
	}.refusal

	// Unmount is for unmount(2).
	Unmount = meanings{
		syscall.EINVAL: {kernel.ErrNotFound, "nothing is mounted there"},
		syscall.ENOENT: {kernel.ErrNotFound, ""},
		syscall.EBUSY:  {nil, "in use, or another mount uses it as its source"},
	}.refusal

	// Kill is for a signal that was not sent.
	Kill = meanings{
		syscall.ESRCH: {kernel.ErrStale, "the process has ended"},
	}.refusal
)
