package jail

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
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
	Busy           Busy
}

// ForkExec brings a stopped jail up, runs one command in it and takes it down
// again, whatever came of the command. Of the hooks prestart, created and
// poststop run, as libioc documents it. On FreeBSD 15 the kernel removes the
// jail even if this process is killed; before, the next operation or Recover does.
//
// A command that exits non-zero is no error: its status is in the event
// events.JailCommand and in the result. Errors: those of Start and Stop,
// kernel.ErrNotFound for a command or user that the jail has not, the context's
// error after the command was killed.
func (g *JailGenerator) ForkExec(ctx context.Context, argv []string, o ForkExecOptions) <-chan events.IocEvent {
	op, _ := g.forkExecOperation(argv, o)
	return g.start(ctx, op, nil)
}

// ForkExec is the synchronous form of [JailGenerator.ForkExec], with what came
// of the command.
func (j *Jail) ForkExec(ctx context.Context, argv []string, o ForkExecOptions) (ExecResult, []events.IocEvent, error) {
	op, outcome := j.forkExecOperation(argv, o)
	all, err := collect(ctx, j.start(ctx, op, nil))
	return outcome(), all, err
}

// PlanForkExec plans what ForkExec would do.
func (g *JailGenerator) PlanForkExec(ctx context.Context, argv []string, o ForkExecOptions) (*Plan, error) {
	op, _ := g.forkExecOperation(argv, o)
	return g.planned(ctx, op)
}

func (g *JailGenerator) forkExecOperation(argv []string, o ForkExecOptions) (op operation, outcome func() ExecResult) {
	var this *run
	return operation{
		name:  "fork_exec",
		event: events.JailStart{Jail: g.fullName},
		busy:  o.Busy,
		make: func(ctx context.Context) (*plan.Plan, error) {
			return g.planOnce(ctx, onceOptions{argv: argv, properties: o.Properties, dir: o.Dir, user: o.User})
		},
		begin: func(r *run) {
			this = r
			r.extra, r.properties = o.Env, o.Properties
			r.command = streams{stdin: o.Stdin, stdout: o.Stdout, stderr: o.Stderr, terminal: o.Terminal}
			r.outcome.ExitCode = -1
		},
	}, func() ExecResult { return this.outcome }
}

// singleCommand is a start that ends with its command.
func (g *JailGenerator) singleCommand(o StartOptions) operation {
	return operation{
		name:  "start",
		event: events.JailStart{Jail: g.fullName},
		busy:  o.Busy,
		make: func(ctx context.Context) (*plan.Plan, error) {
			return g.planOnce(ctx, onceOptions{argv: []string{"/bin/sh", "-c", o.SingleCommand}, quick: o.Quick, must: true})
		},
		begin: func(r *run) { r.extra, r.command = o.Env, streams{terminal: o.Terminal} },
	}
}

type onceOptions struct {
	argv       []string
	properties map[string]string
	dir, user  string
	quick      bool
	must       bool // a status other than 0 is an error
}

// planOnce is a start and a stop with the command between them.
func (g *JailGenerator) planOnce(ctx context.Context, o onceOptions) (*plan.Plan, error) {
	g, err := g.fresh(ctx)
	if err != nil {
		return nil, err
	}
	if g, err = g.with(o.properties); err != nil {
		return nil, err
	}
	if err := g.mayStart(ctx); err != nil {
		return nil, err
	}
	if len(o.argv) == 0 || o.argv[0] == "" {
		return nil, fmt.Errorf("%w: no command", ErrConfig)
	}
	at, err := g.commandPlace(o.user)
	if err != nil {
		return nil, err
	}
	steps, after, err := g.upSteps(ctx, StartOptions{Quick: o.quick}, true)
	if err != nil {
		return nil, err
	}
	steps = append(steps, stepCommand.Step(commandArgs{
		Argv: o.argv, Name: g.Identifier(), RootDataset: g.RootDataset(), Place: at, Dir: o.dir, Must: o.must,
	}))
	commit := len(steps)
	down, err := g.downSteps(ctx, StopOptions{}, kernel.Identity{})
	if err != nil {
		return nil, err
	}
	print, err := g.fingerprint(ctx)
	if err != nil {
		return nil, err
	}
	all := slices.Concat(steps, down, after)
	print["base"] = basePrint(all...)
	return &plan.Plan{
		Operation: "fork_exec", Subject: g.fullName, Steps: all, Commit: commit, Fingerprint: print,
	}, nil
}

// with is the jail with properties in place of its own. The jail itself stays
// as it is.
func (g *JailGenerator) with(properties map[string]string) (*JailGenerator, error) {
	if len(properties) == 0 {
		return g, nil
	}
	now := *g
	now.own = g.own.Clone()
	for _, key := range sortedKeys(properties) {
		if err := now.own.Set(key, properties[key]); err != nil {
			return nil, err
		}
	}
	return &now, nil
}
