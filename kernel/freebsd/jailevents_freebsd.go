//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"context"
	"iter"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libioc/go-libioc/internal/pause"
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
		q, err := newQueue()
		if err != nil {
			return nil, err
		}
		if q.change(0, evfiltJail, unix.EV_ADD|unix.EV_CLEAR, noteJailChild|noteJailSet) != nil {
			q.Close()
			return jailPoller{}, nil //nolint:nilerr // an unknown filter: FreeBSD 13 and 14
		}
		return &jailQueue{queue: q, watched: map[kernel.Identity]bool{}}, nil
	})
}

// jailPoller only lets time go by.
type jailPoller struct{}

func (jailPoller) Arm([]kernel.Identity) (bool, error) { return false, nil }
func (jailPoller) Wait(ctx context.Context) error      { return pause.For(ctx, jailPoll) }
func (jailPoller) Close()                              {}

// jailQueue is woken by the kernel.
type jailQueue struct {
	queue
	watched map[kernel.Identity]bool
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
			return false, keventError(id.String(), err)
		}
	}
	w.watched = now
	return again, nil
}

func (w *jailQueue) Wait(ctx context.Context) error {
	_, err := w.wait(ctx)
	return err
}
