package kernel

import (
	"strconv"
	"syscall"
)

// checkSet refuses what jail_set(2) would accept and nobody wants: a new jail
// without path shares the host's own root directory. The real kernel and Sim
// both ask it first.
func checkSet(flags SetFlags, params []Param) error {
	if flags&jailAttach != 0 {
		return &JailError{
			Op: "jail_set", Name: jailName(params), Errno: syscall.EINVAL,
			Msg: "this process is never attached to a jail", Err: ErrUnsupported,
		}
	}
	if flags&JailCreate == 0 || flags&JailUpdate != 0 {
		return nil // path is refused with JailUpdate, so it cannot be asked for
	}
	if _, ok := Params(params).find("path"); ok {
		return nil
	}
	return &JailError{
		Op: "jail_set", Name: jailName(params), Param: "path", Errno: syscall.EINVAL,
		Msg: "a new jail needs a path; without one its root is the host's",
	}
}

// jailAttach is JAIL_ATTACH, which would move this very process into the jail.
const jailAttach SetFlags = 0x04

// jailName is how errors call the jail that the parameters select.
func jailName(params []Param) string {
	p := Params(params)
	if s := p.String("name"); s != "" {
		return s
	}
	for _, key := range [...]string{"jid", "lastjid"} {
		if b, ok := p.find(key); ok && len(b) == 4 {
			return strconv.Itoa(p.Int(key))
		}
	}
	return ""
}

// ruleset is the number of the ruleset that a devfs mount asks for; none is 0,
// which has no rules. It is not valid when the kernel will refuse the text.
func (r MountRequest) ruleset() (number uint16, valid bool) {
	for i := len(r.Options) - 1; i >= 0; i-- {
		if r.Options[i].Name == "ruleset" {
			n, err := strconv.ParseUint(r.Options[i].Value, 10, 16)
			return uint16(n), err == nil
		}
	}
	return 0, true
}

// mayBeEmpty tells whether a mount needs no look at the rules: it is not devfs,
// the caller permits it, or it only updates what is mounted.
func (r MountRequest) mayBeEmpty() bool {
	return r.Type != "devfs" || r.AllowEmptyRuleset || r.Flags&MntUpdate != 0
}
