package jail

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
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
	// NoDependencies starts this jail only, without regard to depends.
	NoDependencies bool
	Busy           Busy
}

// Start mounts what the jail needs, makes it in the kernel and runs its hooks.
//
// What the jail depends on is started before, as libioc does, by operations of their own,
// each after those that it depends on itself, and waited for until it is ready, see
// [Jail.WaitReady]. If the start fails, those that it has started are stopped again, the
// last first; with SingleCommand also after a success. A crash leaves them running.
// fleet.StartAll starts many jails, in parallel where they do not depend on each other.
//
// Errors: ErrRunning, ErrNotRunning when the start hook ended the jail,
// ErrTemplate, ErrHostID, ErrConfig (with *fstab.SyntaxError for a line that cannot be
// read, kernel.ErrEmptyRuleset for a devfs(5) without ruleset), ErrNoBase, *MountedError,
// *HeldError, *HookError, *kernel.JailError, ErrBusy, and for what the jail depends on
// *DependencyError and *CycleError. A failure leaves nothing behind except what hooks did,
// and what belongs to the host: kernel modules and the devfs ruleset that were loaded for
// the jail.
//
// What an earlier run has left mounted below the root, because the jail ended
// without Stop, is unmounted first.
func (j *Jail) Start(ctx context.Context, o StartOptions) ([]events.IocEvent, error) {
	return j.Generator().Start(o).Run(ctx)
}

// Start returns the operation that [Jail.Start] runs.
func (g *JailGenerator) Start(o StartOptions) *Operation {
	j := g.of()
	if o.SingleCommand != "" {
		return j.singleCommand(o)
	}
	op := &Operation{
		jail: j, name: "start", event: events.JailStart{Jail: j.FullName()}, busy: o.Busy,
		steps: func(ctx context.Context, now *Jail, l *step.List) error {
			if err := now.mayStart(ctx); err != nil {
				return err
			}
			now.startSteps(ctx, l, o)
			return nil
		},
		env:   o.Env,
		hooks: o.Terminal,
		// A start whose last step was interrupted is over; after a reboot the jail
		// is down all the same.
		cleared: func(recovered string) bool {
			running, _ := j.Running(context.Background())
			return recovered != "start" || !running
		},
	}
	return op.startDependencies(o.NoDependencies, false)
}

// startSteps start a jail that may be started.
func (j *Jail) startSteps(ctx context.Context, l *step.List, o StartOptions) {
	after := j.upSteps(ctx, l, o, false)
	l.Append(j.hook("start"))
	l.Append(j.hook("poststart"))
	l.Commit()
	l.Append(after.Steps())
}

// plan returns the plan of an operation on the jail as it is now, with a fingerprint
// of what it was made from.
func (j *Jail) plan(ctx context.Context, operation string, steps *step.List) (*plan.Plan, error) {
	boot, err := j.host.Kernel.BootID(ctx)
	steps.Fail(err)
	id, err := j.identity(ctx)
	steps.Fail(err)
	fstab, err := j.readFstab()
	steps.Fail(err)
	conf, err := configPrint(j.own())
	steps.Fail(err)
	defaults, err := configPrint(j.defaults)
	steps.Fail(err)
	mounts, err := j.mountTable(ctx)
	steps.Fail(err)
	print := map[string]string{
		"boot": boot, "jail": id.String(), "fstab": digest(fstab),
		"configuration": conf, "defaults": defaults,
	}
	if path, ok := mounts.Dataset(j.RootDataset()); ok {
		m, _ := mounts.At(path)
		print["root"] = m.FSID.String()
	}
	list, _ := steps.Steps() // Plan returns the error
	print["base"] = basePrint(list...)
	return steps.Plan(operation, j.FullName(), print)
}

