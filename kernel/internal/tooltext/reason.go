package tooltext

import (
	"strings"
	"syscall"
)

// errnoByText is strerror(3) of FreeBSD's C library for the errno values that
// base programs report and that callers distinguish.
var errnoByText = map[string]syscall.Errno{
	"No such file or directory":                       syscall.ENOENT,
	"Permission denied":                               syscall.EACCES,
	"Operation not permitted":                         syscall.EPERM,
	"Exec format error":                               syscall.ENOEXEC,
	"Not a directory":                                 syscall.ENOTDIR,
	"Is a directory":                                  syscall.EISDIR,
	"Argument list too long":                          syscall.E2BIG,
	"Too many levels of symbolic links":               syscall.ELOOP,
	"File name too long":                              syscall.ENAMETOOLONG,
	"Text file busy":                                  syscall.ETXTBSY,
	"Cannot allocate memory":                          syscall.ENOMEM,
	"Resource temporarily unavailable":                syscall.EAGAIN,
	"Invalid argument":                                syscall.EINVAL,
	"File exists":                                     syscall.EEXIST,
	"Device not configured":                           syscall.ENXIO,
	"Device busy":                                     syscall.EBUSY,
	"No such process":                                 syscall.ESRCH,
	"Network is unreachable":                          syscall.ENETUNREACH,
	"Can't assign requested address":                  syscall.EADDRNOTAVAIL,
	"Operation not supported":                         syscall.EOPNOTSUPP,
	"Inappropriate ioctl for device":                  syscall.ENOTTY,
	"Protocol not supported":                          syscall.EPROTONOSUPPORT,
	"Address family not supported by protocol family": syscall.EAFNOSUPPORT,
}

// reasonIn cuts the reason off the end of what a base program printed, as err(3)
// puts it there: "execvp: /x: No such file or directory". errno is 0 for one that
// is not in the table. Since FreeBSD 15 the kernel's own words may follow in
// parentheses, with more of them inside and cut at any place: they are extended, if
// the reason is known.
func reasonIn(said string) (what, reason, extended string, errno syscall.Errno) {
	if strings.HasSuffix(said, ")") {
		for i := range said {
			if !strings.HasPrefix(said[i:], " (") {
				continue
			}
			if what, reason = cutReason(said[:i]); errnoByText[reason] != 0 {
				return what, reason, said[i+2 : len(said)-1], errnoByText[reason]
			}
		}
	}
	what, reason = cutReason(said)
	return what, reason, "", errnoByText[reason]
}

func cutReason(said string) (what, reason string) {
	if i := strings.LastIndex(said, ": "); i >= 0 {
		return said[:i], said[i+2:]
	}
	return said, ""
}
