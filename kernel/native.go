package kernel

import (
	"encoding/binary"
	"strconv"
)

// nativeUint is an unsigned number of 1, 2, 4 or 8 bytes in the machine's order;
// any other length is 0.
func nativeUint(b []byte) uint64 {
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

// nativeInt is the same for a signed number.
func nativeInt(b []byte) int64 {
	u := nativeUint(b)
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

func itoa(n int) string { return strconv.Itoa(n) }
