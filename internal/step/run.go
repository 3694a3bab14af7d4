package step

import (
	"context"
	"strconv"
	"time"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/tail"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/kernel"
)

// HookPath is the PATH of every hook and command, as libioc sets it.
const HookPath = "/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"

// killDelay is how long a command has between SIGTERM and SIGKILL.
const killDelay = 2 * time.Second

// MaxOutput is how much of a command's output an error repeats.
const MaxOutput = 2000

// Place is how commands in a jail are run, jail(8): exec.jail_user,
// exec.system_jail_user, exec.fib and exec.consolelog.
type Place struct {
	User       string `json:"user,omitempty"`
	SystemUser bool   `json:"system_user,omitempty"`
	FIB        int    `json:"fib,omitempty"`
	ConsoleLog string `json:"console_log,omitempty"` // a host file that output is appended to
}

const (
	// hookOutput is how much is kept of each stream of what the library itself runs.
	hookOutput = 1 << 20
	// toolLimit is how long a program may take that the library itself runs in a jail.
	// The jail's root can replace it by one that never ends.
	toolLimit = time.Minute
)

// output is what a command wrote, and how it ended.
type output struct {
	stdout, stderr *tail.Buffer
	exit           kernel.Exit
}

// newOutput keeps the last most bytes of each stream.
func newOutput(most int) *output {
	return &output{stdout: tail.Last(most), stderr: tail.Last(most)}
}

// err returns the error of a command that failed.
func (o *output) err(hook, command string, cause error) error {
	return &jailerr.HookError{
		Hook: hook, Command: command, ExitCode: o.exit.Code, Signal: o.exit.Signal,
		Output: tail.Of(o.stdout.String()+o.stderr.String(), MaxOutput), Err: cause,
	}
}

// commandOf is a command of one jail: a hook, or an operation's own.
type commandOf struct {
	hook, name, rootDataset string
	id                      kernel.Identity // zero while the jail does not run
	place                   Place
	limit                   time.Duration
	keep                    int // bytes of each stream
}

// run completes cmd with the environment of the jail's commands and runs it. A
// stream that cmd does not have is captured, reported as it comes and appended to
// the console log. The output is nil when the command could not be prepared.
func (j commandOf) run(ctx context.Context, e Env, c *plan.Call, cmd kernel.Command) (*output, error) {
	_, root, err := Located(ctx, e, c, j.rootDataset)
	if err != nil {
		return nil, err
	}
	env, err := e.Run.Environ(ctx, c.Resumed)
	if err != nil {
		return nil, err
	}
	log, err := openConsoleLog(ctx, e.Host, j.place.ConsoleLog)
	if err != nil {
		return nil, err
	}
	out := newOutput(j.keep)
	if cmd.Stdout == nil {
		cmd.Stdout = &hookWriter{c.Span, e.Name, j.hook, "stdout", out.stdout, log}
	}
	if cmd.Stderr == nil {
		cmd.Stderr = &hookWriter{c.Span, e.Name, j.hook, "stderr", out.stderr, log}
	}
	cmd.Env, cmd.User = JailVariables(env, root, j.name, j.id, j.place.User), j.place.User
	if !cmd.Jail.IsZero() {
		cmd.SystemUser, cmd.FIB = j.place.SystemUser, j.place.FIB
	}
	cmd.KillDelay = killDelay // a command that is out of time may clean up, then its group is killed
	out.exit, err = kernel.Run(ctx, e.Host.Kernel, j.limit, cmd)
	log.close(out.stderr)
	return out, err
}

// hookWriter keeps what a hook writes, reports it as it comes and appends it to
// the console log.
type hookWriter struct {
	span               *events.Span
	jail, hook, stream string
	all                *tail.Buffer
	log                *consoleLog
}

func (w *hookWriter) Write(p []byte) (int, error) {
	_, _ = w.all.Write(p) // never fails
	w.log.write(p)
	w.span.Progress(events.JailHookOutput{Jail: w.jail, Hook: w.hook, Stream: w.stream, Data: string(p)})
	return len(p), nil
}

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
