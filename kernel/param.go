package kernel

import (
	"encoding/binary"
	"net/netip"
	"strings"

	"github.com/libioc/go-libioc/kernel/internal/words"
)

// Param is one name and value of jail_set(2) or jail_get(2), encoded as the
// kernel wants it. The constructors below know the encodings; a Param made by
// hand is sent as it is.
type Param struct {
	Name string
	// Data is the value's bytes in native order; nil means the name alone,
	// which is how jail_set(2) is given a boolean.
	Data []byte
}

// JailSys is the value of a parameter that can be off, the jail's own, or
// shared with the parent. The numbers are the kernel's (sys/jail.h): new is 1
// and inherit is 2.
type JailSys int32

// The three jailsys values.
const (
	JailSysDisable JailSys = 0
	JailSysNew     JailSys = 1
	JailSysInherit JailSys = 2
)

func (s JailSys) String() string {
	switch s {
	case JailSysDisable:
		return "disable"
	case JailSysNew:
		return "new"
	case JailSysInherit:
		return "inherit"
	}
	return "invalid"
}

// String is a text parameter, sent with its final NUL.
func String(name, value string) Param {
	return Param{name, append([]byte(value), 0)}
}

// Int is a 4-byte parameter.
func Int(name string, value int) Param {
	return Param{name, binary.NativeEndian.AppendUint32(nil, uint32(int32(value)))}
}

// Ulong is an 8-byte parameter, such as host.hostid.
func Ulong(name string, value uint64) Param {
	return Param{name, binary.NativeEndian.AppendUint64(nil, value)}
}

// Jailsys is a parameter such as ip4, vnet or sysvshm.
func Jailsys(name string, value JailSys) Param { return Int(name, int(value)) }

// Bool is a boolean parameter. jail_set(2) looks at its presence only, so false
// is sent as the "no" form of the name: allow.mount.nozfs, nopersist.
func Bool(name string, value bool) Param {
	if !value {
		name = words.Negate(name)
	}
	return Param{Name: name}
}

// Addrs is an address list such as ip4.addr or ip6.addr in network order. The
// first is the jail's primary address. An empty list means no address at all.
func Addrs(name string, addrs ...netip.Addr) Param {
	data := []byte{}
	for _, a := range addrs {
		data = append(data, a.AsSlice()...)
	}
	return Param{name, data}
}

// Params are the values that JailGet read, in the order they were asked for.
type Params []Param

func (p Params) find(name string) ([]byte, bool) {
	for i := range p {
		if p[i].Name == name {
			return p[i].Data, true
		}
	}
	return nil, false
}

// Int returns a 4-byte value, or 0 when name was not asked for.
func (p Params) Int(name string) int {
	b, _ := p.find(name)
	if len(b) != 4 {
		return 0
	}
	return int(int32(binary.NativeEndian.Uint32(b)))
}

// Ulong returns an 8-byte value, or 0 when name was not asked for.
func (p Params) Ulong(name string) uint64 {
	b, _ := p.find(name)
	if len(b) != 8 {
		return 0
	}
	return binary.NativeEndian.Uint64(b)
}

// Bool tells whether a boolean is set. jail_get(2) gives booleans 4 bytes.
func (p Params) Bool(name string) bool { return p.Int(name) != 0 }

// String returns a text value without its NUL, or "" when it was not asked for.
func (p Params) String(name string) string {
	b, _ := p.find(name)
	s, _, _ := strings.Cut(string(b), "\x00")
	return s
}

// Addrs returns an address list; size is 4 for IPv4 and 16 for IPv6.
func (p Params) Addrs(name string, size int) []netip.Addr {
	b, _ := p.find(name)
	var out []netip.Addr
	for len(b) >= size && size > 0 {
		a, _ := netip.AddrFromSlice(b[:size])
		out = append(out, a)
		b = b[size:]
	}
	return out
}

// Raw returns the bytes the kernel gave and whether name was asked for.
func (p Params) Raw(name string) ([]byte, bool) { return p.find(name) }
