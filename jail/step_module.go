package jail

import (
	"context"

	"github.com/libioc/go-libioc/jail/jailerr"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
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
		return &jailerr.ParamError{Param: a.Param, Module: a.Module, Err: err}
	}
	return nil
}
