package jail

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/plan"
)

// StartOptions say how a jail is started. The zero value starts it as its
// configuration says.
type StartOptions struct {
	// Env is added to the environment of every hook, over what it has.
	Env map[string]string
	// Quick leaves out what a jail that has not changed since its last start
	// does not need: its resolv.conf is taken as it is.
	Quick bool
	// SingleCommand is run by sh(1) in the jail in place of the start and
	// poststart hooks; then the jail is taken down again, whatever came of it.
	// A command that does not exit with 0 is a *HookError. See also ForkExec.
	SingleCommand string
	// Terminal, if set, is given to the start hook, or to the single command, as
	// its standard streams, so that a person can answer it. Its output is not
	// captured then.
	Terminal *os.File
	Busy     Busy
}

// Start mounts what the jail needs, makes it in the kernel and runs its hooks.
//
// Errors: ErrRunning, ErrNotRunning when the start hook ended the jail,
// ErrTemplate, ErrHostID, ErrConfig, ErrNoBase, *MountedError, *HeldError,
// *HookError, *kernel.JailError, ErrBusy. A failure leaves nothing behind except
// what hooks did, and what belongs to the host: kernel modules and the devfs
// ruleset that were loaded for the jail.
//
// What an earlier run has left mounted below the root, because the jail ended
// without Stop, is unmounted first.
func (g *JailGenerator) Start(ctx context.Context, o StartOptions) <-chan events.IocEvent {
	return g.start(ctx, g.startOperation(o), nil)
}

// Start is the synchronous form of [JailGenerator.Start].
func (j *Jail) Start(ctx context.Context, o StartOptions) ([]events.IocEvent, error) {
	return collect(ctx, j.JailGenerator.Start(ctx, o))
}

// PlanStart plans what Start would do.
func (g *JailGenerator) PlanStart(ctx context.Context, o StartOptions) (*Plan, error) {
	return g.planned(ctx, g.startOperation(o))
}

func (g *JailGenerator) startOperation(o StartOptions) operation {
	if o.SingleCommand != "" {
		return g.singleCommand(o)
	}
	return operation{
		name:  "start",
		event: events.JailStart{Jail: g.fullName},
		busy:  o.Busy,
		make:  func(ctx context.Context) (*plan.Plan, error) { return g.planStart(ctx, o) },
		begin: func(r *run) { r.extra, r.hooks = o.Env, o.Terminal },
		// A start whose last step was interrupted is over; after a reboot the jail
		// is down all the same.
		cleared: func(recovered string) bool {
			running, _ := g.Running(context.Background())
			return recovered != "start" || !running
		},
	}
}

func (g *JailGenerator) planStart(ctx context.Context, o StartOptions) (*plan.Plan, error) {
	g, err := g.fresh(ctx)
	if err != nil {
		return nil, err
	}
	if err := g.mayStart(ctx); err != nil {
		return nil, err
	}
	return g.planUp(ctx, o)
}

// planUp are the steps of a start, of a jail that may be started.
func (g *JailGenerator) planUp(ctx context.Context, o StartOptions) (*plan.Plan, error) {
	steps, after, err := g.upSteps(ctx, o, false)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"start", "poststart"} {
		hook, err := g.hook(name)
		if err != nil {
			return nil, err
		}
		steps = append(steps, hook...)
	}
	print, err := g.fingerprint(ctx)
	if err != nil {
		return nil, err
	}
	all := slices.Concat(steps, after)
	print["base"] = basePrint(all...)
	return &plan.Plan{
		Operation: "start", Subject: g.fullName, Steps: all, Commit: len(steps), Fingerprint: print,
	}, nil
}

