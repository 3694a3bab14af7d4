package abi

import (
	"bytes"
	"slices"
	"syscall"
	"testing"
)

func TestCPUMask(t *testing.T) {
	for _, cpus := range [][]int{{}, {0}, {1, 3}, {0, 63, 64, 127, 255, 1023}} {
		m, errno := NewCPUMask(cpus)
		if errno != 0 || len(m) != 128 || !slices.Equal(m.Cpus(), cpus) {
			t.Errorf("%v is %x, %v", cpus, m, errno)
		}
	}
	m, _ := NewCPUMask([]int{0, 9, 64})
	if m.Cpus()[1] != 9 || !bytes.Equal(m[16:], make([]byte, 112)) {
		t.Errorf("%x", m)
	}
	for _, n := range []int{-1, 1024} {
		if _, errno := NewCPUMask([]int{n}); errno != syscall.EINVAL {
			t.Errorf("CPU %d: %v", n, errno)
		}
	}
}
