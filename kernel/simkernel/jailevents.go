package simkernel

import (
	"context"
	"errors"
	"iter"
	"strings"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/jailwatch"
	"github.com/libioc/go-libioc/kernel/internal/precheck"
)

// watch is closed and replaced whenever a record of a jail changes.
type watch struct{ changed chan struct{} }

// ch returns the current channel; the caller holds the kernel's lock.
func (w *watch) ch() chan struct{} {
	if w.changed == nil {
		w.changed = make(chan struct{})
	}
	return w.changed
}

// note wakes the watchers if one of the changed keys is a jail's.
func (w *watch) note(keys []string) {
	for _, key := range keys {
		if strings.HasPrefix(key, "jail/") {
			close(w.ch())
			w.changed = nil
			return
		}
	}
}

// waiter waits for a change of the records.
type waiter struct {
	k  *machine
	ch chan struct{}
}

func (w *waiter) Arm([]kernel.Identity) (again bool, err error) {
	w.k.mu.Lock()
	defer w.k.mu.Unlock()
	again = w.ch != w.k.watch.ch()
	w.ch = w.k.watch.ch()
	return again, nil
}

func (w *waiter) Wait(ctx context.Context) error {
	select {
	case <-w.ch:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (*waiter) Close() {}

// JailEvents implements [kernel.Jails].
func (v *view) JailEvents(ctx context.Context) iter.Seq2[kernel.JailEvent, error] {
	return jailwatch.Watch(ctx, v, func() (jailwatch.Waiter, error) { return &waiter{k: v.s}, nil })
}

// JailSetOwned implements [kernel.Jails]. Like FreeBSD 15 the kernel owns the jail by a
// descriptor: it is gone when a later Kernel loads the records.
func (v *view) JailSetOwned(ctx context.Context, params ...kernel.Param) (*kernel.OwnedJail, error) {
	var id kernel.Identity
	descriptor := v.s.rel.jailDesc
	err := v.do(ctx, OpJailSet, precheck.JailName(params), paramText(uint32(kernel.JailCreate), params), func() error {
		if err := precheck.JailSet(kernel.JailCreate, params); err != nil {
			return err
		}
		jid, err := v.set(kernel.JailCreate, params)
		if err != nil {
			var je *kernel.JailError
			if errors.As(err, &je) {
				je.Op, je.Name = "jail_set", precheck.JailName(params)
			}
			return err
		}
		pr := v.s.jails.byJID[jid]
		pr.Owned = descriptor
		v.s.dirty.put(pr.key(), pr)
		id = kernel.Identity{JID: jid, Name: v.nameOf(pr), Incarnation: pr.CPUSet}
		return nil
	})
	if err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx)
	return kernel.NewOwnedJail(id, descriptor, func() error {
		err := v.JailRemove(ctx, id)
		if errors.Is(err, kernel.ErrNotFound) || errors.Is(err, kernel.ErrStale) {
			return nil
		}
		return err
	}), nil
}
