//go:build amd64 || arm64 || riscv64

package kernel

import (
	"context"
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// jailOwnDesc is JAIL_OWN_DESC of sys/jail.h, FreeBSD 15: jail_set(2) returns a
// descriptor in the parameter desc, and the jail ends when it is closed.
const jailOwnDesc SetFlags = 0x80

func (k *freebsd) JailSetOwned(ctx context.Context, params ...Param) (*OwnedJail, error) {
	if hasJailDescriptors() {
		return k.setByDescriptor(ctx, params)
	}
	jid, err := k.JailSet(ctx, JailCreate, params...)
	if err != nil {
		return nil, err
	}
	// The jail is there: from here on even a cancelled call looks after it.
	ctx = context.WithoutCancel(ctx)
	id, err := k.JailIdentify(ctx, 0, ByJID(jid))
	if err != nil {
		return nil, errors.Join(err, endOwned(k.JailRemove(ctx, Identity{JID: jid, Name: jailName(params)})))
	}
	return NewOwnedJail(id, false, func() error { return endOwned(k.JailRemove(ctx, id)) }), nil
}

// endOwned: a jail that has ended is what Close wants.
func endOwned(err error) error {
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrStale) {
		return nil
	}
	return err
}

func (k *freebsd) setByDescriptor(ctx context.Context, params []Param) (*OwnedJail, error) {
	desc := newPair("desc", Int("desc", -1).Data)
	// No child that is started now may inherit the descriptor: it would own the
	// jail too.
	syscall.ForkLock.RLock()
	jid, err := k.jailSet(ctx, JailCreate|jailOwnDesc, params, desc)
	fd := int(nativeInt(desc.value))
	if err == nil && fd >= 0 {
		unix.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx)
	id, err := k.JailIdentify(ctx, 0, ByJID(jid))
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return NewOwnedJail(id, true, func() error {
		k.dropVnets(id) // sockets of ours would keep it dying
		if err := unix.Close(fd); err != nil {
			return &JailError{Op: "close", Name: id.String(), Errno: err.(syscall.Errno), Msg: "jail descriptor"}
		}
		return nil
	}), nil
}
