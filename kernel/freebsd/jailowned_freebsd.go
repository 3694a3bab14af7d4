//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"context"
	"errors"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/abi"
	"github.com/libioc/go-libioc/kernel/internal/precheck"
)

// jailOwnDesc is JAIL_OWN_DESC of sys/jail.h, FreeBSD 15: jail_set(2) returns a
// descriptor in the parameter desc, and the jail ends when it is closed.
const jailOwnDesc kernel.SetFlags = 0x80

func (k *system) JailSetOwned(ctx context.Context, params ...kernel.Param) (*kernel.OwnedJail, error) {
	if hasJailDescriptors() {
		return k.setByDescriptor(ctx, params)
	}
	jid, err := k.JailSet(ctx, kernel.JailCreate, params...)
	if err != nil {
		return nil, err
	}
	// The jail exists: from here on even a cancelled call takes care of it.
	ctx = context.WithoutCancel(ctx)
	id, err := k.JailIdentify(ctx, 0, kernel.ByJID(jid))
	if err != nil {
		return nil, errors.Join(err, endOwned(k.JailRemove(ctx, kernel.Identity{JID: jid, Name: precheck.JailName(params)})))
	}
	return kernel.NewOwnedJail(id, false, func() error { return endOwned(k.JailRemove(ctx, id)) }), nil
}

// endOwned ignores that the jail has ended, which is what Close is for.
func endOwned(err error) error {
	return ignore.Err(err, kernel.ErrNotFound, kernel.ErrStale)
}

func (k *system) setByDescriptor(ctx context.Context, params []kernel.Param) (*kernel.OwnedJail, error) {
	desc := abi.NewPair("desc", kernel.Int("desc", -1).Data)
	// No child that is started now may inherit the descriptor: it would own the
	// jail too.
	syscall.ForkLock.RLock()
	jid, err := k.jailSet(ctx, kernel.JailCreate|jailOwnDesc, params, desc)
	fd := int(abi.Int(desc.Value))
	if err == nil && fd >= 0 {
		unix.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx)
	id, err := k.JailIdentify(ctx, 0, kernel.ByJID(jid))
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return kernel.NewOwnedJail(id, true, func() error {
		k.dropVnets(id) // open sockets in its stack would keep it dying
		if err := unix.Close(fd); err != nil {
			return &kernel.JailError{Op: "close", Name: id.String(), Errno: err.(syscall.Errno), Msg: "jail descriptor"}
		}
		return nil
	}), nil
}
