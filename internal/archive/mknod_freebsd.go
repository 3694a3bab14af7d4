package archive

import "golang.org/x/sys/unix"

func mknodat(fd int, base string, mode uint32, dev uint64) error {
	return unix.Mknodat(fd, base, mode, dev)
}
