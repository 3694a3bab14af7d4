//go:build unix

package archive

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// pipeBuffer is how much may be on its way between a program and this one, as
// far as the system allows.
const pipeBuffer = 1 << 20

// newPipe connects this process with a program, for one direction. xz(1) writes
// pieces of 8 KB, bsdtar(1) reads 10 KB, and pipe(2) holds 16 KB: to wake this
// process for each costs several times as much as the data. Sockets hold more,
// and know low-water marks, setsockopt(2).
func newPipe(toProgram bool) (ours, theirs *os.File, err error) {
	syscall.ForkLock.RLock()
	fd, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fd[0])
		unix.CloseOnExec(fd[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	// The runtime's poller waits for this end.
	err = os.NewSyscallError("fcntl", unix.SetNonblock(fd[0], true))
	for _, end := range fd {
		for _, option := range []int{unix.SO_SNDBUF, unix.SO_RCVBUF} {
			if err == nil {
				err = os.NewSyscallError("setsockopt", unix.SetsockoptInt(end, unix.SOL_SOCKET, option, pipeBuffer))
			}
		}
		// Without the marks, which Linux does not have for both, it only takes
		// longer. With more than a half of the buffer both could wait for the other.
		granted, _ := unix.GetsockoptInt(end, unix.SOL_SOCKET, unix.SO_RCVBUF)
		_ = unix.SetsockoptInt(end, unix.SOL_SOCKET, unix.SO_RCVLOWAT, granted/4)
		_ = unix.SetsockoptInt(end, unix.SOL_SOCKET, unix.SO_SNDLOWAT, granted/4)
	}
	ours, theirs = os.NewFile(uintptr(fd[0]), "|ours"), os.NewFile(uintptr(fd[1]), "|theirs")
	if err != nil {
		ours.Close()
		theirs.Close()
		return nil, nil, err
	}
	return ours, theirs, nil
}
