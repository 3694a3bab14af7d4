package replaytest

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
)

var errnoByName = map[string]syscall.Errno{
	"EPERM": syscall.EPERM, "ENOENT": syscall.ENOENT, "EINVAL": syscall.EINVAL, "EEXIST": syscall.EEXIST,
	"ENOTDIR": syscall.ENOTDIR, "ENAMETOOLONG": syscall.ENAMETOOLONG, "EADDRINUSE": syscall.EADDRINUSE,
	"EBUSY": syscall.EBUSY, "EDEADLK": syscall.EDEADLK, "EOPNOTSUPP": syscall.EOPNOTSUPP,
	"EBADF": syscall.EBADF, "errno27": syscall.EFBIG,
}

// textParams are the parameters whose recorded value is a text even when it
// looks like a number.
var textParams = map[string]bool{
	"name": true, "path": true, "host.hostname": true, "host.domainname": true, "host.hostuuid": true,
	"osrelease": true, "meta": true, "env": true, "fspath": true,
}

// param reads "name", "name=text", "name=number" (4 bytes), "name=numberL" (8
// bytes), "name=0xhex" (the bytes) and "<n bytes text>".
func param(s string) (kernel.Param, error) {
	name, value, ok := strings.Cut(s, "=")
	if !ok {
		return kernel.Param{Name: name}, nil
	}
	if h, isHex := strings.CutPrefix(value, "0x"); isHex {
		b, err := hex.DecodeString(h)
		return kernel.Param{Name: name, Data: b}, err
	}
	if n := 0; strings.HasPrefix(value, "<") {
		if _, err := fmt.Sscanf(value, "<%d bytes", &n); err != nil {
			return kernel.Param{}, err
		}
		if strings.HasSuffix(value, "text>") {
			return kernel.String(name, longText(name, n)), nil
		}
		var b []byte
		for i := range n / 4 {
			b = binary.BigEndian.AppendUint32(b, 0x0a000001+uint32(i))
		}
		return kernel.Param{Name: name, Data: b}, nil
	}
	if !textParams[name] && !strings.HasPrefix(name, "meta.") {
		if n, err := strconv.Atoi(value); err == nil {
			return kernel.Int(name, n), nil
		}
		if n, err := strconv.ParseUint(strings.TrimSuffix(value, "L"), 10, 64); err == nil {
			return kernel.Ulong(name, n), nil
		}
	}
	return kernel.String(name, value), nil
}

func longText(name string, n int) string {
	switch name {
	case "fspath":
		return "/mt/" + strings.Repeat("d", n-len("/mt/"))
	case "path":
		return "/" + strings.Repeat("x", n-1)
	}
	return strings.Repeat("x", n)
}

// flagBits reads "create|dying|0x10".
func flagBits(s string) (bits uint32, err error) {
	for f := range strings.SplitSeq(s, "|") {
		switch f {
		case "":
		case "create":
			bits |= uint32(kernel.JailCreate)
		case "update":
			bits |= uint32(kernel.JailUpdate)
		case "dying":
			bits |= uint32(kernel.JailDying)
		case "use_desc":
			bits |= 0x10
		default:
			n, err := strconv.ParseUint(f, 0, 32)
			if err != nil {
				return 0, cannot("flag " + f)
			}
			bits |= uint32(n)
		}
	}
	return bits, nil
}

func replaySet(k kernel.Kernel, l line) error {
	bits, err := flagBits(l.Flags)
	if err != nil {
		return err
	}
	var params []kernel.Param
	hasPath := false
	for _, s := range l.Params {
		p, err := param(s)
		if err != nil {
			return err
		}
		if p.Name == "desc" {
			return cannot("jail descriptors")
		}
		hasPath = hasPath || p.Name == "path"
		params = append(params, p)
	}
	if kernel.SetFlags(bits)&(kernel.JailCreate|kernel.JailUpdate) == kernel.JailCreate && !hasPath {
		params = append(params, kernel.String("path", "/")) // the kernel's default, which JailSet requires
	}
	_, err = k.JailSet(context.Background(), kernel.SetFlags(bits), params...)
	return l.compare(err)
}

func replayGet(k kernel.Kernel, l line, s lineSetup) error {
	bits, err := flagBits(l.Flags)
	if err != nil {
		return err
	}
	if len(l.Params) == 0 {
		return cannot("no key")
	}
	key, err := param(l.Params[0])
	if err != nil {
		return err
	}
	if key.Name == "desc" {
		return cannot("jail descriptors")
	}
	want := l.Params[1:]
	if l.Get != nil {
		want = sortedKeys(l.Get)
	}
	if s.Want != nil {
		want = s.Want
	}
	got, err := k.JailGet(context.Background(), kernel.GetFlags(bits), key, want...)
	if err := l.compare(err); err != nil {
		return err
	}
	infos, err := k.JailParams(context.Background())
	if err != nil {
		return err
	}
	types := map[string]kernel.ParamType{}
	for _, i := range infos {
		types[i.Name] = i.Type
	}
	for name, want := range l.Get {
		if have := show(got, name, types[name]); have != want {
			return fmt.Errorf("%s: recorded %q, got %q", name, want, have)
		}
	}
	return nil
}

// show returns a value as the recordings write it.
func show(p kernel.Params, name string, t kernel.ParamType) string {
	raw, ok := p.Raw(name)
	switch {
	case !ok:
		return "not read"
	case t == kernel.ParamString || strings.HasPrefix(name, "meta."):
		return p.String(name)
	case t == kernel.ParamUlong:
		return strconv.FormatUint(p.Ulong(name), 10)
	case t == kernel.ParamAddr4 || t == kernel.ParamAddr6:
		return fmt.Sprintf("len=%d 0x%x", len(raw), raw)
	}
	return strconv.Itoa(p.Int(name))
}

func replayRemove(k kernel.Kernel, l line, s lineSetup) error {
	ctx := context.Background()
	var id kernel.Identity
	var err error
	switch {
	case s.Remove != "":
		id, err = k.JailIdentify(ctx, 0, kernel.ByName(s.Remove))
	case s.Dying:
		id, err = k.JailIdentify(ctx, kernel.JailDying, kernel.ByJID(*s.JID))
	case s.JID != nil:
		id = kernel.Identity{JID: *s.JID}
	default:
		return fmt.Errorf("the sidecar names no target")
	}
	if err != nil {
		return err
	}
	return l.compare(k.JailRemove(ctx, id))
}

func replayMount(k kernel.Kernel, l line) error {
	flags, _ := strconv.ParseUint(l.Flags, 0, 64)
	req := kernel.MountRequest{Flags: kernel.MountFlags(flags), AllowEmptyRuleset: true}
	for _, s := range l.Params {
		name, value, _ := strings.Cut(s, "=")
		switch name {
		case "fstype":
			req.Type = value
		case "fspath":
			p, err := param(s)
			if err != nil {
				return err
			}
			req.Path = kernel.Params{p}.String(name)
		case "target", "from":
			req.From = value
		default:
			req.Options = append(req.Options, kernel.MountOption{Name: name, Value: value})
		}
	}
	_, err := k.Nmount(context.Background(), req)
	return l.compare(err)
}
