package jail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/libioc/go-libioc/internal/step"
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
	// Stdout and Stderr get the output as it comes. Nil keeps it, whole, in the
	// result.
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
}

// Exec runs a command in the running jail and waits for its end. A command
// that exits non-zero is no error. It takes no lock: any number may run, also
// during another operation. The exec_fib of the jail counts, its exec_jail_user
// does not: as in libioc the caller says who.
//
// Errors: ErrNotRunning, kernel.ErrNotFound for a command or user that the jail
// has not, the context's error after the command was killed.
func (j *Jail) Exec(ctx context.Context, argv []string, o ExecOptions) (ExecResult, error) {
	result := ExecResult{ExitCode: -1}
	id, err := j.Identity(ctx)
	if err != nil {
		return result, &Error{"exec in", j.fullName, err}
	}
	env, err := j.hookEnv(o.Env)
	if err != nil {
		return result, &Error{"exec in", j.fullName, err}
	}
	root, err := j.RootPath(ctx)
	if err != nil {
		return result, &Error{"exec in", j.fullName, err}
	}
	at, err := j.commandPlace(o.User)
	if err != nil {
		return result, &Error{"exec in", j.fullName, err}
	}
	if o.User == "root" {
		o.User = ""
	}
	var stdout, stderr bytes.Buffer
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
	exit, err := j.host.Kernel.Run(ctx, cmd)
	result = ExecResult{exit.Code, exit.Signal, stdout.Bytes(), stderr.Bytes()}
	if errors.Is(err, kernel.ErrNotFound) || errors.Is(err, kernel.ErrStale) {
		if now, again := j.Identity(ctx); again != nil || now != id {
			err = fmt.Errorf("%w: %w", ErrNotRunning, err) // it ended meanwhile
		}
	}
	if err != nil {
		return result, &Error{"exec in", j.fullName, err}
	}
	return result, nil
}
