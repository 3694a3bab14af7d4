package simkernel

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/words"
)

// setOpt is one parameter of a jail_set(2) and whether somebody knew it.
type setOpt struct {
	kernel.Param
	seen bool
}

// setOpts are the parameters of a jail_set(2) as the kernel reads them.
type setOpts struct{ list []setOpt }

// errno returns a refusal without a message.
func errno(e syscall.Errno) error { return &kernel.JailError{Errno: e} }

func refuse(e syscall.Errno, msg string) error { return &kernel.JailError{Errno: e, Msg: msg} }

// optOverhead is what the kernel adds to each option when it checks that all of
// them fit 64 KiB; the buffer for errmsg is one of them.
const optOverhead = 48

// newSetOpts drops what is repeated later: of equal names, "foo" and "nofoo"
// being equal, the last one counts.
func newSetOpts(params []kernel.Param) (*setOpts, error) {
	size := len("errmsg") + 1 + 1024 + optOverhead
	o := &setOpts{list: make([]setOpt, 0, len(params))}
	last := make(map[string]int, len(params))
	for i, p := range params {
		size += len(p.Name) + 1 + len(p.Data) + optOverhead
		last[positive(p.Name)] = i
	}
	if size > 64<<10 || 2*len(params)+2 > 1024 {
		return nil, errno(syscall.EINVAL)
	}
	for i, p := range params {
		if last[positive(p.Name)] == i {
			o.list = append(o.list, setOpt{Param: p})
		}
	}
	return o, nil
}

// positive returns a name without the "no" of its last component.
func positive(name string) string {
	i := strings.LastIndexByte(name, '.') + 1
	return name[:i] + strings.TrimPrefix(name[i:], "no")
}

func (o *setOpts) find(name string) *setOpt {
	for i := range o.list {
		if o.list[i].Name == name {
			o.list[i].seen = true
			return &o.list[i]
		}
	}
	return nil
}

// int returns a 4-byte value; any other length is EINVAL.
func (o *setOpts) int(name string) (v int, ok bool, err error) {
	p := o.find(name)
	if p == nil {
		return 0, false, nil
	}
	if len(p.Data) != 4 {
		return 0, false, errno(syscall.EINVAL)
	}
	return int(int32(binary.NativeEndian.Uint32(p.Data))), true, nil
}

func (o *setOpts) ulong(name string) (v uint64, ok bool, err error) {
	p := o.find(name)
	if p == nil {
		return 0, false, nil
	}
	if len(p.Data) != 8 {
		return 0, false, errno(syscall.EINVAL)
	}
	return binary.NativeEndian.Uint64(p.Data), true, nil
}

// string returns a text that ends in NUL and is at most limit bytes with it.
func (o *setOpts) string(name string, limit int) (v string, ok bool, err error) {
	p := o.find(name)
	if p == nil {
		return "", false, nil
	}
	if len(p.Data) == 0 || p.Data[len(p.Data)-1] != 0 {
		return "", false, errno(syscall.EINVAL)
	}
	if limit > 0 && len(p.Data) > limit {
		return "", false, errno(syscall.ENAMETOOLONG)
	}
	v, _, _ = strings.Cut(string(p.Data), "\x00")
	return v, true, nil
}

// flag returns 1 for a boolean, -1 for its "no" form, 0 for neither.
func (o *setOpts) flag(name string) int {
	switch {
	case o.find(name) != nil:
		return 1
	case o.find(words.Negate(name)) != nil:
		return -1
	}
	return 0
}

func (o *setOpts) jailsys(name string, allowed ...kernel.JailSys) (kernel.JailSys, bool, error) {
	v, ok, err := o.int(name)
	if ok && !slices.Contains(allowed, kernel.JailSys(v)) {
		return 0, false, errno(syscall.EINVAL)
	}
	return kernel.JailSys(v), ok, err
}

// addrs returns an address list, sorted except for the first, without the addresses
// that no interface can have.
func (o *setOpts) addrs(name string, size int) ([]netip.Addr, bool, error) {
	p := o.find(name)
	if p == nil {
		return nil, false, nil
	}
	if len(p.Data)%size != 0 {
		return nil, false, errno(syscall.EINVAL)
	}
	if len(p.Data)/size > 255 {
		return nil, false, refuse(syscall.EINVAL, "too many IPv"+map[int]string{4: "4", 16: "6"}[size]+" addresses")
	}
	list := kernel.Params{p.Param}.Addrs(name, size)
	if len(list) > 1 {
		slices.SortFunc(list[1:], netip.Addr.Compare)
	}
	for i, a := range list {
		if a.IsUnspecified() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) ||
			i > 0 && (a == list[i-1] || a == list[0]) {
			return nil, false, errno(syscall.EINVAL)
		}
	}
	return list, true, nil
}

// unknown refuses the first parameter that the kernel did not read.
func (o *setOpts) unknown() error {
	for _, p := range o.list {
		if !p.seen && p.Name != "errmsg" {
			return &kernel.JailError{Param: p.Name, Errno: syscall.EINVAL, Msg: "unknown parameter: " + p.Name}
		}
	}
	return nil
}