// upSteps bring a jail up to where its first command can run. An owned jail
// ends with this process. The steps it returns are for when all went well.
func (j *Jail) upSteps(ctx context.Context, steps *step.List, o StartOptions, owned bool) (after step.List) {
	var up step.List
	spec, err := j.networkSpec(ctx)
	up.Fail(err)
	params, modules, err := j.params(ctx, spec)
	up.Fail(err)
	load, number, err := j.ruleset(ctx)
	up.Fail(err)
	net := j.networkSteps(ctx, spec)
	base, after := j.basejailSteps(ctx)

	up.Append(net.first.Steps())
	if !o.Quick {
		up.Append(j.resolverSteps(ctx))
	}
	up.Append(j.limitSteps(ctx))
	up.Append(j.hook("prestart"))
	up.Append(base.Steps())
	if load != nil {
		up.Add(*load)
	}
	up.Append(j.fstabSteps(ctx, number))
	up.Append(modules, nil)
	up.Append(net.before.Steps())
	up.Add(step.CreateJail{
		Name: j.Identifier(), RootDataset: j.RootDataset(), Params: stepParams(params), Owned: owned, Ruleset: uint16(number),
		Notes: j.notes(),
	})
	up.Append(j.cpusetSteps(ctx))
	up.Append(j.hook("created"))
	j.deviceSteps(ctx, &up, number)
	up.Append(net.after.Steps())
	up.Append(j.shareSteps(ctx))

	list, err := up.Steps()
	if err == nil {
		steps.Append(j.leftSteps(ctx, list))
	}
	steps.Append(list, err)
	return after
}

// mayStart makes libioc's checks before a start.
func (j *Jail) mayStart(ctx context.Context) error {
	if err := j.RequireStopped(ctx); err != nil {
		return err
	}
	return j.mayBeStarted(ctx)
}

// mayBeStarted makes those that do not ask whether it runs.
func (j *Jail) mayBeStarted(ctx context.Context) error {
	eff := j.Effective()
	if key.Template.Of(eff) {
		return ErrTemplate
	}
	// A value that was not understood must not be silently replaced by a
	// default in the kernel.
	for _, problem := range j.own().Problems() {
		if !j.ofNoNIC(problem.Key) {
			return fmt.Errorf("%w: %w", ErrConfig, problem)
		}
	}
	for _, problem := range j.defaults.Problems() {
		if !j.own().Has(problem.Key) && !j.ofNoNIC(problem.Key) {
			return fmt.Errorf("%w: defaults: %w", ErrConfig, problem)
		}
	}
	if err := j.requireRoot(ctx); err != nil {
		return err
	}
	return j.RequireHostID(ctx)
}

// ofNoNIC reports whether a property is about a nic that the jail does not have.
func (j *Jail) ofNoNIC(property string) bool {
	if property == key.VNETDefaultMTU.String() {
		return false
	}
	nic, ok := strings.CutSuffix(property, "_mac")
	if !ok {
		nic, ok = strings.CutSuffix(property, "_mtu")
	}
	return ok && !slices.ContainsFunc(key.Interfaces.Of(j.Effective()), func(i config.Interface) bool { return i.Name == nic })
}

// fresh returns the jail as it is on disk now, for planning, since the files may have
// changed after Load: what the caller has set and not saved counts over what is
// on disk. The caller's own value stays as it is.
func (j *Jail) fresh(ctx context.Context) (*Jail, error) {
	mounts, err := j.host.Mounts(ctx)
	if err != nil {
		return nil, err
	}
	if _, ok := mounts.Dataset(j.Dataset()); !ok {
		return nil, missing(ctx, j.host, []host.Source{j.source}, j.Name())
	}
	path, err := mounts.Mountpoint(j.Dataset())
	if err != nil {
		return nil, err // hidden by another file system
	}
	own, err := j.read(ctx, path)
	if err != nil {
		return nil, err
	}
	if mine := j.own(); mine != nil && mine.Changed() {
		if own, err = mine.Rebase(own); err != nil {
			return nil, err
		}
	}
	now := j.copy(func(is *state) { is.path = path; is.set(own) })
	now.seen = mounts
	now.defaults, err = readDefaults(mounts, j.source)
	return now, err
}
