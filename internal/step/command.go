package step

import (
	"context"
	"io"
	"os"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/tail"
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
// steps after it take the jail down.
type RunCommand struct {
	Argv        []string `json:"argv"`
	Name        string   `json:"name"` // in the kernel
	RootDataset string   `json:"root_dataset"`
	Place       Place    `json:"place"`
	Dir         string   `json:"dir,omitempty"`
	Must        bool     `json:"must,omitempty"`
}

func (RunCommand) Kind() string     { return "run command" }
func (a RunCommand) Detail() string { return strings.Join(a.Argv, " ") }
func (a RunCommand) Event(e Env) events.IocEvent {
	return events.JailCommand{Jail: e.Name, Command: strings.Join(a.Argv, " ")}
}

func (a RunCommand) Do(ctx context.Context, e Env, c *plan.Call) error {
	out, err := a.run(ctx, e, c)
	stdout, stderr := out.stdout.Bytes(), out.stderr.Bytes()
	if e.Run.Ended != nil {
		e.Run.Ended(Outcome{out.exit.Code, out.exit.Signal, stdout, stderr, out.stdout.Dropped() + out.stderr.Dropped()})
	}
	command := strings.Join(a.Argv, " ")
	c.Final(events.JailCommand{
		Jail: e.Name, Command: command, Stdout: string(stdout), Stderr: string(stderr), ExitCode: out.exit.Code,
	})
	if err == nil && a.Must && out.exit.Code != 0 {
		err = out.err("command", command, nil)
	}
	if ctx.Err() != nil {
		return err // who gave up gets everything back as it was
	}
	return plan.Onward(err)
}

func (a RunCommand) run(ctx context.Context, e Env, c *plan.Call) (*output, error) {
	none := newOutput(0)
	none.exit.Code = -1
	id, there, err := seenJail(ctx, e, c, a.Name)
	if err != nil {
		return none, err
	}
	if !there {
		return none, jailerr.ErrNotRunning
	}
	to := e.Run.Command
	out, err := commandOf{"command", a.Name, a.RootDataset, id, a.Place, kernel.Forever, tail.DefaultMax}.run(ctx, e, c, kernel.Command{
		Jail: id, Argv: a.Argv, Dir: a.Dir,
		Stdin: to.Stdin, Stdout: to.Stdout, Stderr: to.Stderr, Terminal: to.Terminal,
	})
	if out == nil {
		return none, err
	}
	return out, err
}
