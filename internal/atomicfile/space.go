package atomicfile

import (
	"errors"
	"syscall"
)

// NoSpace reports whether an error says that a file system, or a quota, is full.
func NoSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// Unwritable is NoSpace, or the file system is read-only.
func Unwritable(err error) bool { return NoSpace(err) || errors.Is(err, syscall.EROFS) }
