package kernel

import (
	"bytes"
	"errors"
	"slices"
	"syscall"
	"testing"
)

func TestCPUMask(t *testing.T) {
	for _, cpus := range [][]int{{}, {0}, {1, 3}, {0, 63, 64, 127, 255, 1023}} {
		m, errno := newCPUMask(cpus)
		if errno != 0 || len(m) != 128 || !slices.Equal(m.cpus(), cpus) {
			t.Errorf("%v is %x, %v", cpus, m, errno)
		}
	}
	m, _ := newCPUMask([]int{0, 9, 64})
	if m.cpus()[1] != 9 || !bytes.Equal(m[16:], make([]byte, 112)) {
		t.Errorf("%x", m)
	}
	for _, n := range []int{-1, 1024} {
		if _, errno := newCPUMask([]int{n}); errno != syscall.EINVAL {
			t.Errorf("CPU %d: %v", n, errno)
		}
	}
	if err := cpusetError("x", Identity{}, syscall.ESRCH); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}
