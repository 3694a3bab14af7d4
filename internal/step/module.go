package step

import (
	"context"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail/jailerr"
)

// LoadModule loads the kernel module that a permission of the jail belongs
// to: until then the kernel does not know the parameter. It is not undone:
// modules belong to the host.
type LoadModule struct {
	Module string `json:"module"`
	Param  string `json:"param"` // that needs it
}

func (LoadModule) Kind() string     { return "load module" }
func (a LoadModule) Detail() string { return a.Module + " for " + a.Param }
func (a LoadModule) Event(e Env) events.IocEvent {
	return events.JailModuleLoad{Jail: e.Name, Module: a.Module}
}

func (a LoadModule) Do(ctx context.Context, e Env, c *plan.Call) error {
	k := e.Host.Kernel
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
