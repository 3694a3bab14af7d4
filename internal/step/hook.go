package step

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/kernel"
)

// RunHook runs one command of the configuration. It has no undo: what a hook
// did is its author's to take back.
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
	// Last is set behind the commit point: a failure is told, not tried again.
	Last bool `json:"last,omitempty"`
}

func (RunHook) Kind() string { return "run hook" }

func (a RunHook) Detail() string { return "exec." + a.Hook + ": " + a.Command }

func (a RunHook) Event(e Env) events.IocEvent { return hookEvent(e.Name, a, hookOutcome{}) }

func (a RunHook) Limit() time.Duration { return a.Timeout + killDelay }

func (a RunHook) Do(ctx context.Context, e Env, c *plan.Call) error {
	id, err := e.Host.Kernel.JailIdentify(ctx, 0, kernel.ByName(a.Name))
	switch {
	case errors.Is(err, kernel.ErrNotFound) && a.Inside:
		if a.Tolerate || a.Last {
			c.Skip("not running")
			return nil
		}
		return jailerr.ErrNotRunning
	case err != nil && !errors.Is(err, kernel.ErrNotFound):
		return err
	}
	out, err := runHook(ctx, e, a, id, c)
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

type hookOutcome struct {
	stdout, stderr bytes.Buffer
	exit           kernel.Exit
}

func runHook(ctx context.Context, e Env, a RunHook, id kernel.Identity, c *plan.Call) (out hookOutcome, err error) {
	root, err := e.Host.Mountpoint(ctx, a.RootDataset)
	if err != nil {
		return out, err
	}
	env, err := e.Run.Environ(ctx, c.Resumed)
	if err != nil {
		return out, err
	}
	log, err := openConsoleLog(ctx, e.Host, a.Place.ConsoleLog)
	if err != nil {
		return out, err
	}
	defer func() { log.close(&out.stderr) }()
	cmd := kernel.Command{
		Argv:   []string{"/bin/sh", "-c", a.Command},
		Env:    JailVariables(env, root, a.Name, id, a.Place.User),
		User:   a.Place.User,
		Stdout: &hookWriter{span: c.Span, jail: e.Name, hook: a.Hook, stream: "stdout", all: &out.stdout, log: log},
		Stderr: &hookWriter{span: c.Span, jail: e.Name, hook: a.Hook, stream: "stderr", all: &out.stderr, log: log},
		// A hook that is out of time may clean up, then its group is killed.
		KillDelay: killDelay,
	}
	if a.Inside {
		cmd.Jail, cmd.SystemUser, cmd.FIB = id, a.Place.SystemUser, a.Place.FIB
		if !c.Resumed {
			cmd.Terminal = e.Run.Hooks
		}
	}
	if a.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, a.Timeout)
		defer cancel()
	}
	out.exit, err = e.Host.Kernel.Run(ctx, cmd)
	if err == nil && out.exit.Success() {
		return out, nil
	}
	return out, &jailerr.HookError{
		Hook: a.Hook, Command: a.Command, Err: err,
		ExitCode: out.exit.Code, Signal: out.exit.Signal,
		Output: Tail(out.stdout.String() + out.stderr.String()),
	}
}

// Tail is the end of an output that is too long for an error.
func Tail(s string) string {
	const most = 2000
	if len(s) > most {
		return "..." + s[len(s)-most:]
	}
	return s
}

// killDelay is how long a command has between SIGTERM and SIGKILL.
const killDelay = 2 * time.Second

// JailVariables adds what is known once the root is mounted and the jail runs.
func JailVariables(env []string, root, name string, id kernel.Identity, user string) []string {
	out := append([]string(nil), env...)
	out = append(out, "IOC_JAIL_PATH="+root, "JPATH="+root, "JNAME="+name)
	if id.JID != 0 {
		jid := strconv.Itoa(id.JID)
		out = append(out, "IOC_JID="+jid, "JID="+jid)
	}
	if user != "" {
		out = append(out, "USER="+user)
	}
	return out
}

// hookWriter keeps what a hook writes, tells of it as it comes and adds it to
// the console log.
type hookWriter struct {
	span               *events.Span
	jail, hook, stream string
	all                *bytes.Buffer
	log                *consoleLog
}

func (w *hookWriter) Write(p []byte) (int, error) {
	w.all.Write(p)
	w.log.write(p)
	w.span.Progress(events.JailHookOutput{Jail: w.jail, Hook: w.hook, Stream: w.stream, Data: string(p)})
	return len(p), nil
}

func hookEvent(jail string, a RunHook, out hookOutcome) events.IocEvent {
	stdout, stderr, code := out.stdout.String(), out.stderr.String(), out.exit.Code
	switch a.Hook {
	case "prestart":
		return events.JailHookPrestart{Jail: jail, Command: a.Command, Stdout: stdout, Stderr: stderr, ExitCode: code}
	case "created":
		return events.JailHookCreated{Jail: jail, Command: a.Command, Stdout: stdout, Stderr: stderr, ExitCode: code}
	case "start":
		return events.JailHookStart{Jail: jail, Command: a.Command, Stdout: stdout, Stderr: stderr, ExitCode: code}
	case "poststart":
		return events.JailHookPoststart{Jail: jail, Command: a.Command, Stdout: stdout, Stderr: stderr, ExitCode: code}
	case "prestop":
		return events.JailHookPrestop{Jail: jail, Command: a.Command, Stdout: stdout, Stderr: stderr, ExitCode: code}
	case "stop":
		return events.JailHookStop{Jail: jail, Command: a.Command, Stdout: stdout, Stderr: stderr, ExitCode: code}
	case "poststop":
		return events.JailHookPoststop{Jail: jail, Command: a.Command, Stdout: stdout, Stderr: stderr, ExitCode: code}
	}
	return events.JailCommand{Jail: jail, Command: a.Command, Stdout: stdout, Stderr: stderr, ExitCode: code}
}

// Place is how commands in a jail are run, jail(8): exec.jail_user,
// exec.system_jail_user, exec.fib and exec.consolelog.
type Place struct {
	User       string `json:"user,omitempty"`
	SystemUser bool   `json:"system_user,omitempty"`
	FIB        int    `json:"fib,omitempty"`
	ConsoleLog string `json:"console_log,omitempty"` // a host file that output is added to
}

// HookPath is the PATH of every hook and command, as libioc sets it.
const HookPath = "/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
