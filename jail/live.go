package jail

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/kernel"
)

// Effect tells when a changed property counts.
type Effect string

// The effects.
const (
	Live      Effect = "live"       // at once, also for a jail that runs
	NextStart Effect = "next start" // from the next start on
)

// RestartRequiredError names the properties that a running jail only takes at
// its next start.
type RestartRequiredError struct {
	Keys []string // sorted
}

func (e *RestartRequiredError) Error() string {
	return "a running jail takes this only at its next start: " + strings.Join(e.Keys, ", ")
}

// SetOptions say how properties are changed.
type SetOptions struct {
	// LiveOnly refuses the whole change, with *RestartRequiredError, when a key
	// of it would only count from the next start on.
	LiveOnly bool
	Busy     Busy
}

// Set changes properties, given as text, in the jail's configuration file and,
// as far as the kernel allows, in the running jail: addresses, interfaces,
// routes, forwarded ports, limits, cpuset, hostname and every parameter that
// jail_set(2) can change. An empty text unsets a property. The final event,
// JailConfigApply, says of each key when it counts, as Effects does.
//
// Errors: *config.PropertyError, ErrConfig for devfs_ruleset=none or 0 without
// mount_devfs=no, *RestartRequiredError with LiveOnly, those of
// Start that concern the network, *kernel.JailError, ErrReplaced, ErrChanged if the
// file is edited by hand or the network is changed by others at the same time, ErrBusy. A
// failure leaves file and jail as they were.
func (j *Jail) Set(ctx context.Context, values map[string]string, o SetOptions) ([]events.IocEvent, error) {
	return j.Generator().Set(values, o).Run(ctx)
}

// Effects returns when changes of properties would count for the jail as it is:
// for one that does not run all count from the next start on. An unknown key is
// config.ErrUnknownProperty.
func (j *Jail) Effects(ctx context.Context, keys ...string) (map[string]Effect, error) {
	j = j.still()
	running, err := j.Running(ctx)
	if err != nil {
		return nil, &Error{"set", j.FullName(), err}
	}
	known, err := j.knownParams(ctx)
	if err != nil {
		return nil, &Error{"set", j.FullName(), err}
	}
	pending, err := j.vnetPending(ctx)
	if err != nil {
		return nil, &Error{"set", j.FullName(), err}
	}
	out := map[string]Effect{}
	for _, key := range keys {
		p, ok := config.Lookup(key)
		if !ok {
			return nil, &config.PropertyError{Key: key, Err: config.ErrUnknownProperty}
		}
		out[key] = NextStart
		if running && j.live(p, known, pending) {
			out[key] = Live
		}
	}
	return out, nil
}

// vnetPending reports whether the running jail has another kind of stack than the
// properties ask for.
func (j *Jail) vnetPending(ctx context.Context) (bool, error) {
	id, err := j.identity(ctx)
	if err != nil || id.IsZero() {
		return false, ignore.Err(err, ErrForeign)
	}
	p, err := j.host.Kernel.JailGet(ctx, 0, kernel.ByJID(id.JID), "vnet")
	if err != nil {
		return false, ignore.Err(err, kernel.ErrNotFound)
	}
	return (p.Int("vnet") == int(kernel.JailSysNew)) != key.VNET.Of(j.Effective()), nil
}

// startHooks have run when a jail runs.
var startHooks = []string{"exec_prestart", "exec_created", "exec_start", "exec_poststart", "exec_fib"}

// live reports whether a property of a running jail can be changed at once: what
// is read when it is used, what the kernel lets be changed, and what this
// library changes for it.
//
// A change of vnet that is pending until the next start takes the network with it.
func (j *Jail) live(p *config.Property, known map[string]kernel.ParamInfo, pending bool) bool {
	eff := j.Effective()
	switch p.Name {
	case "vnet", "rlimits", "bpf", "allow_tun", "host_time", "min_dyn_devfs_ruleset", "resolver":
		return false
	case "host_hostname", "cpuset":
		return true
	case "ip4_addr", "ip6_addr":
		mode, ok := config.NewKey[config.Jailsys](p.Name[:3]).Lookup(eff)
		return !pending && (key.VNET.Of(eff) || !ok || mode == config.JailsysNew)
	case "dhcp", "rtsold", "vnet_interfaces":
		return false
	}
	switch p.Scope {
	case config.ScopeLimit, config.ScopeInfo, config.ScopeHost:
		return true
	case config.ScopeHook:
		return !slices.Contains(startHooks, p.Name)
	case config.ScopeNetwork:
		pf := strings.HasPrefix(p.Name, "nat") || p.Name == key.UserNAT.String() || strings.HasPrefix(p.Name, key.UserForwards.String())
		return !pending && (key.VNET.Of(eff) || pf)
	}
	if text := p.ParamType == config.ParamString || p.ParamType == config.ParamAsListed; text && config.NewKey[string](p.Name).Of(eff) == "" {
		return false // the kernel keeps what it has
	}
	return p.Param != "" && known[p.Param].Writable
}

