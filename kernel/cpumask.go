package kernel

import (
	"encoding/binary"
	"slices"
	"syscall"
)

// cpuMask is cpuset_t, sys/_cpuset.h: an array of 64-bit words, bit n of word i
// being CPU 64*i + n. It is 32 bytes on FreeBSD 13 and 128 from 14 on.
type cpuMask []byte

// The numbers of cpuset(2), sys/cpuset.h.
const (
	cpuLevelWhich = 3
	cpuWhichJail  = 5
)

// cpuMaskSize is the size on FreeBSD 14 and later. The kernel takes bytes beyond
// its own cpuset_t if they are zero.
const cpuMaskSize = 128

func newCPUMask(cpus []int) (cpuMask, syscall.Errno) {
	m := make(cpuMask, cpuMaskSize)
	for _, n := range cpus {
		if n < 0 || n >= 8*len(m) {
			return nil, syscall.EINVAL
		}
		word := m[n/64*8:]
		binary.NativeEndian.PutUint64(word, binary.NativeEndian.Uint64(word)|1<<(n%64))
	}
	return m, 0
}

// cpus lists the CPUs in order.
func (m cpuMask) cpus() []int {
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

// cpusetError says what a refused cpuset(2) leaves unsaid.
func cpusetError(op string, id Identity, errno syscall.Errno) error {
	e := &CallError{Op: op, Subject: id.String(), Errno: errno}
	switch errno {
	case syscall.ESRCH:
		e.Err, e.Msg = ErrNotFound, "the jail has ended"
	case syscall.EDEADLK:
		e.Msg = "no CPU would be left"
	case syscall.EINVAL:
		e.Msg = "a CPU is not among those of the jail's parent"
	case syscall.EPERM:
		e.Msg = "only root of the jail's parent may change its CPUs"
	}
	return e
}

// sortedCPUs is the list in order, each number once.
func sortedCPUs(cpus []int) []int {
	list := slices.Clone(cpus)
	slices.Sort(list)
	return slices.Compact(list)
}
