package kernel

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"strings"

	"github.com/libioc/go-libioc/kernel/internal/words"
)

// Param is one name and value of jail_set(2) or jail_get(2), encoded for the
// kernel. The constructors below know the encodings; any other Param is sent
// unchanged.
type Param struct {
	Name string
	// Data is the value's bytes in native order; nil sends the name alone, as
	// jail_set(2) expects for a boolean.
	Data []byte
}

// JailSys is the value of a parameter that can be disabled, the jail's own, or
// inherited from the parent. The numbers are the kernel's, sys/jail.h.
type JailSys int32

// The three jailsys values.
const (
	JailSysDisable JailSys = 0
	JailSysNew     JailSys = 1
	JailSysInherit JailSys = 2
)

var jailSysWords = map[JailSys]string{JailSysDisable: "disable", JailSysNew: "new", JailSysInherit: "inherit"}

func (s JailSys) String() string { return cmp.Or(jailSysWords[s], "invalid") }

// String returns a text parameter, sent with its final NUL.
func String(name, value string) Param {
	return Param{name, append([]byte(value), 0)}
}

// Int returns a 4-byte parameter.
func Int(name string, value int) Param {
	return Param{name, binary.NativeEndian.AppendUint32(nil, uint32(int32(value)))}
}

// Ulong returns an 8-byte parameter, such as host.hostid.
func Ulong(name string, value uint64) Param {
	return Param{name, binary.NativeEndian.AppendUint64(nil, value)}
}

// Jailsys returns a parameter such as ip4, vnet or sysvshm.
func Jailsys(name string, value JailSys) Param { return Int(name, int(value)) }

// Bool returns a boolean parameter. Only its presence counts for jail_set(2), so
// false is sent as the "no" form of the name: allow.mount.nozfs, nopersist.
func Bool(name string, value bool) Param {
	if !value {
		name = words.Negate(name)
	}
	return Param{Name: name}
}

// Addrs returns an address list such as ip4.addr or ip6.addr in network order. The
// first is the jail's primary address. With an empty list the jail has none.
func Addrs(name string, addrs ...netip.Addr) Param {
	data := []byte{}
	for _, a := range addrs {
		data = append(data, a.AsSlice()...)
	}
	return Param{name, data}
}

// Params are the values that JailGet read, in the order requested.
type Params []Param

func (p Params) find(name string) ([]byte, bool) {
	for i := range p {
		if p[i].Name == name {
			return p[i].Data, true
		}
	}
	return nil, false
}

// Int returns a 4-byte value, or 0 if name was not requested.
func (p Params) Int(name string) int {
	b, _ := p.find(name)
	if len(b) != 4 {
		return 0
	}
	return int(int32(binary.NativeEndian.Uint32(b)))
}

// Ulong returns an 8-byte value, or 0 if name was not requested.
func (p Params) Ulong(name string) uint64 {
	b, _ := p.find(name)
	if len(b) != 8 {
		return 0
	}
	return binary.NativeEndian.Uint64(b)
}

// Bool reports whether a boolean is set. jail_get(2) returns booleans as 4 bytes.
func (p Params) Bool(name string) bool { return p.Int(name) != 0 }

// String returns a text value without its NUL, or "" if it was not requested.
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

// Raw returns the bytes of a value and whether name was requested.
func (p Params) Raw(name string) ([]byte, bool) { return p.find(name) }
