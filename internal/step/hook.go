package step

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/kernel"
)

// RunHook runs one command of the configuration. What a hook did is its author's to
// take back; its undo only reports what still runs of it.
type RunHook struct {
	Hook    string `json:"hook"` // "prestart", ..., "poststop"
	Command string `json:"command"`
	Name    string `json:"name"` // in the kernel
	// Inside runs the command in the jail, else on the host.
	Inside      bool          `json:"inside"`
	Place       Place         `json:"place"`
	RootDataset string        `json:"root_dataset"`
	Timeout     time.Duration `json:"timeout"` // ns
	// Tolerate goes on when the hook fails, as with a forced stop.
	Tolerate bool `json:"tolerate,omitempty"`
	// Last is set after the commit point: a failure is reported, not retried.
	Last bool `json:"last,omitempty"`
}

func (RunHook) Kind() string                  { return "run hook" }
func (a RunHook) Limit() time.Duration        { return a.Timeout + killDelay }
func (a RunHook) Detail() string              { return "exec." + a.Hook + ": " + a.Command }
func (a RunHook) Event(e Env) events.IocEvent { return hookEvent(e.Name, a, newOutput(0)) }

func (a RunHook) Do(ctx context.Context, e Env, c *plan.Call) error {
	id, there, err := seenJail(ctx, e, c, a.Name)
	switch {
	case err != nil:
		return err
	case !there && a.Inside && (a.Tolerate || a.Last):
		c.Skip("not running")
		return nil
	case !there && a.Inside:
		return jailerr.ErrNotRunning
	}
	if a.outlives() {
		before, err := e.Host.Kernel.ProcessList(ctx, id.JID)
		if err == nil {
			err = c.SetEffect(hookEffect{id, before})
		}
		if err != nil {
			return err
		}
	}
	out, err := a.run(ctx, e, id, c)
	c.Final(hookEvent(e.Name, a, out))
	if err != nil && a.Tolerate {
		c.Skip(err.Error())
		return nil
	}
	if a.Last {
		return plan.Final(err)
	}
	return err
}

// hookEffect is the jail as it was before the hook.
type hookEffect struct {
	ID     kernel.Identity  `json:"id"`
	Before []kernel.Process `json:"before,omitempty"`
}

// outlives reports whether the hook may go on in a jail that stays when the operation
// is undone after its process was killed.
func (a RunHook) outlives() bool { return a.Inside && a.Hook == "stop" }

// Undo reports the processes that have begun in the jail since the hook did, if the
// hook's own process was killed: they are the hook's, or those of the jail's daemons,
// and nothing proves which.
func (a RunHook) Undo(ctx context.Context, e Env, c *plan.Call) error {
	var was hookEffect
	if !c.Resumed || c.Rebooted || !a.outlives() || !c.Effect(&was) {
		return nil
	}
	id, there, err := find(ctx, e, a.Name)
	if err != nil || !there || id != was.ID {
		return err
	}
	list, err := e.Host.Kernel.ProcessList(ctx, id.JID)
	if err != nil {
		return err
	}
	var left []string
	for _, p := range list {
		if !slices.ContainsFunc(was.Before, func(q kernel.Process) bool { return q.PID == p.PID && q.Start.Equal(p.Start) }) {
			left = append(left, fmt.Sprintf("%d (%s)", p.PID, p.Command))
		}
	}
	if len(left) > 0 {
		event := events.Rollback{Step: a.Kind()}
		event.Message = fmt.Sprintf("exec.%s was interrupted and may still run in the jail; begun since: %s", a.Hook, strings.Join(left, ", "))
		c.Final(event)
		e.Host.Logger().Warn(e.Name + ": " + event.Message)
	}
	return nil
}

func (a RunHook) run(ctx context.Context, e Env, id kernel.Identity, c *plan.Call) (*output, error) {
	cmd := kernel.Command{Argv: []string{"/bin/sh", "-c", a.Command}}
	if a.Inside {
		cmd.Jail = id
		if !c.Resumed {
			cmd.Terminal = e.Run.Hooks
		}
	}
	out, err := commandOf{a.Hook, a.Name, a.RootDataset, id, a.Place, a.Timeout, hookOutput}.run(ctx, e, c, cmd)
	if out == nil {
		return newOutput(0), err
	}
	if err == nil && out.exit.Success() {
		return out, nil
	}
	return out, out.err(a.Hook, a.Command, err)
}

// hookEvents are the types of the hooks' events.
var hookEvents = map[string]func(events.CommandFields) events.IocEvent{
	"prestart":  func(f events.CommandFields) events.IocEvent { return events.JailHookPrestart(f) },
	"created":   func(f events.CommandFields) events.IocEvent { return events.JailHookCreated(f) },
	"start":     func(f events.CommandFields) events.IocEvent { return events.JailHookStart(f) },
	"poststart": func(f events.CommandFields) events.IocEvent { return events.JailHookPoststart(f) },
	"prestop":   func(f events.CommandFields) events.IocEvent { return events.JailHookPrestop(f) },
	"stop":      func(f events.CommandFields) events.IocEvent { return events.JailHookStop(f) },
	"poststop":  func(f events.CommandFields) events.IocEvent { return events.JailHookPoststop(f) },
}

func hookEvent(jail string, a RunHook, out *output) events.IocEvent {
	f := events.CommandFields{
		Jail: jail, Command: a.Command, Stdout: out.stdout.String(), Stderr: out.stderr.String(), ExitCode: out.exit.Code,
	}
	if event := hookEvents[a.Hook]; event != nil {
		return event(f)
	}
	return events.JailCommand(f)
}
