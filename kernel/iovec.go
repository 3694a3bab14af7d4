package kernel

import (
	"strings"
	"syscall"
)

// maxOptions is VFS_MOUNTARG_SIZE_MAX: the kernel copies the parameters of
// jail_set(2), jail_get(2) and nmount(2) with vfs_buildopts(), which refuses
// more than this many bytes without saying why.
const maxOptions = 64 << 10

// optionOverhead is what vfs_buildopts() counts for each pair besides its
// bytes: sizeof(struct vfsopt) on a 64-bit kernel.
const optionOverhead = 48

// maxPairs is UIO_MAXIOV divided by two, since each pair takes two iovecs.
const maxPairs = 512

// pair is one name and value as two iovecs carry them. A nil value is a null
// pointer of length 0.
type pair struct {
	name  []byte // with its final NUL
	value []byte
}

func newPair(name string, value []byte) pair {
	return pair{append([]byte(name), 0), value}
}

// textPair is a pair whose value is text; an empty text has its NUL too.
func textPair(name, value string) pair {
	return newPair(name, append([]byte(value), 0))
}

// pairsSize is what the kernel counts against maxOptions.
func pairsSize(pairs []pair) int {
	n := 0
	for _, p := range pairs {
		n += optionOverhead + len(p.name) + len(p.value)
	}
	return n
}

// checkPairs refuses what the kernel would refuse with a bare EINVAL or, worse,
// cut short: too many bytes, too many pairs and names with a NUL inside.
func checkPairs(pairs []pair) (name, msg string) {
	for _, p := range pairs {
		if s := string(p.name[:len(p.name)-1]); s == "" || strings.IndexByte(s, 0) >= 0 {
			return s, "parameter names are not empty and hold no NUL"
		}
	}
	if n := pairsSize(pairs); n > maxOptions {
		return "", "parameters take " + itoa(n) + " bytes, more than the kernel's " + itoa(maxOptions)
	}
	if len(pairs) > maxPairs {
		return "", itoa(len(pairs)) + " parameters, more than the kernel's " + itoa(maxPairs)
	}
	return "", ""
}

// cString is the text up to the first NUL.
func cString(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	return s
}

// errnoByText is strerror(3) of FreeBSD's C library for the errno values that
// base programs report and that callers tell apart.
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

// reasonIn takes the reason off the end of what a base program said, as err(3)
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
