//go:build unix

package archive

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// pipeBuffer is the size of the buffer between a program and this one, as far as the
// system allows it.
const pipeBuffer = 1 << 20

// newPipe connects this process with a program, in one direction. bsdtar(1) reads 10
// KB at a time and pipe(2) holds 16 KB: waking this process for each costs several
// times as much as the data. Sockets hold more, and the writer is not woken before a
// quarter is free. The low-water mark for reading, SO_RCVLOWAT, cannot be used: at the
// end of the stream FreeBSD 15 does not return fewer bytes than that,
// uipc_soreceive_stream_or_seqpacket.
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
			// ENOBUFS above kern.ipc.maxsockbuf or the limit sbsize: try less.
			for size := pipeBuffer; size >= 64<<10; size /= 2 {
				if unix.SetsockoptInt(end, unix.SOL_SOCKET, option, size) == nil {
					break
				}
			}
		}
		// Linux does not have it and is only slower.
		_ = unix.SetsockoptInt(end, unix.SOL_SOCKET, unix.SO_SNDLOWAT, pipeBuffer/4)
	}
	ours, theirs = os.NewFile(uintptr(fd[0]), "|ours"), os.NewFile(uintptr(fd[1]), "|theirs")
	if err != nil {
		ours.Close()
		theirs.Close()
		return nil, nil, err
	}
	return ours, theirs, nil
}