// Set returns the operation that [Jail.Set] runs.
func (g *JailGenerator) Set(values map[string]string, o SetOptions) *Operation {
	j := g.of()
	var made *Jail
	return &Operation{
		jail: j, name: "set", event: events.JailConfigApply{Jail: j.FullName()}, busy: o.Busy,
		steps: func(ctx context.Context, now *Jail, l *step.List) (err error) {
			made, err = now.setSteps(ctx, l, values, o)
			return err
		},
		after: func() {
			j.publish(func(is *state) { is.own, is.path = made.own(), made.Path() })
			j.created() // what is saved now is no change any more
		},
	}
}

// setSteps returns the jail as it will be.
func (j *Jail) setSteps(ctx context.Context, l *step.List, values map[string]string, o SetOptions) (*Jail, error) {
	own := j.own().Clone()
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if values[key] == "" {
			own.Unset(key)
			continue
		}
		if err := own.Set(key, values[key]); err != nil {
			return nil, err
		}
	}
	j.dropLimits(own)
	if !key.Template.Of(config.Effective{Own: own}) {
		if err := noTemplateType(own); err != nil {
			return nil, err
		}
	}
	will := j.copy(func(is *state) { is.set(own) })
	if names(values, key.DevfsRuleset.String()) || names(values, key.MountDevfs.String()) {
		if err := will.mayMountDevfs(); err != nil {
			return nil, err
		}
	}
	effects, err := will.Effects(ctx, slices.Sorted(maps.Keys(values))...)
	if err != nil {
		return nil, err
	}
	var live, later []string
	for _, key := range slices.Sorted(maps.Keys(effects)) {
		if effects[key] == Live {
			live = append(live, key)
		} else {
			later = append(later, key)
		}
	}
	id, err := j.identity(ctx)
	if err != nil {
		return nil, err
	}
	if o.LiveOnly && !id.IsZero() && len(later) > 0 {
		return nil, &RestartRequiredError{later}
	}
	if names(values, key.Depends.String()) {
		l.Fail(will.mayDepend(ctx))
	}
	l.Append(will.saveStep(values))
	will.templateChange(ctx, l, j.Effective())
	if !id.IsZero() {
		l.Fail(will.liveSteps(ctx, l, j, id, live))
	}
	l.Add(step.ReportEffects{Live: live, Later: later})
	l.Commit()
	if l.Has(step.ChangeNetwork{}.Kind()) {
		l.Add(step.SettleNetwork{Key: j.netKey(), Jail: j.Identifier()})
	}
	return will, nil
}

// names reports whether one of the values is for a property, under any of its names.
func names(values map[string]string, property string) bool {
	for name := range values {
		if p, ok := config.Lookup(name); ok && p.Name == property {
			return true
		}
	}
	return false
}

// dropLimits leaves out that there is no limit where the defaults file has none either.
func (j *Jail) dropLimits(own *config.Config) {
	for _, name := range own.Keys() {
		if own.IsNoLimit(name) && (j.defaults == nil || !j.defaults.Has(name)) {
			own.Unset(name)
		}
	}
}

// saveStep writes the changed configuration, in the form it was read in.
func (j *Jail) saveStep(values map[string]string) ([]plan.Step, error) {
	if j.own().Format() == config.ZFS {
		return j.saveSteps(j.own(), "")
	}
	data, err := j.own().Encode()
	if err != nil {
		return nil, err
	}
	file := j.own().Format().File()
	old, err := os.ReadFile(filepath.Join(j.Path(), file))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return []plan.Step{plan.StepOf(step.SaveConfig{Dataset: j.Dataset(), File: file, Data: data, Old: step.Before{Data: old, Had: err == nil}, Keys: slices.Sorted(maps.Keys(values))})}, nil
}

