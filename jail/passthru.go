package jail

import (
	"context"
	"os"
)

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
		return ExecResult{ExitCode: -1}, &Error{"exec in", j.fullName, os.ErrInvalid}
	}
	return j.Exec(ctx, argv, ExecOptions{Env: o.Env, Dir: o.Dir, User: o.User, Terminal: o.Terminal})
}

// ExecConsole logs in to the running jail with login(1) and the configured
// login_flags ("-f root" unless set). User is left to those flags. Errors: those
// of Exec.
func (j *Jail) ExecConsole(ctx context.Context, o PassthruOptions) (ExecResult, error) {
	o.User = ""
	return j.Passthru(ctx, append([]string{"/usr/bin/login"}, j.effective().Strings("login_flags")...), o)
}
