package abi

import (
	"encoding/binary"
	"syscall"
)

// CpuMask is cpuset_t, sys/_cpuset.h: an array of 64-bit words, bit n of word i
// being CPU 64*i + n. It is 32 bytes on FreeBSD 13 and 128 from 14 on.
type CpuMask []byte

// The numbers of cpuset(2), sys/cpuset.h.
const (
	CpuLevelWhich = 3
	CpuWhichJail  = 5
)

// CpuMaskSize is the size on FreeBSD 14 and later. The kernel takes bytes beyond
// its own cpuset_t if they are zero.
const CpuMaskSize = 128

func NewCPUMask(cpus []int) (CpuMask, syscall.Errno) {
	m := make(CpuMask, CpuMaskSize)
	for _, n := range cpus {
		if n < 0 || n >= 8*len(m) {
			return nil, syscall.EINVAL
		}
		word := m[n/64*8:]
		binary.NativeEndian.PutUint64(word, binary.NativeEndian.Uint64(word)|1<<(n%64))
	}
	return m, 0
}

// Cpus lists the CPUs in order.
func (m CpuMask) Cpus() []int {
	list := []int{}
	for i := 0; i+8 <= len(m); i += 8 {
		word := binary.NativeEndian.Uint64(m[i:])
		for n := range 64 {
			if word&(1<<n) != 0 {
				list = append(list, i*8+n)
			}
		}
	}
	return list
}
