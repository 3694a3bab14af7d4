package step

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/kernel"
)

// A hook outlives the program that runs it if that is killed. So the journal has the
// leader of the hook's process group, by pid and time of its start, for as long as the
// hook runs. Who recovers ends the group if its leader is still that process, or else
// reports what may be the hook's: a pid may have become another's.

// hookEffect is the jail as it was before the hook, and the hook's process while it runs;
// that is zero until it is known.
type hookEffect struct {
	ID     kernel.Identity  `json:"id"`
	Before []kernel.Process `json:"before,omitempty"`
	Leader *kernel.Process  `json:"leader,omitempty"`
}

// leads writes to the journal which process leads the hook's group.
func leads(c *plan.Call, leader *kernel.Process) error {
	var was hookEffect
	c.Effect(&was)
	was.Leader = leader
	return c.SetEffect(was)
}

// outlives reports whether the hook may go on after its operation was undone, or while
// it is finished, by another process. Of the hooks in the jail that is the one of stop:
// the jail of the others is removed.
func (a RunHook) outlives() bool { return !a.Inside || a.Hook == "stop" }

// Undo ends the hook if it was interrupted by a crash and still runs. It reports the
// processes that have begun in the jail since the hook did: they are the hook's, or those
// of the jail's daemons, and nothing proves which.
func (a RunHook) Undo(ctx context.Context, e Env, c *plan.Call) error {
	message, err := a.endLeft(ctx, e, c)
	if err != nil || message == "" {
		return err
	}
	event := events.Rollback{Step: a.Kind()}
	event.Message = message
	c.Final(event)
	return nil
}

// endFormer ends the hook of an interrupted run, before it is run again.
func (a RunHook) endFormer(ctx context.Context, e Env, c *plan.Call) error {
	message, err := a.endLeft(ctx, e, c)
	if message != "" {
		_ = c.Span.Begin(events.Rollback{Step: a.Kind()}).Done(message) // it has just begun
	}
	return err
}

// endLeft ends what still runs of an interrupted hook and says what it has found.
func (a RunHook) endLeft(ctx context.Context, e Env, c *plan.Call) (message string, err error) {
	var was hookEffect
	if !c.Resumed || c.Rebooted || !a.outlives() || !c.Effect(&was) {
		return "", nil
	}
	var said []string
	switch {
	case was.Leader == nil:
	case was.Leader.PID == 0 && !a.Inside:
		said = append(said, "it may run on the host, and its process is not known")
	case was.Leader.PID != 0:
		ended, left, err := was.end(ctx, e.Host.Kernel)
		if err != nil {
			return "", err
		}
		group := fmt.Sprintf("process group %d", was.Leader.Group)
		if len(ended) > 0 {
			said = append(said, fmt.Sprintf("its %s was ended: %s", group, named(ended)))
		}
		if len(left) > 0 {
			said = append(said, fmt.Sprintf("%s still runs, and nothing proves that it is the hook's: %s", group, named(left)))
		}
	}
	if a.Inside {
		begun, err := was.begun(ctx, e)
		if err != nil {
			return "", err
		}
		if len(begun) > 0 {
			said = append(said, "it may still run in the jail; begun since: "+named(begun))
		}
	}
	if len(said) == 0 {
		return "", nil
	}
	message = fmt.Sprintf("exec.%s was interrupted; %s", a.Hook, strings.Join(said, "; "))
	e.Host.Logger().Warn(e.Name + ": " + message)
	return message, nil
}

// begun lists the processes of the jail that have begun since the hook did.
func (w hookEffect) begun(ctx context.Context, e Env) ([]kernel.Process, error) {
	id, there, err := find(ctx, e, w.ID.Name)
	if err != nil || !there || id != w.ID {
		return nil, err
	}
	list, err := e.Host.Kernel.ProcessList(ctx, id.JID)
	return slices.DeleteFunc(list, func(p kernel.Process) bool { return among(w.Before, p) }), err
}

// endRounds is how often the group is signalled: with SIGTERM first, and then with
// SIGKILL until what it has forked in the meantime is ended as well.
const endRounds = 5

// end ends the group of the hook's process and returns the processes that were ended, and
// those of a group of that number that is not proved to be the hook's. As long as a
// process lives that was once seen in the group, the number is no other group's.
func (w hookEffect) end(ctx context.Context, k kernel.Kernel) (ended, left []kernel.Process, err error) {
	known, signal := []kernel.Process{*w.Leader}, syscall.SIGTERM
	for range endRounds {
		list, err := w.group(ctx, k)
		if err != nil || !slices.ContainsFunc(list, func(p kernel.Process) bool { return among(known, p) }) {
			return ended, list, err
		}
		for _, p := range list {
			gone := k.ProcessSignal(ctx, p, int(signal))
			err = errors.Join(err, ignore.Err(gone, kernel.ErrStale, kernel.ErrNotFound))
			if !among(ended, p) {
				ended = append(ended, p)
			}
		}
		if err != nil {
			return ended, nil, err
		}
		wait, cancel := context.WithTimeout(ctx, killDelay)
		err = k.ProcessWait(wait, list)
		cancel()
		if err != nil && ctx.Err() != nil {
			return ended, nil, err
		}
		known, signal = list, syscall.SIGKILL
	}
	left, err = w.group(ctx, k)
	return ended, left, err
}

// group lists the processes of a group of that number and its leader, which may have left
// it, on the host and in the jail.
func (w hookEffect) group(ctx context.Context, k kernel.Kernel) (list []kernel.Process, err error) {
	for _, jid := range slices.Compact([]int{0, w.ID.JID}) {
		all, err := k.ProcessList(ctx, jid)
		if err != nil {
			return nil, err
		}
		for _, p := range all {
			if p.Group == w.Leader.Group || among([]kernel.Process{*w.Leader}, p) {
				list = append(list, p)
			}
		}
	}
	return list, nil
}

// among reports whether a process is one of a list. The jid does not count: jexec(8) is
// on the host until it attaches.
func among(list []kernel.Process, p kernel.Process) bool {
	return slices.ContainsFunc(list, func(q kernel.Process) bool { return q.PID == p.PID && q.Start.Equal(p.Start) })
}

// named lists processes for a message.
func named(list []kernel.Process) string {
	var out []string
	for _, p := range list {
		out = append(out, fmt.Sprintf("%d (%s)", p.PID, p.Command))
	}
	return strings.Join(out, ", ")
}
