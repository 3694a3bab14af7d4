//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package saferoot

import (
	"errors"

	"golang.org/x/sys/unix"
)

// OpenDirAt opens the directory name in the open directory fd, or in the working
// directory if fd is unix.AT_FDCWD. If name's last component is a symbolic link
// it fails with ELOOP, EMLINK or ENOTDIR, as the system has it. The caller closes
// the descriptor.
func OpenDirAt(fd int, name string) (int, error) {
	const flags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_NONBLOCK
	return openat(fd, name, flags, 0)
}

// openat returns openat(2), repeated when a signal interrupts it.
func openat(fd int, name string, flags int, mode uint32) (int, error) {
	for {
		got, err := unix.Openat(fd, name, flags, mode)
		if !errors.Is(err, unix.EINTR) {
			return got, err
		}
	}
}
