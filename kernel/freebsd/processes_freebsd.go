//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"context"
	"slices"
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
	all, err := k.ProcessListAll(ctx)
	return slices.DeleteFunc(all, func(p kernel.Process) bool { return p.JID != jid }), err
}

func (k *system) ProcessListAll(ctx context.Context) ([]kernel.Process, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b, errno := sysctlRead(procAll)
	if errno != 0 {
		return nil, sysctlError("kern.proc.proc", errno, "")
	}
	var list []kernel.Process
	for _, p := range abi.ParseKinfo(b) {
		if !p.Ended {
			list = append(list, p.Process)
		}
	}
	return list, nil
}

// processOf returns the process with that pid, also one that has ended and that nobody
// has waited for. The result is zero if no such process exists.
func processOf(pid int) (p abi.KinfoProcess, err error) {
	b, errno := sysctlRead(append(procByPID[:len(procByPID):len(procByPID)], int32(pid)))
	if errno == syscall.ESRCH {
		return p, nil
	}
	if errno != 0 {
		return p, sysctlError("kern.proc.pid."+strconv.Itoa(pid), errno, "")
	}
	for _, p = range abi.ParseKinfo(b) {
	}
	return p, nil
}

// processIs reports whether the pid still is that process and has not ended.
func processIs(p kernel.Process) (bool, error) {
	now, err := processOf(p.PID)
	return err == nil && abi.SameProcess(now.Process, p) && !now.Ended, err
}

// whole makes started, of a Command, know more of the process than its pid.
func whole(started func(kernel.Process) error) func(kernel.Process) error {
	if started == nil {
		return nil
	}
	return func(p kernel.Process) error {
		now, err := processOf(p.PID)
		if err != nil {
			return err
		}
		p.Start, p.Command, p.User = now.Start, now.Command, now.User
		return started(p)
	}
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
	q, err := newQueue()
	if err != nil {
		return err
	}
	defer q.Close()
	waiting := map[uint64]bool{}
	for _, p := range procs {
		if p.PID <= 0 {
			continue
		}
		pid := uint64(p.PID)
		switch err := q.change(pid, unix.EVFILT_PROC, unix.EV_ADD|unix.EV_ONESHOT, unix.NOTE_EXIT); err {
		case nil:
		case unix.ESRCH:
			continue
		default:
			return keventError("pid "+strconv.Itoa(p.PID), err)
		}
		// Watched first and compared then: a pid reused in between shows.
		alive, err := processIs(p)
		if err != nil {
			return err
		}
		if !alive {
			_ = q.change(pid, unix.EVFILT_PROC, unix.EV_DELETE, 0) // fired already, or another's
			continue
		}
		waiting[pid] = true
	}
	for len(waiting) > 0 {
		events, err := q.wait(ctx)
		if err != nil {
			return err
		}
		for _, e := range events {
			if e.Filter == unix.EVFILT_PROC {
				delete(waiting, e.Ident)
			}
		}
	}
	return nil
}
