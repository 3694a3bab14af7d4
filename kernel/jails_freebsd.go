//go:build amd64 || arm64 || riscv64

package kernel

import (
	"context"
	"errors"
	"iter"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// arrayTries is how often a list that grows between two calls is read again.
const arrayTries = 5

// paramFinder looks parameters up in the table of known ones and asks the
// kernel once per call for all that are not there.
func paramFinder() func(string) (ParamInfo, bool) {
	discover := func() []ParamInfo {
		list, _ := paramWalk() // without it the kernel names the unknown one
		return list
	}
	var discovered []ParamInfo
	asked := false
	return func(name string) (ParamInfo, bool) {
		if info, _, ok := findParam(knownParams, name); ok {
			return info, true
		}
		if !asked {
			discovered, asked = discover(), true
		}
		info, _, ok := findParam(discovered, name)
		return info, ok
	}
}

func (k *freebsd) JailSet(ctx context.Context, flags SetFlags, params ...Param) (int, error) {
	return k.jailSet(ctx, flags, params)
}

// jailSet is JailSet with pairs of ours behind the caller's.
func (k *freebsd) jailSet(ctx context.Context, flags SetFlags, params []Param, ours ...pair) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := checkSet(flags, params); err != nil {
		return 0, err
	}
	find := paramFinder()
	if err := checkSetValues(flags, params, find); err != nil {
		return 0, err
	}
	pairs := make([]pair, 0, len(params))
	for _, p := range params {
		pairs = append(pairs, newPair(p.Name, p.Data))
	}
	pairs = append(pairs, ours...)
	if name, msg := checkPairs(pairs); msg != "" {
		return 0, &JailError{Op: "jail_set", Name: jailName(params), Param: name, Errno: syscall.EINVAL, Msg: msg}
	}
	// The kernel would revive a dying jail on 13 and 14; nobody wants that.
	jid, _, msg, errno := pairsCall(unix.SYS_JAIL_SET, pairs, uintptr(flags&^JailSetDead), jailErrMsgSize)
	if errno == 0 {
		return jid, nil
	}
	e := &JailError{Op: "jail_set", Name: jailName(params), Param: blamed(msg), Errno: errno, Msg: msg}
	if msg == "" {
		jailed, _ := k.SysctlInt(ctx, "security.jail.jailed")
		e.Param, e.Msg = explainSet(errno, setFacts{flags &^ jailOwnDesc, params, find, os.Geteuid() == 0, jailed == 1})
	}
	return 0, e
}

func (k *freebsd) JailGet(ctx context.Context, flags GetFlags, key Param, want ...string) (Params, error) {
	return k.jailGet(ctx, flags, key, want, paramFinder())
}

func (k *freebsd) jailGet(ctx context.Context, flags GetFlags, key Param, want []string, find func(string) (ParamInfo, bool)) (Params, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	name := jailName([]Param{key})
	grow := 1
	for range arrayTries {
		r := newJailRead(key, want, find, grow)
		if param, msg := checkPairs(r.pairs); msg != "" {
			return nil, &JailError{Op: "jail_get", Name: name, Param: param, Errno: syscall.EINVAL, Msg: msg}
		}
		_, lengths, msg, errno := pairsCall(unix.SYS_JAIL_GET, r.pairs, uintptr(flags), jailErrMsgSize)
		switch {
		case errno == 0:
			return r.params(lengths), nil
		case errno == syscall.EINVAL && msg == "" && flags&^JailDying == 0:
			grow *= 2 // a buffer was too small, which is all that is left
		default:
			return nil, &JailError{Op: "jail_get", Name: name, Param: blamed(msg), Errno: errno, Msg: msg}
		}
	}
	return nil, &JailError{Op: "jail_get", Name: name, Errno: syscall.EINVAL, Msg: "a value does not fit any buffer, or the key has the wrong size"}
}

func (k *freebsd) JailList(ctx context.Context, flags GetFlags, want ...string) iter.Seq2[Params, error] {
	names := slices.Clone(want)
	for _, name := range []string{"name", "jid"} {
		if !slices.Contains(names, name) {
			names = slices.Insert(names, 0, name)
		}
	}
	return func(yield func(Params, error) bool) {
		find := paramFinder()
		for last := 0; ; {
			p, err := k.jailGet(ctx, flags, ByLastJID(last), names, find)
			if errors.Is(err, syscall.ENOENT) {
				return
			}
			if !yield(p, err) || err != nil {
				return
			}
			last = p.Int("jid")
		}
	}
}

func (k *freebsd) JailIdentify(ctx context.Context, flags GetFlags, key Param) (Identity, error) {
	p, err := k.JailGet(ctx, flags, key, "jid", "name", "cpuset.id")
	if err != nil {
		return Identity{}, err
	}
	return Identity{JID: p.Int("jid"), Name: p.String("name"), Incarnation: uint64(uint32(p.Int("cpuset.id")))}, nil
}

// verify tells whether the jid is still the jail that the identity names.
func (k *freebsd) verify(ctx context.Context, op string, flags GetFlags, id Identity) error {
	now, err := k.JailIdentify(ctx, flags, ByJID(id.JID))
	if err != nil {
		var e *JailError
		if errors.As(err, &e) {
			e.Op = op
		}
		return err
	}
	if id.sameLife(now) {
		return nil
	}
	return &JailError{
		Op: op, Name: id.String(), Errno: syscall.ENOENT, Err: ErrStale,
		Msg: "the jid now belongs to jail " + now.Name,
	}
}

func (k *freebsd) JailRemove(ctx context.Context, id Identity) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	gone := &JailError{Op: "jail_remove", Name: id.String(), Errno: syscall.EINVAL, Msg: "jail " + itoa(id.JID) + " not found", Err: ErrNotFound}
	if id.JID <= 0 {
		return gone
	}
	err := k.verify(ctx, "jail_remove", JailDying, id)
	switch {
	case errors.Is(err, ErrStale):
		return err
	case errors.Is(err, ErrNotFound):
		return gone
	case err != nil:
		return err
	}
	// A socket of ours in its network stack would keep it dying.
	k.dropVnets(id)
	switch errno := jailRemoveCall(id.JID); errno {
	case 0:
		return nil
	case syscall.EINVAL:
		return gone
	case syscall.EPERM:
		return &JailError{Op: "jail_remove", Name: id.String(), Errno: errno, Msg: "only root of the jail's parent may remove it"}
	default:
		return &JailError{Op: "jail_remove", Name: id.String(), Errno: errno}
	}
}

func (k *freebsd) JailParams(ctx context.Context) ([]ParamInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	list, errno := paramWalk()
	if errno != 0 {
		return nil, sysctlError("security.jail.param", errno, "")
	}
	return list, nil
}
