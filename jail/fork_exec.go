package jail

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/kernel"
)

// ForkExecOptions say how a command is run in a jail that lives only for it.
type ForkExecOptions struct {
	// Properties take the place of the jail's own for this run. They never reach
	// the jail's configuration, in memory or on disk.
	Properties map[string]string
	// Env is added to the environment of the command and of every hook.
	Env map[string]string
	// Dir is the working directory in the jail; empty is "/".
	Dir string
	// User of the jail to run as; empty is exec_jail_user.
	User string
	// Stdin, Stdout, Stderr and Terminal are as in ExecOptions.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Terminal       *os.File
	// NoDependencies starts this jail only, see StartOptions.
	NoDependencies bool
	Busy           Busy
}

// ForkExec brings a stopped jail up, runs one command in it and takes it down
// again, whatever came of the command. Of the hooks prestart, created and
// poststop run, as libioc documents it. What the jail depends on is started before, as by
// Start, and what was started for it is stopped afterwards. On FreeBSD 15 the kernel removes the
// jail even if this process is killed; before, the next operation or Recover does.
//
// A command that exits non-zero is no error: its status is in the event
// events.JailCommand and in the result. Errors: those of Start and Stop,
// kernel.ErrNotFound for a command or user that does not exist in the jail, the context's
// error after the command was killed.
func (j *Jail) ForkExec(ctx context.Context, argv []string, o ForkExecOptions) (ExecResult, []events.IocEvent, error) {
	result := ExecResult{ExitCode: -1}
	all, err := j.forkExec(argv, o, &result).Run(ctx)
	return result, all, err
}

// ForkExec returns the operation that [Jail.ForkExec] runs. The command's exit
// status is in the event events.JailCommand.
func (g *JailGenerator) ForkExec(argv []string, o ForkExecOptions) *Operation {
	return g.of().forkExec(argv, o, &ExecResult{})
}

func (j *Jail) forkExec(argv []string, o ForkExecOptions, result *ExecResult) *Operation {
	op := &Operation{
		jail: j, name: "fork_exec", event: events.JailStart{Jail: j.FullName()}, busy: o.Busy,
		make: func(ctx context.Context) (*plan.Plan, error) {
			return j.planOnce(ctx, onceOptions{argv: argv, properties: o.Properties, dir: o.Dir, user: o.User})
		},
		env: o.Env, properties: o.Properties,
		command: step.Streams{Stdin: o.Stdin, Stdout: o.Stdout, Stderr: o.Stderr, Terminal: o.Terminal},
		ended:   func(out step.Outcome) { *result = ExecResult(out) },
	}
	return op.startDependencies(o.NoDependencies, true)
}

// singleCommand returns a start that ends with its command.
func (j *Jail) singleCommand(o StartOptions) *Operation {
	op := &Operation{
		jail: j, name: "start", event: events.JailStart{Jail: j.FullName()}, busy: o.Busy,
		make: func(ctx context.Context) (*plan.Plan, error) {
			return j.planOnce(ctx, onceOptions{argv: []string{"/bin/sh", "-c", o.SingleCommand}, quick: o.Quick, must: true})
		},
		env: o.Env, command: step.Streams{Terminal: o.Terminal},
	}
	return op.startDependencies(o.NoDependencies, true)
}

type onceOptions struct {
	argv       []string
	properties map[string]string
	dir, user  string
	quick      bool
	must       bool // a status other than 0 is an error
}

// planOnce returns a start and a stop with the command between them.
func (j *Jail) planOnce(ctx context.Context, o onceOptions) (*plan.Plan, error) {
	j, err := j.fresh(ctx)
	if err != nil {
		return nil, err
	}
	if j, err = j.with(o.properties); err != nil {
		return nil, err
	}
	if err := j.mayStart(ctx); err != nil {
		return nil, err
	}
	if len(o.argv) == 0 || o.argv[0] == "" {
		return nil, fmt.Errorf("%w: no command", ErrConfig)
	}
	at, err := j.commandPlace(o.user)
	if err != nil {
		return nil, err
	}
	var steps step.List
	after := j.upSteps(ctx, &steps, StartOptions{Quick: o.quick}, true)
	steps.Add(step.RunCommand{
		Argv: o.argv, Name: j.Identifier(), RootDataset: j.RootDataset(), Place: at, Dir: o.dir, Must: o.must,
	})
	steps.Commit()
	j.downSteps(ctx, &steps, StopOptions{}, kernel.Identity{})
	steps.Append(after.Steps())
	return j.plan(ctx, "fork_exec", &steps)
}

// with returns the jail with properties in place of its own. The jail itself stays
// as it is.
func (j *Jail) with(properties map[string]string) (*Jail, error) {
	if len(properties) == 0 {
		return j, nil
	}
	own := j.own().Clone()
	if !j.exists() { // a new configuration is libioc's, whatever keys it has
		if err := own.Set("id", j.Name()); err != nil {
			return nil, err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		if err := own.Set(key, properties[key]); err != nil {
			return nil, err
		}
	}
	j.dropLimits(own)
	return j.copy(func(is *state) { is.set(own) }), nil
}
