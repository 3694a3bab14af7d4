package step

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/kernel"
)

// Streams are what a command reads and writes, see ExecOptions.
type Streams struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Terminal       *os.File
}

// RunCommand runs the command of a one-shot jail. Whatever comes of it, the
// steps behind it take the jail down.
type RunCommand struct {
	Argv        []string `json:"argv"`
	Name        string   `json:"name"` // in the kernel
	RootDataset string   `json:"root_dataset"`
	Place       Place    `json:"place"`
	Dir         string   `json:"dir,omitempty"`
	Must        bool     `json:"must,omitempty"`
}

func (RunCommand) Kind() string { return "run command" }

func (a RunCommand) Detail() string { return strings.Join(a.Argv, " ") }

func (a RunCommand) Event(e Env) events.IocEvent {
	return events.JailCommand{Jail: e.Name, Command: strings.Join(a.Argv, " ")}
}

func (a RunCommand) Do(ctx context.Context, e Env, c *plan.Call) error {
	result, err := runCommand(ctx, e, a, c)
	if e.Run.Ended != nil {
		e.Run.Ended(result)
	}
	c.Final(events.JailCommand{
		Jail: e.Name, Command: strings.Join(a.Argv, " "),
		Stdout: string(result.Stdout), Stderr: string(result.Stderr), ExitCode: result.ExitCode,
	})
	if err == nil && a.Must && result.ExitCode != 0 {
		err = &jailerr.HookError{
			Hook: "command", Command: strings.Join(a.Argv, " "), ExitCode: result.ExitCode,
			Signal: result.Signal, Output: Tail(string(result.Stdout) + string(result.Stderr)),
		}
	}
	if ctx.Err() != nil {
		return err // who gave up gets everything back as it was
	}
	return plan.Onward(err)
}

func runCommand(ctx context.Context, e Env, a RunCommand, c *plan.Call) (Outcome, error) {
	none := Outcome{ExitCode: -1}
	id, err := e.Host.Kernel.JailIdentify(ctx, 0, kernel.ByName(a.Name))
	if errors.Is(err, kernel.ErrNotFound) {
		return none, jailerr.ErrNotRunning
	} else if err != nil {
		return none, err
	}
	root, err := e.Host.Mountpoint(ctx, a.RootDataset)
	if err != nil {
		return none, err
	}
	vars, err := e.Run.Environ(ctx, c.Resumed)
	if err != nil {
		return none, err
	}
	log, err := openConsoleLog(ctx, e.Host, a.Place.ConsoleLog)
	if err != nil {
		return none, err
	}
	var stdout, stderr bytes.Buffer
	to := e.Run.Command
	cmd := kernel.Command{
		Jail: id, Argv: a.Argv, Dir: a.Dir, User: a.Place.User, SystemUser: a.Place.SystemUser, FIB: a.Place.FIB,
		Env:   JailVariables(vars, root, a.Name, id, a.Place.User),
		Stdin: to.Stdin, Stdout: to.Stdout, Stderr: to.Stderr, Terminal: to.Terminal, KillDelay: killDelay,
	}
	if cmd.Stdout == nil {
		cmd.Stdout = &hookWriter{span: c.Span, jail: e.Name, hook: "command", stream: "stdout", all: &stdout, log: log}
	}
	if cmd.Stderr == nil {
		cmd.Stderr = &hookWriter{span: c.Span, jail: e.Name, hook: "command", stream: "stderr", all: &stderr, log: log}
	}
	exit, err := e.Host.Kernel.Run(ctx, cmd)
	log.close(&stderr)
	return Outcome{exit.Code, exit.Signal, stdout.Bytes(), stderr.Bytes()}, err
}
