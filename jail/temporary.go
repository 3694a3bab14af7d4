package jail

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/release"
)

// NewRunner supplies the temporary jails that package release runs updaters in.
func NewRunner(h *host.Host) release.Runner { return temporary{h} }

// temporary is the release.Runner of a host.
type temporary struct{ host *host.Host }

// RunTemporary makes the jail, calls work and removes it.
func (t temporary) RunTemporary(ctx context.Context, j release.TemporaryJail, work func(context.Context, kernel.Identity) error) (err error) {
	e := step.Env{Host: t.host, Name: j.Name, Run: &step.Run{}}
	if err := clearTemporary(ctx, e, j); err != nil || work == nil {
		return err
	}
	defer func() {
		settled, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.host.Settle())
		defer cancel()
		err = errors.Join(err, clearTemporary(settled, e, j))
	}()
	root, err := t.host.Mountpoint(ctx, j.RootDataset)
	if err != nil {
		return err
	}
	ruleset, err := t.ruleset(ctx)
	if err != nil {
		return err
	}
	requests := []kernel.MountRequest{{
		Type: "devfs", From: "devfs", Path: filepath.Join(root, "dev"), Below: root,
		Options: []kernel.MountOption{{Name: "ruleset", Value: fmt.Sprint(ruleset)}},
	}}
	for _, m := range j.Mounts {
		requests = append(requests, kernel.MountRequest{
			Type: "nullfs", From: m.From, Path: filepath.Join(root, filepath.FromSlash(m.At)), Below: root,
		})
	}
	for _, r := range requests {
		if _, err := t.host.Kernel.Nmount(ctx, r); err != nil {
			return err
		}
	}
	jid, err := t.host.Kernel.JailSet(ctx, kernel.JailCreate,
		kernel.String("name", j.Name),
		kernel.String("path", root),
		kernel.String("host.hostname", "update"),
		kernel.Bool("persist", true),
		// freebsd-update(8) takes schg off what it replaces, and fetches.
		kernel.Bool("allow.chflags", true),
		kernel.Jailsys("ip4", kernel.JailSysInherit),
		kernel.Jailsys("ip6", kernel.JailSysInherit),
		kernel.Int("enforce_statfs", 2),
		kernel.Int("devfs_ruleset", ruleset),
	)
	if err != nil {
		return err
	}
	id, err := t.host.Kernel.JailIdentify(ctx, 0, kernel.ByJID(jid))
	if err != nil {
		return err
	}
	return work(ctx, id)
}

// ruleset returns the devfs ruleset of a jail with default properties, loaded if it
// is not.
func (t temporary) ruleset(ctx context.Context) (int, error) {
	j := &Jail{host: t.host}
	load, number, err := j.ruleset(ctx)
	if err == nil && load != nil {
		err = step.AddRules(ctx, t.host.Kernel, load.Number, load.Rules)
	}
	return number, err
}

// clearTemporary removes the jail with its processes, then what is mounted
// below its root. A jail of that name with another root is somebody else's.
func clearTemporary(ctx context.Context, e step.Env, j release.TemporaryJail) error {
	mounts, err := e.Host.Mounts(ctx)
	if err != nil {
		return err
	}
	root, mounted := mounts.Dataset(j.RootDataset)
	id, err := e.Host.Kernel.JailIdentify(ctx, 0, kernel.ByName(j.Name))
	switch {
	case errors.Is(err, kernel.ErrNotFound):
	case err != nil:
		return err
	default:
		p, err := e.Host.Kernel.JailGet(ctx, 0, kernel.ByJID(id.JID), "path")
		if err != nil {
			return err
		}
		if !mounted || p.String("path") != root {
			return fmt.Errorf("%w: jail %s has the root %s", ErrExists, j.Name, p.String("path"))
		}
		if err := step.Remove(ctx, e, id, step.StuckAfter); err != nil {
			return err
		}
	}
	if !mounted {
		return nil
	}
	var all error
	for _, m := range mounts.Below(root) {
		if m.Type != "zfs" {
			all = errors.Join(all, step.UnmountOne(ctx, e, m, true))
		}
	}
	return all
}
