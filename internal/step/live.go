package step

import (
	"context"
	"errors"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/atomicfile"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/kernel"
)

// SaveConfig replaces the configuration file of a jail.
type SaveConfig struct {
	Dataset string   `json:"dataset"`
	File    string   `json:"file"` // below the dataset's mountpoint
	Data    []byte   `json:"data"`
	Old     Before   `json:"old"`
	Keys    []string `json:"keys"`
}

func (SaveConfig) Kind() string { return "save configuration" }
func (SaveConfig) Durable()     {}
func (SaveConfig) Inside()      {}
func (a SaveConfig) Detail() string {
	return a.Dataset + "/" + a.File + ": " + strings.Join(a.Keys, ", ")
}
func (a SaveConfig) Event(e Env) events.IocEvent {
	return events.JailConfigSave{Jail: e.Name, Keys: a.Keys}
}

func (a SaveConfig) Do(ctx context.Context, e Env, c *plan.Call) error {
	dir, err := openProved(ctx, e, c, a.Dataset)
	if err != nil {
		return err
	}
	defer dir.Close()
	if _, err := atomicfile.Clean(filepath.Join(dir.Path(), a.File)); err != nil {
		return err
	}
	if err := a.former().mayChange(dir, a.File); err != nil {
		return err
	}
	if err := c.SetEffect(begun{true}); err != nil {
		return err
	}
	return dir.WriteFile(a.File, a.Data, 0o644)
}

func (a SaveConfig) Undo(ctx context.Context, e Env, c *plan.Call) error {
	dir, err := openProved(ctx, e, c, a.Dataset)
	if err != nil {
		return LeaveReplaced(c, UnlessDestroyed(ctx, e, a.Dataset, err))
	}
	defer dir.Close()
	err = a.former().restore(dir, a.File)
	if errors.Is(err, jailerr.ErrChanged) && !c.Effect(&begun{}) {
		return nil // Do has refused
	}
	return err
}

func (a SaveConfig) former() FormerFile {
	return FormerFile{!a.Old.Had, a.Old.Data, 0o644, &Before{a.Data, true}}
}

// ReportEffects changes nothing: it reports when each change takes effect.
type ReportEffects struct {
	Live  []string `json:"live"`
	Later []string `json:"later"`
}

func (ReportEffects) Kind() string { return "tell effects" }
func (a ReportEffects) Detail() string {
	return "live: " + strings.Join(a.Live, ", ") + "; next start: " + strings.Join(a.Later, ", ")
}
func (a ReportEffects) Event(e Env) events.IocEvent {
	return events.JailConfigApply{Jail: e.Name, Live: a.Live, NextStart: a.Later}
}

func (ReportEffects) Do(_ context.Context, _ Env, _ *plan.Call) error { return nil }

// ChangeParams changes parameters of a jail that runs.
type ChangeParams struct {
	Jail string  `json:"jail"`
	New  []Param `json:"new"`
	Old  []Param `json:"old"`
}

func (ChangeParams) Kind() string     { return "change parameters" }
func (a ChangeParams) Detail() string { return withNames(a.Jail, a.New) }
func (a ChangeParams) Event(e Env) events.IocEvent {
	return events.JailConfigApply{Jail: e.Name, Live: paramNames(a.New)}
}

func (a ChangeParams) Do(ctx context.Context, e Env, c *plan.Call) error {
	id, err := running(ctx, e, c, a.Jail)
	if err != nil {
		return err
	}
	return updateJail(ctx, e.Host, id, a.New)
}

func (a ChangeParams) Undo(ctx context.Context, e Env, c *plan.Call) error {
	id, there, err := seenJail(ctx, e, c, a.Jail)
	if err != nil || !there {
		return err
	}
	return ignore.Err(updateJail(ctx, e.Host, id, a.Old), kernel.ErrNotFound)
}

