//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"context"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/abi"
	"github.com/libioc/go-libioc/kernel/internal/refusal"
)

// The nodes of kern.proc, sys/sysctl.h.
var (
	procAll   = []int32{1, 14, 8, 0} // KERN_PROC_PROC
	procByPID = []int32{1, 14, 1}    // KERN_PROC_PID
)

func (k *system) ProcessList(ctx context.Context, jid int) ([]kernel.Process, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b, errno := sysctlRead(procAll)
	if errno != 0 {
		return nil, sysctlError("kern.proc.proc", errno, "")
	}
	var list []kernel.Process
	for _, p := range abi.ParseKinfo(b) {
		if p.JID == jid && !p.Ended {
			list = append(list, p.Process)
		}
	}
	return list, nil
}

// processIs tells whether the pid still is that process and has not ended.
func processIs(p kernel.Process) (bool, error) {
	b, errno := sysctlRead(append(procByPID[:len(procByPID):len(procByPID)], int32(p.PID)))
	if errno == syscall.ESRCH {
		return false, nil
	}
	if errno != 0 {
		return false, sysctlError("kern.proc.pid."+strconv.Itoa(p.PID), errno, "")
	}
	for _, now := range abi.ParseKinfo(b) {
		if abi.SameProcess(now.Process, p) {
			return !now.Ended, nil
		}
	}
	return false, nil
}

func (k *system) ProcessSignal(ctx context.Context, p kernel.Process, signal int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	pid := "pid " + strconv.Itoa(p.PID)
	stale := refusal.Kill("kill", pid, syscall.ESRCH)
	if p.PID <= 0 {
		return stale // 0 and less are groups
	}
	alive, err := processIs(p)
	if err != nil {
		return err
	}
	if !alive {
		return stale
	}
	if err := syscall.Kill(p.PID, syscall.Signal(signal)); err != nil {
		return refusal.Kill("kill", pid, err.(syscall.Errno))
	}
	return nil
}

// ProcessWait watches the processes with kqueue(2), so that nothing is polled.
func (k *system) ProcessWait(ctx context.Context, procs []kernel.Process) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	kq, err := unix.Kqueue()
	if err != nil {
		return &kernel.CallError{Op: "kqueue", Errno: err.(syscall.Errno)}
	}
	const wake = 1
	change := func(ident, filter, flags int, fflags uint32) error {
		var e unix.Kevent_t
		unix.SetKevent(&e, ident, filter, flags)
		e.Fflags = fflags
		for {
			_, err := unix.Kevent(kq, []unix.Kevent_t{e}, nil, nil)
			if err != unix.EINTR {
				return err
			}
		}
	}
	if err := change(wake, unix.EVFILT_USER, unix.EV_ADD|unix.EV_CLEAR, 0); err != nil {
		unix.Close(kq)
		return &kernel.CallError{Op: "kevent", Errno: err.(syscall.Errno)}
	}
	// The wake-up must be over before the descriptor may be closed.
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(woken)
		_ = change(wake, unix.EVFILT_USER, 0, unix.NOTE_TRIGGER)
	})
	defer func() {
		if !stop() {
			<-woken
		}
		unix.Close(kq)
	}()

	waiting := map[int]bool{}
	for _, p := range procs {
		if p.PID <= 0 {
			continue
		}
		switch err := change(p.PID, unix.EVFILT_PROC, unix.EV_ADD|unix.EV_ONESHOT, unix.NOTE_EXIT); err {
		case nil:
		case unix.ESRCH:
			continue
		default:
			return &kernel.CallError{Op: "kevent", Subject: "pid " + strconv.Itoa(p.PID), Errno: err.(syscall.Errno)}
		}
		// Watched first and compared then: a pid given again in between shows.
		alive, err := processIs(p)
		if err != nil {
			return err
		}
		if !alive {
			_ = change(p.PID, unix.EVFILT_PROC, unix.EV_DELETE, 0) // fired already, or another's
			continue
		}
		waiting[p.PID] = true
	}
	events := make([]unix.Kevent_t, 64)
	for len(waiting) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := unix.Kevent(kq, nil, events, nil)
		if err != nil {
			if err == unix.EINTR {
				continue
			}
			return &kernel.CallError{Op: "kevent", Errno: err.(syscall.Errno)}
		}
		for _, e := range events[:n] {
			if e.Filter == unix.EVFILT_PROC {
				delete(waiting, int(e.Ident))
			}
		}
	}
	return nil
}
