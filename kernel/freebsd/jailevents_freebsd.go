//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"context"
	"iter"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/jailwatch"
)

// The jail filter of kqueue(2), sys/event.h of FreeBSD 15. On jid 0 it reports
// the jails created on the host; on another jid the changes of that jail.
const (
	evfiltJail     = -14
	noteJailChild  = 0x80000000
	noteJailSet    = 0x40000000
	noteJailRemove = 0x10000000
)

// jailPoll is how often the jails are looked at where the kernel has no events.
const jailPoll = time.Second

func (k *system) JailEvents(ctx context.Context) iter.Seq2[kernel.JailEvent, error] {
	return jailwatch.Watch(ctx, k, func() (jailwatch.Waiter, error) {
		kq, err := unix.Kqueue()
		if err != nil {
			return nil, &kernel.CallError{Op: "kqueue", Errno: err.(syscall.Errno)}
		}
		w := &jailQueue{kq: kq, watched: map[kernel.Identity]bool{}}
		if w.change(0, evfiltJail, unix.EV_ADD|unix.EV_CLEAR, noteJailChild|noteJailSet) != nil {
			unix.Close(kq)
			return jailPoller{}, nil //nolint:nilerr // an unknown filter: FreeBSD 13 and 14
		}
		if err := w.change(wakeIdent, unix.EVFILT_USER, unix.EV_ADD|unix.EV_CLEAR, 0); err != nil {
			unix.Close(kq)
			return nil, &kernel.CallError{Op: "kevent", Errno: err.(syscall.Errno)}
		}
		return w, nil
	})
}

// jailPoller only lets time go by.
type jailPoller struct{}

func (jailPoller) Arm([]kernel.Identity) (bool, error) { return false, nil }
func (jailPoller) Close()                              {}

func (jailPoller) Wait(ctx context.Context) error {
	t := time.NewTimer(jailPoll)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

const wakeIdent = 1

// jailQueue is woken by the kernel.
type jailQueue struct {
	kq      int
	watched map[kernel.Identity]bool
}

func (w *jailQueue) change(ident uint64, filter int16, flags uint16, fflags uint32) error {
	e := unix.Kevent_t{Ident: ident, Filter: filter, Flags: flags, Fflags: fflags}
	for {
		if _, err := unix.Kevent(w.kq, []unix.Kevent_t{e}, nil, nil); err != unix.EINTR {
			return err
		}
	}
}

// Arm watches new jails. The filter of a jail ends with it.
func (w *jailQueue) Arm(seen []kernel.Identity) (again bool, err error) {
	now := make(map[kernel.Identity]bool, len(seen))
	for _, id := range seen {
		now[id] = true
		if w.watched[id] {
			continue
		}
		again = true
		// FreeBSD 15 reuses a jid. The filter of the jail before may still
		// have its end to report, and adding would leave it with that jail.
		_ = w.change(uint64(id.JID), evfiltJail, unix.EV_DELETE, 0)
		err := w.change(uint64(id.JID), evfiltJail, unix.EV_ADD|unix.EV_CLEAR, noteJailSet|noteJailChild|noteJailRemove)
		if err == unix.ENOENT {
			delete(now, id) // it has ended in the meantime
			continue
		}
		if err != nil {
			return false, &kernel.CallError{Op: "kevent", Subject: id.String(), Errno: err.(syscall.Errno)}
		}
	}
	w.watched = now
	return again, nil
}

func (w *jailQueue) Wait(ctx context.Context) error {
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(woken)
		_ = w.change(wakeIdent, unix.EVFILT_USER, 0, unix.NOTE_TRIGGER) // the queue is open until this has run
	})
	defer func() {
		if !stop() {
			<-woken
		}
	}()
	events := make([]unix.Kevent_t, 64)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch n, err := unix.Kevent(w.kq, nil, events, nil); {
		case err == unix.EINTR:
		case err != nil:
			return &kernel.CallError{Op: "kevent", Errno: err.(syscall.Errno)}
		case n > 0:
			return ctx.Err()
		}
	}
}

func (w *jailQueue) Close() { unix.Close(w.kq) }