// updateJail changes the jail with this jid: by its name it could be another's by now.
func updateJail(ctx context.Context, h *host.Host, id kernel.Identity, list []Param) error {
	if len(list) == 0 {
		return nil
	}
	params := append([]kernel.Param{kernel.Int("jid", id.JID)}, kernelParams(list)...)
	_, err := h.Kernel.JailSet(ctx, kernel.JailUpdate, params...)
	return err
}

// ChangeLimits replaces the rules of a running jail; undo restores the
// former ones.
type ChangeLimits struct {
	SetLimits
	Old []string `json:"old"` // the rules that were there
}

func (ChangeLimits) Kind() string     { return "change limits" }
func (a ChangeLimits) Detail() string { return "jail:" + a.Jail + " to " + strings.Join(a.Rules, " ") }

func (a ChangeLimits) Do(ctx context.Context, e Env, c *plan.Call) error {
	if a.Off {
		return a.SetLimits.Do(ctx, e, c)
	}
	if _, err := running(ctx, e, c, a.Jail); err != nil {
		return err
	}
	return setLimits(ctx, e.Host.Kernel, a.Jail, a.Rules)
}

func (a ChangeLimits) Undo(ctx context.Context, e Env, c *plan.Call) error {
	if c.Rebooted || a.Off {
		return nil
	}
	if _, there, err := seenJail(ctx, e, c, a.Jail); err != nil || !there {
		return err // what is left of one that has ended is swept
	}
	return setLimits(ctx, e.Host.Kernel, a.Jail, a.Old)
}

// ChangeNetwork brings the network of a running jail from one state to
// another, applying only the differences. From may be the same as
// To; then it is a repair.
type ChangeNetwork struct {
	Key  NetKey          `json:"key"`
	ID   kernel.Identity `json:"id"`
	From network.Spec    `json:"from"`
	To   network.Spec    `json:"to"`
	// Params are the addresses of a jail without its own stack.
	Params    []Param `json:"params,omitempty"`
	OldParams []Param `json:"old_params,omitempty"`
}

func (ChangeNetwork) Kind() string                { return "change network" }
func (a ChangeNetwork) Detail() string            { return describeNetwork(a.To) }
func (ChangeNetwork) Event(e Env) events.IocEvent { return events.JailNetworkSetup{Jail: e.Name} }

func (a ChangeNetwork) Do(ctx context.Context, e Env, c *plan.Call) error {
	was, err := a.Key.before(e.Host)
	if err != nil {
		return err
	}
	effect := changeEffect{Record: was}
	if err := c.SetEffect(effect); err != nil {
		return err
	}
	write := func(r netRecord) error { return a.Key.write(ctx, e.Host, r) }
	return changeNetwork(ctx, e, a, a.From, a.To, a.Params, write, func(m network.Made) error {
		effect.Made = m
		return c.SetEffect(effect)
	})
}

func (a ChangeNetwork) Undo(ctx context.Context, e Env, c *plan.Call) error {
	var done changeEffect
	if c.Rebooted || !c.Effect(&done) {
		return nil
	}
	id, there, err := find(ctx, e, a.ID.Name)
	if err != nil || !there || id != a.ID {
		return err // it has ended, and what is left is found by its marks
	}
	err = network.RemoveNIC(ctx, e.Host.Kernel, a.To.Jail, "-", done.Made) // only what has no mark
	write := func(r netRecord) error { return spare(a.Key.write(ctx, e.Host, r)) }
	if e := changeNetwork(ctx, e, a, a.To, a.From, a.OldParams, write, func(network.Made) error { return nil }); e != nil {
		return errors.Join(err, e)
	}
	return errors.Join(err, spare(a.Key.restore(ctx, e.Host, done.Record)))
}

type changeEffect struct {
	Record Before       `json:"record"`
	Made   network.Made `json:"made"`
}