// upSteps bring a jail up to where its first command can run. An owned jail
// ends with this process. The steps after are for when all went well.
func (g *JailGenerator) upSteps(ctx context.Context, o StartOptions, owned bool) (steps, after []plan.Step, err error) {
	attach, modules, err := g.attachArgs(ctx)
	if err != nil {
		return nil, nil, err
	}
	attach.Owned = owned
	load, number, err := g.rulesetSteps(ctx)
	if err != nil {
		return nil, nil, err
	}
	attach.Ruleset = uint16(number)
	net, err := g.networkSteps(ctx)
	if err != nil {
		return nil, nil, err
	}
	base, after, err := g.basejailSteps(ctx)
	if err != nil {
		return nil, nil, err
	}
	lists := []func(ctx context.Context) ([]plan.Step, error){
		func(ctx context.Context) ([]plan.Step, error) {
			if o.Quick {
				return nil, nil
			}
			return g.resolverSteps(ctx)
		},
		g.limitSteps,
		func(context.Context) ([]plan.Step, error) { return g.hook("prestart") },
		func(context.Context) ([]plan.Step, error) { return base, nil },
		g.fstabSteps,
		func(context.Context) ([]plan.Step, error) { return append(modules, load...), nil },
		func(context.Context) ([]plan.Step, error) { return append(net.before, stepAttach.Step(attach)), nil },
		g.cpusetSteps,
		func(context.Context) ([]plan.Step, error) { return g.hook("created") },
		func(context.Context) ([]plan.Step, error) { return g.devfsSteps(number), nil },
		g.fdescfsSteps,
		g.procfsSteps,
		func(context.Context) ([]plan.Step, error) { return net.after, nil },
		g.shareSteps,
	}
	for _, list := range lists {
		more, err := list(ctx)
		if err != nil {
			return nil, nil, err
		}
		steps = append(steps, more...)
	}
	left, err := g.leftSteps(ctx, steps)
	return append(left, steps...), after, err
}

// mayStart are libioc's guards of start.
func (g *JailGenerator) mayStart(ctx context.Context) error {
	_, err := g.Identity(ctx)
	switch {
	case err == nil:
		return ErrRunning
	case !errors.Is(err, ErrNotRunning):
		return err
	}
	return g.mayBeStarted(ctx)
}

// mayBeStarted are those that do not ask whether it runs.
func (g *JailGenerator) mayBeStarted(ctx context.Context) error {
	eff := g.effective()
	if eff.Bool("template") {
		return ErrTemplate
	}
	// A value that was not understood must not be silently replaced by a
	// default in the kernel.
	for _, problem := range g.own.Problems() {
		return fmt.Errorf("%w: %w", ErrConfig, problem)
	}
	for _, problem := range g.defaults.Problems() {
		if !g.own.Has(problem.Key) {
			return fmt.Errorf("%w: defaults: %w", ErrConfig, problem)
		}
	}
	if err := g.requireRoot(ctx); err != nil {
		return err
	}
	return g.RequireHostID(ctx)
}

// fingerprint is what a plan for an existing jail was made from.
func (g *JailGenerator) fingerprint(ctx context.Context) (map[string]string, error) {
	boot, err := g.host.Kernel.BootID(ctx)
	if err != nil {
		return nil, err
	}
	id, err := g.Identity(ctx)
	if err != nil && !errors.Is(err, ErrNotRunning) {
		return nil, err
	}
	fstab, err := g.readFstab()
	if err != nil {
		return nil, err
	}
	conf, err := configPrint(g.own)
	if err != nil {
		return nil, err
	}
	defaults, err := configPrint(g.defaults)
	if err != nil {
		return nil, err
	}
	mounts, err := g.mountTable(ctx)
	if err != nil {
		return nil, err
	}
	print := map[string]string{
		"boot": boot, "jail": id.String(), "fstab": digest(fstab),
		"configuration": conf, "defaults": defaults,
	}
	if path, ok := mounts.Dataset(g.RootDataset()); ok {
		m, _ := mounts.At(path)
		print["root"] = m.FSID.String()
	}
	return print, nil
}

// fresh is the jail as it is on disk now, for planning, since the files may have
// changed after Load: what the caller has set and not saved counts over what is
// there. The caller's own value stays as it is.
func (g *JailGenerator) fresh(ctx context.Context) (*JailGenerator, error) {
	mounts, err := g.host.Mounts(ctx)
	if err != nil {
		return nil, err
	}
	if _, ok := mounts.Dataset(g.Dataset()); !ok {
		return nil, missing(ctx, g.host, []host.Source{g.source}, g.name)
	}
	path, err := mounts.Mountpoint(g.Dataset())
	if err != nil {
		return nil, err // hidden by another file system
	}
	now := *g
	now.path, now.seen = path, mounts
	if err := now.read(ctx, path); err != nil {
		return nil, err
	}
	if g.own != nil && g.own.Changed() {
		if now.own, err = g.own.Rebase(now.own); err != nil {
			return nil, err
		}
	}
	now.defaults, err = readDefaults(mounts, g.source)
	return &now, err
}

func (g *JailGenerator) attachArgs(ctx context.Context) (attachArgs, []plan.Step, error) {
	params, modules, err := g.params(ctx)
	if err != nil {
		return attachArgs{}, nil, err
	}
	args := attachArgs{Name: g.Identifier(), RootDataset: g.RootDataset()}
	for _, p := range params {
		args.Params = append(args.Params, param{p.Name, p.Data, p.Data != nil && len(p.Data) == 0})
	}
	return args, modules, nil
}
