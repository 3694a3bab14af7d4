//go:build freebsd || linux || darwin

package freebsd

import "golang.org/x/sys/unix"

// keepOurs keeps every open descriptor but the standard ones from the programs that
// are started from here on: whatever C code of this process has opened, or a shell
// has left open, would be a jail's to read. os/exec gives a program what it is to
// have by dup2(2), which is not affected.
func keepOurs() {
	const first = 3
	if closeRangeOnExec(first) == nil {
		return
	}
	var limit unix.Rlimit
	most := 1 << 20
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil && uint64(limit.Cur) < uint64(most) {
		most = int(limit.Cur)
	}
	for fd := first; fd < most; fd++ {
		unix.CloseOnExec(fd) // EBADF for one that is not open
	}
}
