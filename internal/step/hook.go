package step

import (
	"context"
	"time"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/kernel"
)

// RunHook runs one command of the configuration. What a hook did is its author's to
// take back; its undo only ends what still runs of it after a crash, see hook_left.go.
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

func (RunHook) Kind() string           { return "run hook" }
func (a RunHook) Limit() time.Duration { return a.Timeout + killDelay }

// limit is how long the hook may run. The operator's exec_timeout=0 is forever.
func (a RunHook) limit() time.Duration {
	if a.Timeout <= 0 {
		return kernel.Forever
	}
	return a.Timeout
}

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
		if err := a.endFormer(ctx, e, c); err != nil {
			return err
		}
		was := hookEffect{ID: id, Leader: &kernel.Process{}}
		if a.Inside {
			if was.Before, err = e.Host.Kernel.ProcessList(ctx, id.JID); err != nil {
				return err
			}
		}
		if err := c.SetEffect(was); err != nil {
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

func (a RunHook) run(ctx context.Context, e Env, id kernel.Identity, c *plan.Call) (*output, error) {
	cmd := kernel.Command{Argv: []string{"/bin/sh", "-c", a.Command}}
	if a.outlives() {
		cmd.Started = func(p kernel.Process) error { return leads(c, &p) }
	}
	if a.Inside {
		cmd.Jail = id
		if !c.Resumed {
			cmd.Terminal = e.Run.Hooks
		}
	}
	out, err := commandOf{a.Hook, a.Name, a.RootDataset, id, a.Place, a.limit(), hookOutput}.run(ctx, e, c, cmd)
	if out == nil {
		return newOutput(0), err
	}
	if err == nil && a.outlives() {
		err = leads(c, nil) // what it has left is a daemon
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
