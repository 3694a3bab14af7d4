package abi

import (
	"encoding/binary"
	"strings"
)

// Uint is an unsigned number of 1, 2, 4 or 8 bytes in the machine's order;
// any other length is 0.
func Uint(b []byte) uint64 {
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.NativeEndian.Uint16(b))
	case 4:
		return uint64(binary.NativeEndian.Uint32(b))
	case 8:
		return binary.NativeEndian.Uint64(b)
	}
	return 0
}

// Int is the same for a signed number.
func Int(b []byte) int64 {
	u := Uint(b)
	switch len(b) {
	case 1:
		return int64(int8(u))
	case 2:
		return int64(int16(u))
	case 4:
		return int64(int32(u))
	}
	return int64(u)
}

// CString is the text up to the first NUL.
func CString(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	return s
}
