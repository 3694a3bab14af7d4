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
func (j *Jail) Start(ctx context.Context, o StartOptions) ([]events.IocEvent, error) {
	return j.Generator().Start(o).Run(ctx)
}

// Start returns the operation that [Jail.Start] runs.
func (g *JailGenerator) Start(o StartOptions) *Operation {
	j := g.jail
	if o.SingleCommand != "" {
		return j.singleCommand(o)
	}
	return &Operation{
		jail:  j,
		name:  "start",
		event: events.JailStart{Jail: j.fullName},
		busy:  o.Busy,
		make:  func(ctx context.Context) (*plan.Plan, error) { return j.planStart(ctx, o) },
		env:   o.Env,
		hooks: o.Terminal,
		// A start whose last step was interrupted is over; after a reboot the jail
		// is down all the same.
		cleared: func(recovered string) bool {
			running, _ := j.Running(context.Background())
			return recovered != "start" || !running
		},
	}
}

func (j *Jail) planStart(ctx context.Context, o StartOptions) (*plan.Plan, error) {
	j, err := j.fresh(ctx)
	if err != nil {
		return nil, err
	}
	if err := j.mayStart(ctx); err != nil {
		return nil, err
	}
	return j.planUp(ctx, o)
}

// planUp are the steps of a start, of a jail that may be started.
func (j *Jail) planUp(ctx context.Context, o StartOptions) (*plan.Plan, error) {
	steps, after, err := j.upSteps(ctx, o, false)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"start", "poststart"} {
		hook, err := j.hook(name)
		if err != nil {
			return nil, err
		}
		steps = append(steps, hook...)
	}
	print, err := j.fingerprint(ctx)
	if err != nil {
		return nil, err
	}
	all := slices.Concat(steps, after)
	print["base"] = basePrint(all...)
	return &plan.Plan{
		Operation: "start", Subject: j.fullName, Steps: all, Commit: len(steps), Fingerprint: print,
	}, nil
}

// upSteps bring a jail up to where its first command can run. An owned jail
// ends with this process. The steps after are for when all went well.
func (j *Jail) upSteps(ctx context.Context, o StartOptions, owned bool) (steps, after []plan.Step, err error) {
	attach, modules, err := j.stepAttach(ctx)
	if err != nil {
		return nil, nil, err
	}
	attach.Owned = owned
	load, number, err := j.rulesetSteps(ctx)
	if err != nil {
		return nil, nil, err
	}
	attach.Ruleset = uint16(number)
	net, err := j.networkSteps(ctx)
	if err != nil {
		return nil, nil, err
	}
	base, after, err := j.basejailSteps(ctx)
	if err != nil {
		return nil, nil, err
	}
	lists := []func(ctx context.Context) ([]plan.Step, error){
		func(ctx context.Context) ([]plan.Step, error) {
			if o.Quick {
				return nil, nil
			}
			return j.resolverSteps(ctx)
		},
		j.limitSteps,
		func(context.Context) ([]plan.Step, error) { return j.hook("prestart") },
		func(context.Context) ([]plan.Step, error) { return base, nil },
		j.fstabSteps,
		func(context.Context) ([]plan.Step, error) { return append(modules, load...), nil },
		func(context.Context) ([]plan.Step, error) {
			return append(net.before, plan.StepOf(attach)), nil
		},
		j.cpusetSteps,
		func(context.Context) ([]plan.Step, error) { return j.hook("created") },
		func(context.Context) ([]plan.Step, error) { return j.devfsSteps(number), nil },
		j.fdescfsSteps,
		j.procfsSteps,
		func(context.Context) ([]plan.Step, error) { return net.after, nil },
		j.shareSteps,
	}
	for _, list := range lists {
		more, err := list(ctx)
		if err != nil {
			return nil, nil, err
		}
		steps = append(steps, more...)
	}
	left, err := j.leftSteps(ctx, steps)
	return append(left, steps...), after, err
}

// mayStart are libioc's guards of start.
func (j *Jail) mayStart(ctx context.Context) error {
	_, err := j.Identity(ctx)
	switch {
	case err == nil:
		return ErrRunning
	case !errors.Is(err, ErrNotRunning):
		return err
	}
	return j.mayBeStarted(ctx)
}

// mayBeStarted are those that do not ask whether it runs.
func (j *Jail) mayBeStarted(ctx context.Context) error {
	eff := j.effective()
	if eff.Bool("template") {
		return ErrTemplate
	}
	// A value that was not understood must not be silently replaced by a
	// default in the kernel.
	for _, problem := range j.own.Problems() {
		return fmt.Errorf("%w: %w", ErrConfig, problem)
	}
	for _, problem := range j.defaults.Problems() {
		if !j.own.Has(problem.Key) {
			return fmt.Errorf("%w: defaults: %w", ErrConfig, problem)
		}
	}
	if err := j.requireRoot(ctx); err != nil {
		return err
	}
	return j.RequireHostID(ctx)
}

// fingerprint is what a plan for an existing jail was made from.
func (j *Jail) fingerprint(ctx context.Context) (map[string]string, error) {
	boot, err := j.host.Kernel.BootID(ctx)
	if err != nil {
		return nil, err
	}
	id, err := j.Identity(ctx)
	if err != nil && !errors.Is(err, ErrNotRunning) {
		return nil, err
	}
	fstab, err := j.readFstab()
	if err != nil {
		return nil, err
	}
	conf, err := configPrint(j.own)
	if err != nil {
		return nil, err
	}
	defaults, err := configPrint(j.defaults)
	if err != nil {
		return nil, err
	}
	mounts, err := j.mountTable(ctx)
	if err != nil {
		return nil, err
	}
	print := map[string]string{
		"boot": boot, "jail": id.String(), "fstab": digest(fstab),
		"configuration": conf, "defaults": defaults,
	}
	if path, ok := mounts.Dataset(j.RootDataset()); ok {
		m, _ := mounts.At(path)
		print["root"] = m.FSID.String()
	}
	return print, nil
}

// fresh is the jail as it is on disk now, for planning, since the files may have
// changed after Load: what the caller has set and not saved counts over what is
// there. The caller's own value stays as it is.
func (j *Jail) fresh(ctx context.Context) (*Jail, error) {
	mounts, err := j.host.Mounts(ctx)
	if err != nil {
		return nil, err
	}
	if _, ok := mounts.Dataset(j.Dataset()); !ok {
		return nil, missing(ctx, j.host, []host.Source{j.source}, j.name)
	}
	path, err := mounts.Mountpoint(j.Dataset())
	if err != nil {
		return nil, err // hidden by another file system
	}
	now := *j
	now.path, now.seen = path, mounts
	if err := now.read(ctx, path); err != nil {
		return nil, err
	}
	if j.own != nil && j.own.Changed() {
		if now.own, err = j.own.Rebase(now.own); err != nil {
			return nil, err
		}
	}
	now.defaults, err = readDefaults(mounts, j.source)
	return &now, err
}

func (j *Jail) stepAttach(ctx context.Context) (stepAttach, []plan.Step, error) {
	params, modules, err := j.params(ctx)
	if err != nil {
		return stepAttach{}, nil, err
	}
	args := stepAttach{Name: j.Identifier(), RootDataset: j.RootDataset()}
	for _, p := range params {
		args.Params = append(args.Params, param{p.Name, p.Data, p.Data != nil && len(p.Data) == 0})
	}
	return args, modules, nil
}
