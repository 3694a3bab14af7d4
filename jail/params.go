package jail

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/kernel"
)

// params returns the parameters of jail_set(2) that the configuration asks for,
// all but path. What decides over isolation is always set on purpose: name,
// persist, vnet or the addresses, and every permission that the kernel knows.
//
// The addresses that AUTOIP4 stands for are in the spec. The steps load kernel modules that bring parameters which are missing.
func (j *Jail) params(ctx context.Context, spec network.Spec) (params []kernel.Param, modules []plan.Step, err error) {
	eff := j.Effective()
	known, err := j.knownParams(ctx)
	if err != nil {
		return nil, nil, err
	}
	uuid, err := j.HostUUID(ctx)
	if err != nil {
		return nil, nil, err
	}
	hostname := key.HostHostname.Of(eff)
	if hostname == "" {
		hostname = j.HumanReadableName()
	}
	out := []kernel.Param{
		kernel.String("name", j.Identifier()),
		kernel.Bool("persist", true),
		kernel.String("host.hostuuid", uuid),
		kernel.String("host.hostname", hostname),
	}
	for _, p := range kernelProperties(eff) {
		param, ok, err := kernelParam(eff, p, known)
		if err != nil {
			return nil, nil, err
		}
		if !ok {
			continue
		}
		if known[p.Param].Type == kernel.ParamInvalid {
			if off(param) || disabled(eff, p) || !eff.IsSet(p.Name) && !(p.Name == "allow_mount_zfs" && key.JailZFS.Of(eff)) {
				continue
			}
			load, err := j.missingParam(ctx, p.Param, p.Name)
			if err != nil {
				return nil, nil, err
			}
			modules = append(modules, load)
		}
		out = append(out, param)
	}
	return append(out, stackParams(spec, eff)...), modules, nil
}

// kernelProperties are the properties that are parameters of jail_set(2): those of the
// schema, and those that only the configuration and the kernel know.
func kernelProperties(eff config.Effective) (out []config.Property) {
	schema := map[string]bool{}
	for _, p := range config.Properties() {
		schema[p.Name] = true
		if p.Param != "" && !setElsewhere[p.Param] {
			out = append(out, p)
		}
	}
	for _, name := range eff.Keys() {
		if p, ok := config.Lookup(name); ok && p.Param != "" && !schema[p.Name] {
			out = append(out, *p)
		}
	}
	return out
}

// setElsewhere are the parameters that params does not take from the schema
// one by one.
var setElsewhere = map[string]bool{
	"name": true, "path": true, "persist": true, "host.hostuuid": true, "host.hostname": true,
	"vnet": true, "ip4": true, "ip6": true, "ip4.addr": true, "ip6.addr": true,
	"ip4.saddrsel": true, "ip6.saddrsel": true, "devfs_ruleset": true,
}

// knownParams returns the kernel's parameters by name.
func (j *Jail) knownParams(ctx context.Context) (map[string]kernel.ParamInfo, error) {
	list, err := j.host.Kernel.JailParams(ctx)
	known := make(map[string]kernel.ParamInfo, len(list))
	for _, p := range list {
		known[p.Name] = p
	}
	return known, err
}

// kernelParam encodes a property's value as its parameter; none is no
// parameter, so that the kernel's default stands.
func kernelParam(eff config.Effective, p config.Property, known map[string]kernel.ParamInfo) (kernel.Param, bool, error) {
	switch p.ParamType {
	case config.ParamBool:
		return kernel.Bool(p.Param, config.NewKey[bool](p.Name).Of(eff)), eff.IsSet(p.Name) || p.Default != "", nil
	case config.ParamInt:
		v, ok := config.NewKey[int](p.Name).Lookup(eff)
		return kernel.Int(p.Param, v), ok, nil
	case config.ParamLong:
		v, ok := config.NewKey[int](p.Name).Lookup(eff)
		return kernel.Ulong(p.Param, uint64(v)), ok, nil
	case config.ParamString:
		s := config.NewKey[string](p.Name).Of(eff)
		return kernel.String(p.Param, s), s != "", nil
	case config.ParamJailsys:
		v, ok := config.NewKey[config.Jailsys](p.Name).Lookup(eff)
		return kernel.Jailsys(p.Param, kernel.JailSys(v)), ok, nil
	case config.ParamAsListed:
		text := config.NewKey[string](p.Name).Of(eff)
		if text == "" {
			break
		}
		param, err := listedParam(known[p.Param], p.Param, text)
		if err != nil {
			err = fmt.Errorf("%w: %s=%s: %w", ErrConfig, p.Name, text, err)
		}
		return param, true, err
	}
	return kernel.Param{}, false, nil
}