// liveSteps bring the running jail from one configuration to the other, as far
// as the given keys go.
func (j *Jail) liveSteps(ctx context.Context, l *step.List, was *Jail, id kernel.Identity, keys []string) error {
	touches := func(match func(p *config.Property) bool) bool {
		return slices.ContainsFunc(keys, func(key string) bool {
			p, ok := config.Lookup(key)
			return ok && match(p)
		})
	}
	params, err := j.changedParams(ctx, was, id, keys)
	if err != nil {
		return err
	}
	if touches(func(p *config.Property) bool {
		return p.Scope == config.ScopeNetwork
	}) {
		l.Append(j.networkChange(ctx, was, id))
	}
	if len(params.New) > 0 {
		l.Add(params)
	}
	if touches(func(p *config.Property) bool { return p.Scope == config.ScopeLimit }) {
		rules, notes := j.limitRules()
		l.Append(j.changeLimits(ctx, rules, notes))
	}
	if slices.Contains(keys, "cpuset") {
		set := key.CPUSet.Of(j.Effective())
		all := set.All || len(set.CPUs) == 0
		l.Add(step.SetCpuset{Jail: id.Name, Text: set.String(), CPUs: set.CPUs, All: all})
	}
	return nil
}

// changedParams returns the step that changes parameters of the jail, with none if
// none differ. Addresses are the network's.
func (j *Jail) changedParams(ctx context.Context, was *Jail, id kernel.Identity, keys []string) (args step.ChangeParams, err error) {
	old, _, err := was.params(ctx, network.Spec{})
	if err != nil {
		return args, err
	}
	now, _, err := j.params(ctx, network.Spec{})
	if err != nil {
		return args, err
	}
	wanted := map[string]bool{}
	for _, key := range keys {
		if p, ok := config.Lookup(key); ok && p.Param != "" && p.ParamType != config.ParamAddresses {
			wanted[p.Param] = true
		}
	}
	args.Jail = id.Name
	for _, p := range now {
		if !wanted[positive(p.Name)] || slices.ContainsFunc(old, func(q kernel.Param) bool { return q.Name == p.Name && bytes.Equal(q.Data, p.Data) }) {
			continue
		}
		args.New = append(args.New, stepParam(p))
		for _, q := range old {
			if positive(q.Name) == positive(p.Name) {
				args.Old = append(args.Old, stepParam(q))
			}
		}
	}
	return args, nil
}

// positive returns the name of a boolean parameter without its no.
func positive(name string) string {
	i := strings.LastIndexByte(name, '.') + 1
	if strings.HasPrefix(name[i:], "no") && strings.HasPrefix(name, "allow.") {
		return name[:i] + name[i+2:]
	}
	return name
}

// networkChange returns the step that brings the jail's network to what the
// configuration asks for now.
func (j *Jail) networkChange(ctx context.Context, was *Jail, id kernel.Identity) ([]plan.Step, error) {
	pending, err := j.vnetPending(ctx)
	if err != nil {
		return nil, err
	}
	if pending {
		return nil, &RestartRequiredError{[]string{"vnet"}}
	}
	to, err := j.networkSpec(ctx)
	if err != nil {
		return nil, err
	}
	if err := j.mayConnect(ctx, to); err != nil {
		return nil, err
	}
	record, found, err := j.netKey().Current(ctx, j.host)
	if err != nil {
		return nil, err
	}
	from := record.Spec
	if !found {
		if from, err = was.networkSpec(ctx); err != nil {
			from = network.Spec{Jail: id.Name, VNET: to.VNET}
		}
	}
	// Those count from the next start on.
	to.Hosts, to.HostMACs = from.Hosts, from.HostMACs
	requests, err := j.requests(to, j.jailRC(ctx))
	if err != nil {
		return nil, err
	}
	var l step.List
	if to.DHCP() && !from.DHCP() {
		l.Fail(j.showBPF(ctx, &l, to))
	}
	l.Add(step.ChangeNetwork{
		Key: j.netKey(), ID: id, From: from, To: to, Params: addressParams(to, j.Effective()),
		OldParams: addressParams(from, was.Effective()), Requests: requests,
	})
	return l.Steps()
}

// addressParams returns the addresses of a jail without its own stack, as
// jail_set(2) takes them.
func addressParams(spec network.Spec, eff config.Effective) []step.Param {
	if spec.VNET {
		return nil
	}
	var out []step.Param
	for _, family := range []string{"ip4", "ip6"} {
		if mode, ok := config.NewKey[config.Jailsys](family).Lookup(eff); !ok || mode == config.JailsysNew {
			out = append(out, stepParam(kernel.Addrs(family+".addr", staticAddrs(spec, eff, family)...)))
		}
	}
	return out
}
