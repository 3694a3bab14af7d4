package jail

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/libioc/go-libioc/jail/jailerr"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/kernel"
)

// streams are what a command reads and writes, see ExecOptions.
type streams struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Terminal       *os.File
}

// stepCommand runs the command of a one-shot jail. Whatever comes of it, the
// steps behind it take the jail down.
type stepCommand struct {
	Argv        []string `json:"argv"`
	Name        string   `json:"name"` // in the kernel
	RootDataset string   `json:"root_dataset"`
	Place       place    `json:"place"`
	Dir         string   `json:"dir,omitempty"`
	Must        bool     `json:"must,omitempty"`
}

func (stepCommand) Kind() string { return "run command" }

func (a stepCommand) Detail() string { return strings.Join(a.Argv, " ") }

func (a stepCommand) Event(e env) events.IocEvent {
	return events.JailCommand{Jail: e.jail, Command: strings.Join(a.Argv, " ")}
}

func (a stepCommand) Do(ctx context.Context, e env, c *plan.Call) error {
	result, err := runCommand(ctx, e, a, c)
	if e.run.Ended != nil {
		e.run.Ended(result)
	}
	c.Final(events.JailCommand{
		Jail: e.jail, Command: strings.Join(a.Argv, " "),
		Stdout: string(result.Stdout), Stderr: string(result.Stderr), ExitCode: result.ExitCode,
	})
	if err == nil && a.Must && result.ExitCode != 0 {
		err = &jailerr.HookError{
			Hook: "command", Command: strings.Join(a.Argv, " "), ExitCode: result.ExitCode,
			Signal: result.Signal, Output: tail(string(result.Stdout) + string(result.Stderr)),
		}
	}
	if ctx.Err() != nil {
		return err // who gave up gets everything back as it was
	}
	return plan.Onward(err)
}

func runCommand(ctx context.Context, e env, a stepCommand, c *plan.Call) (outcome, error) {
	none := outcome{ExitCode: -1}
	id, err := e.host.Kernel.JailIdentify(ctx, 0, kernel.ByName(a.Name))
	if errors.Is(err, kernel.ErrNotFound) {
		return none, jailerr.ErrNotRunning
	} else if err != nil {
		return none, err
	}
	root, err := e.host.Mountpoint(ctx, a.RootDataset)
	if err != nil {
		return none, err
	}
	vars, err := e.run.Environ(ctx, c.Resumed)
	if err != nil {
		return none, err
	}
	log, err := openConsoleLog(ctx, e.host, a.Place.ConsoleLog)
	if err != nil {
		return none, err
	}
	var stdout, stderr bytes.Buffer
	to := e.run.Command
	cmd := kernel.Command{
		Jail: id, Argv: a.Argv, Dir: a.Dir, User: a.Place.User, SystemUser: a.Place.SystemUser, FIB: a.Place.FIB,
		Env:   jailVariables(vars, root, a.Name, id, a.Place.User),
		Stdin: to.Stdin, Stdout: to.Stdout, Stderr: to.Stderr, Terminal: to.Terminal, KillDelay: killDelay,
	}
	if cmd.Stdout == nil {
		cmd.Stdout = &hookWriter{span: c.Span, jail: e.jail, hook: "command", stream: "stdout", all: &stdout, log: log}
	}
	if cmd.Stderr == nil {
		cmd.Stderr = &hookWriter{span: c.Span, jail: e.jail, hook: "command", stream: "stderr", all: &stderr, log: log}
	}
	exit, err := e.host.Kernel.Run(ctx, cmd)
	log.close(&stderr)
	return outcome{exit.Code, exit.Signal, stdout.Bytes(), stderr.Bytes()}, err
}
