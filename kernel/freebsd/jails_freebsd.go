//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"context"
	"errors"
	"iter"
	"os"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/abi"
	"github.com/libioc/go-libioc/kernel/internal/jailparam"
	"github.com/libioc/go-libioc/kernel/internal/precheck"
)

// arrayTries is how often a list that grows between two calls is read again.
const arrayTries = 5

// paramFinder looks parameters up in the table of known ones and asks the
// kernel once per call for all others.
func paramFinder() func(string) (kernel.ParamInfo, bool) {
	discover := func() []kernel.ParamInfo {
		list, _ := paramWalk() // without it the kernel names the unknown one
		return list
	}
	var discovered []kernel.ParamInfo
	asked := false
	return func(name string) (kernel.ParamInfo, bool) {
		if info, _, ok := jailparam.Find(jailparam.Known, name); ok {
			return info, true
		}
		if !asked {
			discovered, asked = discover(), true
		}
		info, _, ok := jailparam.Find(discovered, name)
		return info, ok
	}
}

func (k *system) JailSet(ctx context.Context, flags kernel.SetFlags, params ...kernel.Param) (int, error) {
	return k.jailSet(ctx, flags, params)
}

// jailSet is JailSet with further pairs after the caller's.
func (k *system) jailSet(ctx context.Context, flags kernel.SetFlags, params []kernel.Param, ours ...abi.Pair) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := precheck.JailSet(flags, params); err != nil {
		return 0, err
	}
	find := paramFinder()
	if err := jailparam.CheckValues(flags, params, find); err != nil {
		return 0, err
	}
	pairs := make([]abi.Pair, 0, len(params))
	for _, p := range params {
		pairs = append(pairs, abi.NewPair(p.Name, p.Data))
	}
	pairs = append(pairs, ours...)
	if name, msg := abi.CheckPairs(pairs); msg != "" {
		return 0, &kernel.JailError{Op: "jail_set", Name: precheck.JailName(params), Param: name, Errno: syscall.EINVAL, Msg: msg}
	}
	// The kernel would revive a dying jail on 13 and 14, which is never intended.
	jid, _, msg, errno := pairsCall(unix.SYS_JAIL_SET, pairs, uintptr(flags&^kernel.JailSetDead), jailparam.ErrMsgSize)
	if errno == 0 {
		return jid, nil
	}
	e := &kernel.JailError{Op: "jail_set", Name: precheck.JailName(params), Param: jailparam.Blamed(msg), Errno: errno, Msg: msg}
	if msg == "" {
		jailed, _ := k.SysctlInt(ctx, "security.jail.jailed")
		e.Param, e.Msg = jailparam.Explain(errno, jailparam.Facts{Flags: flags &^ jailOwnDesc, Params: params, Find: find, Root: os.Geteuid() == 0, Jailed: jailed == 1})
	}
	return 0, e
}

func (k *system) JailGet(ctx context.Context, flags kernel.GetFlags, key kernel.Param, want ...string) (kernel.Params, error) {
	return k.jailGet(ctx, flags, key, want, paramFinder())
}

func (k *system) jailGet(ctx context.Context, flags kernel.GetFlags, key kernel.Param, want []string, find func(string) (kernel.ParamInfo, bool)) (kernel.Params, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	name := precheck.JailName([]kernel.Param{key})
	grow := 1
	for range arrayTries {
		r := jailparam.NewRead(key, want, find, grow)
		if param, msg := abi.CheckPairs(r.Pairs); msg != "" {
			return nil, &kernel.JailError{Op: "jail_get", Name: name, Param: param, Errno: syscall.EINVAL, Msg: msg}
		}
		_, lengths, msg, errno := pairsCall(unix.SYS_JAIL_GET, r.Pairs, uintptr(flags), jailparam.ErrMsgSize)
		switch {
		case errno == 0:
			return r.Params(lengths), nil
		case errno == syscall.EINVAL && msg == "" && flags&^kernel.JailDying == 0:
			grow *= 2 // a buffer was too small, which is all that is left
		default:
			return nil, &kernel.JailError{Op: "jail_get", Name: name, Param: jailparam.Blamed(msg), Errno: errno, Msg: msg}
		}
	}
	return nil, &kernel.JailError{Op: "jail_get", Name: name, Errno: syscall.EINVAL, Msg: "a value does not fit any buffer, or the key has the wrong size"}
}

func (k *system) JailList(ctx context.Context, flags kernel.GetFlags, want ...string) iter.Seq2[kernel.Params, error] {
	names := slices.Clone(want)
	for _, name := range []string{"name", "jid"} {
		if !slices.Contains(names, name) {
			names = slices.Insert(names, 0, name)
		}
	}
	return func(yield func(kernel.Params, error) bool) {
		find := paramFinder()
		for last := 0; ; {
			p, err := k.jailGet(ctx, flags, kernel.ByLastJID(last), names, find)
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

func (k *system) JailIdentify(ctx context.Context, flags kernel.GetFlags, key kernel.Param) (kernel.Identity, error) {
	p, err := k.JailGet(ctx, flags, key, "jid", "name", "cpuset.id")
	if err != nil {
		return kernel.Identity{}, err
	}
	return kernel.Identity{JID: p.Int("jid"), Name: p.String("name"), Incarnation: uint64(uint32(p.Int("cpuset.id")))}, nil
}

// verify reports whether the jid is still the jail that the identity names.
func (k *system) verify(ctx context.Context, op string, flags kernel.GetFlags, id kernel.Identity) error {
	now, err := k.JailIdentify(ctx, flags, kernel.ByJID(id.JID))
	if err != nil {
		if e, ok := errors.AsType[*kernel.JailError](err); ok {
			e.Op = op
		}
		return err
	}
	if precheck.SameLife(id, now) {
		return nil
	}
	return &kernel.JailError{
		Op: op, Name: id.String(), Errno: syscall.ENOENT, Err: kernel.ErrStale,
		Msg: "the jid now belongs to jail " + now.Name,
	}
}

func (k *system) JailRemove(ctx context.Context, id kernel.Identity) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	gone := &kernel.JailError{Op: "jail_remove", Name: id.String(), Errno: syscall.EINVAL, Msg: "jail " + strconv.Itoa(id.JID) + " not found", Err: kernel.ErrNotFound}
	if id.JID <= 0 {
		return gone
	}
	err := k.verify(ctx, "jail_remove", kernel.JailDying, id)
	switch {
	case errors.Is(err, kernel.ErrStale):
		return err
	case errors.Is(err, kernel.ErrNotFound):
		return gone
	case err != nil:
		return err
	}
	// An open socket in its network stack would keep it dying.
	k.dropVnets(id)
	switch errno := numberCall(unix.SYS_JAIL_REMOVE, id.JID); errno {
	case 0:
		return nil
	case syscall.EINVAL:
		return gone
	case syscall.EPERM:
		return &kernel.JailError{Op: "jail_remove", Name: id.String(), Errno: errno, Msg: "only root of the jail's parent may remove it"}
	default:
		return &kernel.JailError{Op: "jail_remove", Name: id.String(), Errno: errno}
	}
}

func (k *system) JailParams(ctx context.Context) ([]kernel.ParamInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	list, errno := paramWalk()
	if errno != 0 {
		return nil, sysctlError("security.jail.param", errno, "")
	}
	return list, nil
}
