//go:build unix

package archive

import (
	"os"
	"syscall"
)

// newPipe is os.Pipe with ends that block in read(2) and write(2). xz(1) writes
// pieces of 8 KB: asking the runtime's poller for each of them costs several
// times as much as the data. A blocked end is woken by the end of the program at
// the other one, which the context kills.
func newPipe() (r, w *os.File, err error) {
	var fd [2]int
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := syscall.Pipe(fd[:]); err != nil {
		return nil, nil, os.NewSyscallError("pipe", err)
	}
	syscall.CloseOnExec(fd[0])
	syscall.CloseOnExec(fd[1])
	return os.NewFile(uintptr(fd[0]), "|0"), os.NewFile(uintptr(fd[1]), "|1"), nil
}