// listedParam encodes a text as the kernel's own list of parameters says.
func listedParam(info kernel.ParamInfo, name, text string) (kernel.Param, error) {
	switch info.Type {
	case kernel.ParamBool:
		on, err := config.ParseBool(text)
		return kernel.Bool(name, on), err
	case kernel.ParamInt:
		n, err := strconv.ParseInt(text, 10, 32)
		return kernel.Int(name, int(n)), err
	case kernel.ParamUlong:
		n, err := strconv.ParseUint(text, 10, 64)
		return kernel.Ulong(name, n), err
	case kernel.ParamJailsys:
		mode, err := config.ParseJailsys(text)
		return kernel.Jailsys(name, kernel.JailSys(mode)), err
	}
	return kernel.String(name, text), nil // also of one that the kernel does not list
}

// off reports whether a parameter asks for nothing: one the kernel does not know
// may be left out then.
func off(p kernel.Param) bool {
	last := p.Name[strings.LastIndexByte(p.Name, '.')+1:]
	return p.Data == nil && strings.HasPrefix(last, "no")
}

// disabled reports whether a property asks for a part of the system to be disabled.
func disabled(eff config.Effective, p config.Property) bool {
	mode, ok := config.NewKey[config.Jailsys](p.Name).Lookup(eff)
	return ok && p.ParamType == config.ParamJailsys && mode == config.JailsysDisable
}

// stackParams returns the jail's network: a stack of its own, or the host's with
// the configured addresses, or none.
func stackParams(spec network.Spec, eff config.Effective) []kernel.Param {
	if key.VNET.Of(eff) {
		return []kernel.Param{kernel.Jailsys("vnet", kernel.JailSysNew)}
	}
	var out []kernel.Param
	for _, family := range []string{"ip4", "ip6"} {
		mode, ok := config.NewKey[config.Jailsys](family).Lookup(eff)
		if ok && mode != config.JailsysNew {
			out = append(out, kernel.Jailsys(family, kernel.JailSys(mode)))
			continue
		}
		out = append(out,
			kernel.Addrs(family+".addr", staticAddrs(spec, eff, family)...),
			kernel.Bool(family+".saddrsel", config.NewKey[bool](family+"_saddrsel").Of(eff)))
	}
	return out
}

// missingParam returns what to do about a parameter that the kernel does not know:
// load its module first, or give up with the remedy.
func (j *Jail) missingParam(ctx context.Context, param, property string) (plan.Step, error) {
	if module := kernel.ParamModule(param); module != "" {
		return plan.StepOf(step.LoadModule{Module: module, Param: param}), nil
	}
	e := &ParamError{Param: param, Property: property}
	if f, err := j.host.Kernel.Features(ctx); err == nil {
		e.Remedy = f.Remedy(&kernel.JailError{Msg: "unknown parameter: " + param})
	}
	return plan.Step{}, e
}

func stepParams(params []kernel.Param) (out []step.Param) {
	for _, p := range params {
		out = append(out, stepParam(p))
	}
	return out
}

// stepParam returns a parameter as a step keeps it: JSON does not tell nil from empty.
func stepParam(p kernel.Param) step.Param {
	return step.Param{Name: p.Name, Data: p.Data, Empty: p.Data != nil && len(p.Data) == 0}
}
