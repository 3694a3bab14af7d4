package kernel

import (
	"context"
	"errors"
	"iter"
	"strings"
)

// simWatch is closed, and made anew, when a record of a jail changes.
type simWatch struct{ changed chan struct{} }

// ch is the channel of now; the caller holds the kernel's lock.
func (w *simWatch) ch() chan struct{} {
	if w.changed == nil {
		w.changed = make(chan struct{})
	}
	return w.changed
}

// note wakes the watchers if one of the changed keys is a jail's.
func (w *simWatch) note(keys []string) {
	for _, key := range keys {
		if strings.HasPrefix(key, "jail/") {
			close(w.ch())
			w.changed = nil
			return
		}
	}
}

// simWaiter waits for a change of the records.
type simWaiter struct {
	k  *simKernel
	ch chan struct{}
}

func (w *simWaiter) arm([]Identity) (again bool, err error) {
	w.k.mu.Lock()
	defer w.k.mu.Unlock()
	again = w.ch != w.k.watch.ch()
	w.ch = w.k.watch.ch()
	return again, nil
}

func (w *simWaiter) wait(ctx context.Context) error {
	select {
	case <-w.ch:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (*simWaiter) close() {}

// JailEvents implements [Jails].
func (v *simView) JailEvents(ctx context.Context) iter.Seq2[JailEvent, error] {
	return watchJails(ctx, v, func() (jailWaiter, error) { return &simWaiter{k: v.s}, nil })
}

// JailSetOwned implements [Jails]. As FreeBSD 15 the Sim owns the jail by a
// descriptor: it is gone when a later Sim loads the records.
func (v *simView) JailSetOwned(ctx context.Context, params ...Param) (*OwnedJail, error) {
	var id Identity
	descriptor := v.s.rel.jailDesc
	err := v.do(ctx, "jail_set", paramText(uint32(JailCreate), params), func() error {
		if err := checkSet(JailCreate, params); err != nil {
			return err
		}
		jid, err := v.set(JailCreate, params)
		if err != nil {
			var je *JailError
			if errors.As(err, &je) {
				je.Op, je.Name = "jail_set", jailName(params)
			}
			return err
		}
		pr := v.s.jails.byJID[jid]
		pr.Owned = descriptor
		v.s.dirty.put(pr.key(), pr)
		id = Identity{JID: jid, Name: v.nameOf(pr), Incarnation: pr.CPUSet}
		return nil
	})
	if err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx)
	return NewOwnedJail(id, descriptor, func() error {
		err := v.JailRemove(ctx, id)
		if errors.Is(err, ErrNotFound) || errors.Is(err, ErrStale) {
			return nil
		}
		return err
	}), nil
}
