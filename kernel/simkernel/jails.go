package simkernel

import (
	"context"
	"encoding/binary"
	"errors"
	"iter"
	"strconv"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/precheck"
)

// getFlags are the flags jail_get(2) knows.
const getFlags = kernel.JailDying

// JailGet implements [kernel.Jails].
func (v *view) JailGet(ctx context.Context, flags kernel.GetFlags, key kernel.Param, want ...string) (kernel.Params, error) {
	var out kernel.Params
	text := paramText(uint32(flags), []kernel.Param{key}) + " " + strings.Join(want, " ")
	err := v.do(ctx, OpJailGet, precheck.JailName([]kernel.Param{key}), strings.TrimSuffix(text, " "), func() error {
		var err error
		out, err = v.get(flags, key, want)
		return err
	})
	return out, err
}

func (v *view) get(flags kernel.GetFlags, key kernel.Param, want []string) (kernel.Params, error) {
	out, err := func() (kernel.Params, error) {
		mask := getFlags
		if v.s.rel.jailDesc {
			mask = 0xf8
		}
		if flags&^mask != 0 {
			return nil, errno(syscall.EINVAL)
		}
		if flags&0xe0 != 0 { // JAIL_USE_DESC passes without the parameter desc
			return nil, refuse(syscall.ENOENT, "missing desc")
		}
		pr, err := v.pick(flags, key, want)
		if err != nil {
			return nil, err
		}
		return v.read(pr, want)
	}()
	var je *kernel.JailError
	if errors.As(err, &je) {
		je.Op, je.Name = "jail_get", precheck.JailName([]kernel.Param{key})
	}
	return out, err
}

// pick finds the jail: lastjid, then jid, then name, as jail_get(2) looks.
func (v *view) pick(flags kernel.GetFlags, key kernel.Param, want []string) (*prison, error) {
	j := &v.s.jails
	seen := func(pr *prison) bool {
		return (pr.alive() || flags&kernel.JailDying != 0) && pr.below(v.me)
	}
	number := func() (int, error) {
		if len(key.Data) != 4 {
			return 0, errno(syscall.EINVAL)
		}
		return int(int32(binary.NativeEndian.Uint32(key.Data))), nil
	}
	switch key.Name {
	case "lastjid":
		n, err := number()
		if err != nil {
			return nil, err
		}
		for _, pr := range j.list[j.search(n+1):] {
			if seen(pr) {
				return pr, nil
			}
		}
		return nil, refuse(syscall.ENOENT, "no jail after "+strconv.Itoa(n))
	case "jid":
		n, err := number()
		if err != nil {
			return nil, err
		}
		if n != 0 {
			pr := j.byJID[n]
			switch {
			case pr == nil || !pr.below(v.me):
				return nil, refuse(syscall.ENOENT, "jail "+strconv.Itoa(n)+" not found")
			case !seen(pr):
				return nil, refuse(syscall.ENOENT, "jail "+strconv.Itoa(n)+" is dying")
			}
			return pr, nil
		}
		for _, name := range want {
			if name == "name" { // its empty buffer is taken for a name
				return nil, refuse(syscall.ENOENT, `jail "" not found`)
			}
		}
		return nil, refuse(syscall.ENOENT, "no jail specified")
	case "name":
		if len(key.Data) == 0 || key.Data[len(key.Data)-1] != 0 {
			return nil, errno(syscall.EINVAL)
		}
		name := kernel.Params{key}.String("name")
		pr := j.find(v.me, v.fullName(name))
		switch {
		case pr == nil:
			return nil, refuse(syscall.ENOENT, `jail "`+name+`" not found`)
		case !seen(pr):
			return nil, refuse(syscall.ENOENT, `jail "`+name+`" is dying`)
		}
		return pr, nil
	}
	return nil, refuse(syscall.ENOENT, "no jail specified")
}

// read makes the wanted values. Of "foo" and "nofoo" in one call only the last
// is filled in, the other stays zero.
func (v *view) read(pr *prison, want []string) (kernel.Params, error) {
	out := make(kernel.Params, 0, len(want))
	var twins map[string]int
	for i, name := range want {
		p := v.s.lookup(name)
		if p == nil {
			if name == "lastjid" {
				out = append(out, kernel.Int(name, pr.JID))
				continue
			}
			return nil, &kernel.JailError{Param: name, Errno: syscall.EINVAL, Msg: "unknown parameter: " + name}
		}
		out = append(out, encode(name, p.get(v, pr)))
		if p.Type == kernel.ParamBool {
			if twins == nil {
				twins = map[string]int{}
			}
			if first, ok := twins[positive(name)]; ok {
				out[first] = kernel.Int(out[first].Name, 0)
			}
			twins[positive(name)] = i
		}
	}
	return out, nil
}

// JailList implements [kernel.Jails].
func (v *view) JailList(ctx context.Context, flags kernel.GetFlags, want ...string) iter.Seq2[kernel.Params, error] {
	names := []string{"jid", "name"}
	for _, w := range want {
		if w != "jid" && w != "name" {
			names = append(names, w)
		}
	}
	return func(yield func(kernel.Params, error) bool) {
		last := 0
		for {
			var p kernel.Params
			err := v.do(ctx, OpJailGet, strconv.Itoa(last), "lastjid="+strconv.Itoa(last), func() error {
				var err error
				p, err = v.get(flags, kernel.ByLastJID(last), names)
				return err
			})
			if errors.Is(err, kernel.ErrNotFound) && errors.Is(err, syscall.ENOENT) {
				return
			}
			if !yield(p, err) || err != nil {
				return
			}
			last = p.Int("jid")
		}
	}
}

// JailIdentify implements [kernel.Jails].
func (v *view) JailIdentify(ctx context.Context, flags kernel.GetFlags, key kernel.Param) (kernel.Identity, error) {
	p, err := v.JailGet(ctx, flags, key, "jid", "name", "cpuset.id")
	if err != nil {
		return kernel.Identity{}, err
	}
	return kernel.Identity{JID: p.Int("jid"), Name: p.String("name"), Incarnation: uint64(p.Int("cpuset.id"))}, nil
}

// JailRemove implements [kernel.Jails].
func (v *view) JailRemove(ctx context.Context, id kernel.Identity) error {
	return v.do(ctx, OpJailRemove, id.String(), id.String(), func() error {
		named := id
		named.Name = v.fullName(id.Name)
		pr, err := v.s.jails.check("jail_remove", named)
		if pr != nil && !pr.below(v.me) {
			pr, err = nil, &kernel.JailError{Op: "jail_remove", Name: id.Name, Errno: syscall.EINVAL, Msg: "no such jail", Err: kernel.ErrNotFound}
		}
		if err != nil || !pr.alive() {
			return err
		}
		v.s.jails.kill(pr)
		return nil
	})
}

// HoldDying refers to a jail as an open socket of it would: after its end it
// stays dying until release is called.
func (s *Kernel) HoldDying(id kernel.Identity) (release func(), err error) {
	k := s.s
	k.mu.Lock()
	defer k.mu.Unlock()
	pr, err := k.jails.check("hold", id)
	if err != nil {
		return nil, err
	}
	pr.Holds++
	released := false
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if released || pr.gone {
			return
		}
		released = true
		pr.Holds--
		k.jails.settle(pr)
		_ = k.commit() // the caller cannot do anything about it here
	}, nil
}
