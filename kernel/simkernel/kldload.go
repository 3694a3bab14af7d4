package simkernel

import (
	"context"
	"slices"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/precheck"
	"github.com/libioc/go-libioc/kernel/internal/refusal"
)

// modules are the modules that the simulated machine has files of, beyond
// those that it has loaded from the start.
var modules = []string{
	"linux", "linux64", "linprocfs", "linsysfs", "lindebugfs", "fusefs", "vmm", "mac_do",
	"sysvipc", "sysvmsg", "sysvsem", "sysvshm",
}

// loaded are in every simulated kernel.
var loaded = []string{"nullfs", "tmpfs", "procfs", "fdescfs", "devfs", "if_bridge", "if_epair"}

// ModuleLoaded implements [kernel.Modules].
func (v *view) ModuleLoaded(ctx context.Context, name string) (loaded bool, err error) {
	err = v.do(ctx, OpModfind, name, name, func() error {
		if err := precheck.Module("modfind", name); err != nil {
			return err
		}
		loaded = v.s.moduleLoaded(strings.TrimSuffix(name, ".ko"))
		return nil
	})
	return loaded, err
}

func (k *machine) moduleLoaded(name string) bool {
	return slices.Contains(loaded, name) || name == "zfs" && !k.opts.NoZFS || k.hasModule(name)
}

// ModuleLoad implements [kernel.Modules].
func (v *view) ModuleLoad(ctx context.Context, name string) error {
	return v.do(ctx, OpKldload, name, name, func() error {
		if err := precheck.Module("kldload", name); err != nil {
			return err
		}
		k, plain := v.s, strings.TrimSuffix(name, ".ko")
		switch {
		case v.jailed():
			return &kernel.CallError{Op: "kldload", Subject: name, Errno: syscall.EPERM}
		case k.moduleLoaded(plain):
			return nil
		case !slices.Contains(modules, plain):
			return refusal.Missing("kldload", name, syscall.ENOENT)
		}
		if strings.HasPrefix(plain, "sysv") {
			plain = "sysvipc" // one switch for the three
		}
		k.opts.loaded = append(slices.Clone(k.opts.loaded), plain)
		k.params, k.byParam = paramTable(k.rel, k.opts)
		k.dirty.boot()
		return k.commit()
	})
}

// setModules sets the modules that were loaded since the start of the machine.
func (k *machine) setModules(loaded []string) {
	if !slices.Equal(loaded, k.opts.loaded) {
		k.opts.loaded = loaded
		k.params, k.byParam = paramTable(k.rel, k.opts)
	}
}
