//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"reflect"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libioc/go-libioc/kernel/internal/abi"
)

// TestSizes compares the structures that golang.org/x/sys brings along with
// the headers of 64-bit FreeBSD 13.2 to 15.
func TestSizes(t *testing.T) {
	for _, c := range []struct {
		typ    reflect.Type
		size   uintptr
		fields map[string]uintptr
	}{
		{reflect.TypeFor[unix.Iovec](), 16, map[string]uintptr{"Base": 0, "Len": 8}},
		{reflect.TypeFor[unix.Kevent_t](), 64, map[string]uintptr{"Ident": 0, "Filter": 8, "Flags": 10, "Fflags": 12, "Data": 16, "Udata": 24, "Ext": 32}},
	} {
		if c.typ.Size() != c.size {
			t.Errorf("%v has %d bytes, not %d", c.typ, c.typ.Size(), c.size)
		}
		for name, at := range c.fields {
			if f, ok := c.typ.FieldByName(name); !ok || f.Offset != at {
				t.Errorf("%v.%s is at %d, not %d", c.typ, name, f.Offset, at)
			}
		}
	}
	for what, got := range map[string][2]int{
		"struct statfs":     {abi.StatfsSize, 2344},
		"struct ifreq":      {abi.IfreqSize, 32},
		"struct devfs_rule": {abi.DevfsRuleSize, 236},
		"cpuset_t":          {abi.CpuMaskSize, 128},
	} {
		if got[0] != got[1] {
			t.Errorf("%s is %d bytes, not %d", what, got[0], got[1])
		}
	}
}
