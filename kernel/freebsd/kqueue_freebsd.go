//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"context"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/libioc/go-libioc/kernel"
)

// queue is a kqueue(2) whose wait ends with a context.
type queue int

// wakeIdent is the user event that ends a wait.
const wakeIdent = 1

func newQueue() (queue, error) {
	kq, err := unix.Kqueue()
	if err != nil {
		return -1, &kernel.CallError{Op: "kqueue", Errno: err.(syscall.Errno)}
	}
	q := queue(kq)
	if err := q.change(wakeIdent, unix.EVFILT_USER, unix.EV_ADD|unix.EV_CLEAR, 0); err != nil {
		q.Close()
		return -1, keventError("", err)
	}
	return q, nil
}

func keventError(subject string, err error) error {
	return &kernel.CallError{Op: "kevent", Subject: subject, Errno: err.(syscall.Errno)}
}

func (q queue) change(ident uint64, filter int16, flags uint16, fflags uint32) error {
	e := unix.Kevent_t{Ident: ident, Filter: filter, Flags: flags, Fflags: fflags}
	for {
		if _, err := unix.Kevent(int(q), []unix.Kevent_t{e}, nil, nil); err != unix.EINTR {
			return err
		}
	}
}

// wait returns the next events, or the context's error.
func (q queue) wait(ctx context.Context) ([]unix.Kevent_t, error) {
	// The wake-up must be over before the descriptor may be closed.
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(woken)
		_ = q.change(wakeIdent, unix.EVFILT_USER, 0, unix.NOTE_TRIGGER)
	})
	defer func() {
		if !stop() {
			<-woken
		}
	}()
	events := make([]unix.Kevent_t, 64)
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		switch n, err := unix.Kevent(int(q), nil, events, nil); {
		case err == unix.EINTR:
		case err != nil:
			return nil, keventError("", err)
		case n > 0:
			return events[:n], ctx.Err()
		}
	}
}

func (q queue) Close() { unix.Close(int(q)) }
