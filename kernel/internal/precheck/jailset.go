package precheck

import (
	"strconv"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
)

// JailSet refuses what jail_set(2) would accept and nobody wants: a new jail
// without path shares the host's own root directory. Both kernels
// both ask it first.
func JailSet(flags kernel.SetFlags, params []kernel.Param) error {
	if flags&jailAttach != 0 {
		return &kernel.JailError{
			Op: "jail_set", Name: JailName(params), Errno: syscall.EINVAL,
			Msg: "this process is never attached to a jail", Err: kernel.ErrUnsupported,
		}
	}
	if flags&kernel.JailCreate == 0 || flags&kernel.JailUpdate != 0 {
		return nil // path is refused with JailUpdate, so it cannot be asked for
	}
	if _, ok := kernel.Params(params).Raw("path"); ok {
		return nil
	}
	return &kernel.JailError{
		Op: "jail_set", Name: JailName(params), Param: "path", Errno: syscall.EINVAL,
		Msg: "a new jail needs a path; without one its root is the host's",
	}
}

// jailAttach is JAIL_ATTACH, which would move this very process into the jail.
const jailAttach kernel.SetFlags = 0x04

// JailName is how errors call the jail that the parameters select.
func JailName(params []kernel.Param) string {
	p := kernel.Params(params)
	if s := p.String("name"); s != "" {
		return s
	}
	for _, key := range [...]string{"jid", "lastjid"} {
		if b, ok := p.Raw(key); ok && len(b) == 4 {
			return strconv.Itoa(p.Int(key))
		}
	}
	return ""
}