func changeNetwork(ctx context.Context, e Env, a ChangeNetwork, from, to network.Spec, params []Param, write func(netRecord) error, will func(network.Made) error) error {
	boot, err := e.Host.Kernel.BootID(ctx)
	if err != nil {
		return err
	}
	r, _, err := a.Key.Current(ctx, e.Host)
	if err != nil {
		return err
	}
	r.Boot, r.Spec = boot, to
	if to.VNET {
		err = changeVnet(ctx, e.Host, a.ID, from, to, will)
	} else {
		err = changeAliases(ctx, e.Host, a, &r, to, params, write)
	}
	if err != nil {
		return err
	}
	return LockedNetwork(ctx, e.Host, func() error {
		if err := network.EnsurePf(ctx, e.Host.Kernel, from, to); err != nil {
			return err
		}
		return write(r)
	})
}

// changeAliases adds addresses before the jail gets them and removes them after
// it has lost them.
func changeAliases(ctx context.Context, h *host.Host, a ChangeNetwork, r *netRecord, to network.Spec, params []Param, write func(netRecord) error) error {
	unlock, err := LockNetwork(ctx, h)
	if err != nil {
		return err
	}
	defer unlock()
	_, err = network.AddAliases(ctx, h.Kernel, to.Aliases, func(added []network.Alias) error {
		// Written down before it exists, so that nothing is left behind.
		next := *r
		next.Added = append(slices.Clone(r.Added), added...)
		return write(next)
	})
	if err != nil {
		return err
	}
	now, ok, err := a.Key.Current(ctx, h)
	if err != nil {
		return err
	}
	if ok {
		r.Added = now.Added
	}
	if err := network.WaitBindable(ctx, h.Kernel, to.Aliases); err != nil {
		return err
	}
	if err := updateJail(ctx, h, a.ID, params); err != nil {
		return err
	}
	wanted := func(alias network.Alias) bool { return slices.Contains(to.Aliases, alias) }
	if err := ReleaseAliases(ctx, h, a.ID.Name, true, slices.DeleteFunc(slices.Clone(r.Added), wanted)); err != nil {
		return err
	}
	r.Added = slices.DeleteFunc(slices.Clone(r.Added), func(alias network.Alias) bool { return !wanted(alias) })
	return nil
}

func changeVnet(ctx context.Context, h *host.Host, id kernel.Identity, from, to network.Spec, will func(network.Made) error) error {
	old := map[string]network.NIC{}
	for _, n := range from.NICs {
		old[n.Name] = n
		if !slices.ContainsFunc(to.NICs, func(m network.NIC) bool { return m.Name == n.Name && m.Secure == n.Secure }) {
			if err := removeNIC(ctx, h, EnsureNIC{Jail: from.Jail, NIC: n, Bridge: BridgeOf(from, n)}, network.Made{}); err != nil {
				return err
			}
		}
	}
	for _, n := range to.NICs {
		drop := slices.DeleteFunc(slices.Clone(old[n.Name].Addrs), func(p netip.Prefix) bool { return slices.Contains(n.Addrs, p) })
		if _, err := ensureNIC(ctx, h, id, EnsureNIC{Jail: to.Jail, NIC: n, Bridge: BridgeOf(to, n)}, drop, will); err != nil {
			return err
		}
		if n.Secure != "" && !n.DHCP && !n.SLAAC {
			if err := ensureRules(ctx, h, id, to.Jail, n, n.Addrs); err != nil {
				return err
			}
		}
		if was := old[n.Name]; (n.DHCP && !was.DHCP) || (n.SLAAC && !was.SLAAC) {
			a := RequestAddress{Jail: to.Jail, NIC: n, Limit: DefaultDHCP}
			if _, err := request(ctx, h, id, a); err != nil && n.DHCP {
				return err
			}
		}
	}
	in := h.Kernel.In(id)
	gone := slices.DeleteFunc(slices.Clone(from.Routes), func(r network.Route) bool {
		return slices.ContainsFunc(to.Routes, func(s network.Route) bool { return s.Dest == r.Dest && s.FIB == r.FIB })
	})
	if err := network.RemoveRoutes(ctx, in, gone); err != nil {
		return err
	}
	return network.EnsureRoutes(ctx, in, to.Routes)
}
