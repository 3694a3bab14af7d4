package abi

import (
	"strconv"
	"strings"
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

// Pair is one name and value as two iovecs carry them. A nil value is a null
// pointer of length 0.
type Pair struct {
	Name  []byte // with its final NUL
	Value []byte
}

func NewPair(name string, value []byte) Pair {
	return Pair{append([]byte(name), 0), value}
}

// textPair is a pair whose value is text; an empty text has its NUL too.
func textPair(name, value string) Pair {
	return NewPair(name, append([]byte(value), 0))
}

// pairsSize is what the kernel counts against maxOptions.
func pairsSize(pairs []Pair) int {
	n := 0
	for _, p := range pairs {
		n += optionOverhead + len(p.Name) + len(p.Value)
	}
	return n
}

// CheckPairs refuses what the kernel would refuse with a bare EINVAL or, worse,
// cut short: too many bytes, too many pairs and names with a NUL inside.
func CheckPairs(pairs []Pair) (name, msg string) {
	for _, p := range pairs {
		if s := string(p.Name[:len(p.Name)-1]); s == "" || strings.IndexByte(s, 0) >= 0 {
			return s, "parameter names are not empty and hold no NUL"
		}
	}
	if n := pairsSize(pairs); n > maxOptions {
		return "", "parameters take " + strconv.Itoa(n) + " bytes, more than the kernel's " + strconv.Itoa(maxOptions)
	}
	if len(pairs) > maxPairs {
		return "", strconv.Itoa(len(pairs)) + " parameters, more than the kernel's " + strconv.Itoa(maxPairs)
	}
	return "", ""
}
