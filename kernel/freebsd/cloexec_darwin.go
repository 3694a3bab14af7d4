package freebsd

import "syscall"

func closeRangeOnExec(int) error { return syscall.ENOSYS }
