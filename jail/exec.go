package jail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/internal/tail"
	"github.com/libioc/go-libioc/kernel"
)

// ExecOptions say how a command is run in a jail.
type ExecOptions struct {
	// Env is added to the environment, over what hooks get.
	Env map[string]string
	// Dir is the working directory in the jail; empty is "/".
	Dir string
	// User of the jail to run as; empty is root.
	User string
	// Stdin is read to its end; nil is /dev/null.
	Stdin io.Reader
	// Stdout and Stderr get the output as it comes. Nil keeps it in the result, of
	// each the last 16 MiB.
	Stdout, Stderr io.Writer
	// Terminal, if set, takes the place of all three.
	Terminal *os.File
}

// ExecResult is how a command in a jail ended.
type ExecResult struct {
	ExitCode int // -1 when a signal ended it
	Signal   int // 0 when it exited by itself
	Stdout   []byte
	Stderr   []byte
	Dropped  int64 // bytes of both that were written before what is kept
}

// Exec runs a command in the running jail and waits for its end. A command
// that exits non-zero is no error. It takes no lock: any number may run, also
// during another operation. The exec_fib of the jail counts, its exec_jail_user
// does not: as in libioc the caller says who.
//
// Errors: ErrNotRunning, kernel.ErrNotFound for a command or user that
// does not exist in the jail, the context's error after the command was killed.
func (j *Jail) Exec(ctx context.Context, argv []string, o ExecOptions) (ExecResult, error) {
	if err := j.usable(ctx); err != nil {
		return ExecResult{ExitCode: -1}, err
	}
	return j.still().execFor(ctx, kernel.Forever, argv, o)
}

// execFor is Exec for at most limit.
func (j *Jail) execFor(ctx context.Context, limit time.Duration, argv []string, o ExecOptions) (ExecResult, error) {
	result, err := j.exec(ctx, limit, argv, o)
	if err != nil {
		err = &Error{"exec in", j.FullName(), err}
	}
	return result, err
}

func (j *Jail) exec(ctx context.Context, limit time.Duration, argv []string, o ExecOptions) (ExecResult, error) {
	failed := ExecResult{ExitCode: -1}
	id, err := j.Identity(ctx)
	if err != nil {
		return failed, err
	}
	env, err := j.hookEnv(o.Env)
	if err != nil {
		return failed, err
	}
	root, err := j.RootPath(ctx)
	if err != nil {
		return failed, err
	}
	at, err := j.commandPlace(o.User)
	if err != nil {
		return failed, err
	}
	if o.User == "root" {
		o.User = ""
	}
	var stdout, stderr tail.Buffer
	cmd := kernel.Command{
		Jail: id, Argv: argv, Dir: o.Dir, User: o.User, FIB: at.FIB, Stdin: o.Stdin, Terminal: o.Terminal,
		Env:    step.JailVariables(env, root, id.Name, id, o.User),
		Stdout: o.Stdout, Stderr: o.Stderr,
	}
	if cmd.Stdout == nil {
		cmd.Stdout = &stdout
	}
	if cmd.Stderr == nil {
		cmd.Stderr = &stderr
	}
	exit, err := kernel.Run(ctx, j.host.Kernel, limit, cmd)
	if errors.Is(err, kernel.ErrNotFound) || errors.Is(err, kernel.ErrStale) {
		if now, again := j.Identity(ctx); again != nil || now != id {
			err = fmt.Errorf("%w: %w", ErrNotRunning, err) // it ended in the meantime
		}
	}
	return ExecResult{exit.Code, exit.Signal, stdout.Bytes(), stderr.Bytes(), stdout.Dropped() + stderr.Dropped()}, err
}

// PassthruOptions say how a command is given a terminal.
type PassthruOptions struct {
	// Terminal is the command's standard input, output and error. It is
	// required: a library does not know which of its process's streams are a
	// person's.
	Terminal *os.File
	// Env is added to the environment, over what hooks get.
	Env map[string]string
	// Dir and User are as in ExecOptions.
	Dir, User string
}

// Passthru runs a command in the running jail on the caller's terminal and waits
// for its end, as libioc's passthru does. Nothing is captured. Errors: those of
// Exec.
func (j *Jail) Passthru(ctx context.Context, argv []string, o PassthruOptions) (ExecResult, error) {
	if o.Terminal == nil {
		return ExecResult{ExitCode: -1}, &Error{"exec in", j.FullName(), os.ErrInvalid}
	}
	return j.Exec(ctx, argv, ExecOptions{Env: o.Env, Dir: o.Dir, User: o.User, Terminal: o.Terminal})
}

// ExecConsole logs in to the running jail with login(1) and the configured
// login_flags ("-f root" unless set). User is left to those flags. Errors: those
// of Exec.
func (j *Jail) ExecConsole(ctx context.Context, o PassthruOptions) (ExecResult, error) {
	o.User = ""
	return j.Passthru(ctx, append([]string{"/usr/bin/login"}, key.LoginFlags.Of(j.Effective())...), o)
}
