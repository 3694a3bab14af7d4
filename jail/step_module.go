package jail

import (
	"context"
	"fmt"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/kernel"
)

// stepLoadModule loads the kernel module that a permission of the jail belongs
// to: until then the kernel does not know the parameter. It is not undone:
// modules belong to the host.
type stepLoadModule struct {
	Module string `json:"module"`
	Param  string `json:"param"` // that needs it
}

func (stepLoadModule) Kind() string { return "load module" }

func (a stepLoadModule) Detail() string { return a.Module + " for " + a.Param }

func (a stepLoadModule) Event(e env) events.IocEvent {
	return events.JailModuleLoad{Jail: e.jail, Module: a.Module}
}

func (a stepLoadModule) Do(ctx context.Context, e env, c *plan.Call) error {
	k := e.host.Kernel
	if loaded, err := k.ModuleLoaded(ctx, a.Module); err == nil && loaded {
		c.Skip("loaded")
		return nil
	}
	err := k.ModuleLoad(ctx, a.Module)
	if err != nil {
		return &ParamError{Param: a.Param, Module: a.Module, Err: err}
	}
	return nil
}

// ParamError is a jail parameter that this kernel does not have.
type ParamError struct {
	Param    string // as jail(8) writes it: "allow.mount.fusefs"
	Property string // that asks for it; may be empty
	Module   string // kernel module that would bring it; empty when none does
	Remedy   string // what the administrator can do; may be empty
	Err      error  // why the module could not be loaded, or nil
}

func (e *ParamError) Error() string {
	text := "this kernel has no jail parameter " + e.Param
	if e.Property != "" {
		text += " (" + e.Property + ")"
	}
	if e.Err != nil {
		text += fmt.Sprintf(", and its module cannot be loaded: %v", e.Err)
	}
	if e.Remedy != "" {
		text += "; " + e.Remedy
	}
	return text
}

// Unwrap gives ErrConfig and the cause.
func (e *ParamError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrConfig}
	}
	return []error{ErrConfig, e.Err}
}

// missingParam is what to do about a parameter that the kernel does not know:
// load its module first, or give up with the remedy.
func (j *Jail) missingParam(ctx context.Context, param, property string) (plan.Step, error) {
	if module := kernel.ParamModule(param); module != "" {
		return plan.StepOf(stepLoadModule{module, param}), nil
	}
	e := &ParamError{Param: param, Property: property}
	if f, err := j.host.Kernel.Features(ctx); err == nil {
		e.Remedy = f.Remedy(&kernel.JailError{Msg: "unknown parameter: " + param})
	}
	return plan.Step{}, e
}
