package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/kernel"
)

// RecordNetwork reserves what the following steps set up: it writes it down while it is
// certain that no other jail has what this one is to have for itself. What another jail
// has taken since the plan was made is plan.Again. A record that is
// there already is of a jail that ended by itself: what it added is still ours.
type RecordNetwork struct {
	Key  NetKey       `json:"key"`
	Spec network.Spec `json:"spec"`
}

func (RecordNetwork) Kind() string                { return "record network" }
func (a RecordNetwork) Detail() string            { return describeNetwork(a.Spec) }
func (RecordNetwork) Event(e Env) events.IocEvent { return events.JailNetworkSetup{Jail: e.Name} }

func (a RecordNetwork) Do(ctx context.Context, e Env, c *plan.Call) error {
	return LockedNetwork(ctx, e.Host, func() error {
		table, err := NetTable(ctx, e.Host)
		if err != nil {
			return err
		}
		if err := table.Check(a.Spec); err != nil {
			return plan.Again(err)
		}
		was, err := a.Key.before(e.Host)
		if err != nil {
			return err
		}
		if err := c.SetEffect(was); err != nil {
			return err
		}
		boot, err := e.Host.Kernel.BootID(ctx)
		if err != nil {
			return err
		}
		return a.Key.write(ctx, e.Host, netRecord{Boot: boot, Spec: a.Spec, Added: table[a.Spec.Jail].Added})
	})
}

func (a RecordNetwork) Undo(ctx context.Context, e Env, c *plan.Call) error {
	var was Before
	if !c.Effect(&was) {
		return nil
	}
	was.Had = was.Had && !c.Rebooted
	return LockedNetwork(ctx, e.Host, func() error {
		r, ok, err := a.Key.Current(ctx, e.Host)
		if err != nil {
			return err
		}
		if ok && !c.Rebooted {
			// Another jail that has ended may have left addresses to this one.
			var former netRecord
			if was.Had && json.Unmarshal(was.Data, &former) != nil {
				former = netRecord{}
			}
			left := slices.DeleteFunc(r.Added, func(a network.Alias) bool { return slices.Contains(former.Added, a) })
			if err := releaseAliases(ctx, e, c, a.Spec.Jail, left); err != nil {
				return err
			}
		}
		return spare(a.Key.restore(ctx, e.Host, was))
	})
}

func describeNetwork(s network.Spec) string {
	parts := texts(s.Aliases)
	for _, n := range s.NICs {
		parts = append(parts, n.Name+":"+n.Bridge)
	}
	parts = slices.Concat(parts, texts(s.Forwards), s.Hosts)
	return s.Jail + " " + strings.Join(parts, " ")
}

func texts[T fmt.Stringer](list []T) (out []string) {
	for _, v := range list {
		out = append(out, v.String())
	}
	return out
}

// AddAliases adds the addresses of a jail in the host's stack and waits until
// they can be bound.
type AddAliases struct {
	Key     NetKey          `json:"key"`
	Jail    string          `json:"jail"`
	Aliases []network.Alias `json:"aliases"`
}

type aliasEffect struct {
	Added []network.Alias `json:"added"`
}

func (AddAliases) Kind() string                { return "add addresses" }
func (a AddAliases) Detail() string            { return strings.Join(texts(a.Aliases), ", ") }
func (AddAliases) Event(e Env) events.IocEvent { return events.JailNetworkSetup{Jail: e.Name} }

func (a AddAliases) Do(ctx context.Context, e Env, c *plan.Call) error {
	err := LockedNetwork(ctx, e.Host, func() error { return addAliases(ctx, e.Host, a.Key, a.Aliases, c) })
	if err != nil {
		return err
	}
	return network.WaitBindable(ctx, e.Host.Kernel, a.Aliases)
}

func (a AddAliases) Undo(ctx context.Context, e Env, c *plan.Call) error {
	var done aliasEffect
	if c.Rebooted || !c.Effect(&done) {
		return nil
	}
	return LockedNetwork(ctx, e.Host, func() error { return releaseAliases(ctx, e, c, a.Jail, done.Added) })
}

// addAliases adds what is missing. Before that it writes down what it adds, to the
// journal and to the jail's record, by which others know that it is not the host's.
func addAliases(ctx context.Context, h *host.Host, key NetKey, list []network.Alias, c *plan.Call) error {
	r, ok, err := key.Current(ctx, h)
	if err != nil || !ok {
		return errors.Join(err, errors.New("the record of the jail's network is gone"))
	}
	_, err = network.AddAliases(ctx, h.Kernel, list, func(added []network.Alias) error {
		if err := c.SetEffect(aliasEffect{added}); err != nil {
			return err
		}
		next := r
		next.Added = slices.Concat(r.Added, added)
		return key.write(ctx, h, next)
	})
	return err
}

// DropAliases removes the addresses that starts have added, and then the
// record, which is all that lists them.
type DropAliases struct {
	Key  NetKey `json:"key"`
	Jail string `json:"jail"`
}

func (DropAliases) Kind() string                { return "remove addresses" }
func (a DropAliases) Detail() string            { return "those that were added for " + a.Jail }
func (DropAliases) Event(e Env) events.IocEvent { return events.JailNetworkTeardown{Jail: e.Name} }

func (a DropAliases) Do(ctx context.Context, e Env, c *plan.Call) error {
	unlock, err := LockNetwork(ctx, e.Host)
	if err != nil {
		return err
	}
	defer unlock()
	r, ok, err := a.Key.Current(ctx, e.Host)
	if err != nil {
		return err
	}
	if !ok || len(r.Added) == 0 {
		c.Skip("none were added")
	} else if err := releaseAliases(ctx, e, c, a.Jail, r.Added); err != nil {
		return err
	}
	return a.Key.Remove(e.Host)
}

// ForgetNetwork ends the record of a network without addresses on the host.
type ForgetNetwork struct {
	Key  NetKey `json:"key"`
	Jail string `json:"jail"`
}

func (ForgetNetwork) Kind() string                { return "forget network" }
func (a ForgetNetwork) Detail() string            { return a.Jail }
func (ForgetNetwork) Event(e Env) events.IocEvent { return events.JailNetworkTeardown{Jail: e.Name} }

func (a ForgetNetwork) Do(_ context.Context, e Env, _ *plan.Call) error {
	return a.Key.Remove(e.Host)
}

// LoadPf loads the jail's anchor.
type LoadPf struct {
	Spec network.Spec `json:"spec"`
}

func (LoadPf) Kind() string     { return "load pf rules" }
func (a LoadPf) Detail() string { return network.Anchor(a.Spec.Jail) }

func (a LoadPf) Event(e Env) events.IocEvent {
	lines := strings.Split(strings.TrimSuffix(a.Spec.PfText(a.Spec.Inward()), "\n"), "\n")
	return events.JailFirewall{Jail: e.Name, Filter: "pf", Rules: lines}
}

func (a LoadPf) Do(ctx context.Context, e Env, _ *plan.Call) error {
	return ensurePf(ctx, e.Host, network.Spec{}, a.Spec)
}

func (a LoadPf) Undo(ctx context.Context, e Env, c *plan.Call) error {
	if c.Rebooted {
		return nil
	}
	return ensurePf(ctx, e.Host, a.Spec, network.Spec{})
}

// ensurePf is network.EnsurePf while no recovery sweeps anchors.
func ensurePf(ctx context.Context, h *host.Host, from, to network.Spec) error {
	return LockedNetwork(ctx, h, func() error { return network.EnsurePf(ctx, h.Kernel, from, to) })
}

// Teardown takes a jail's interfaces and rules away while it still runs.
type Teardown struct {
	ID   kernel.Identity `json:"id"` // the jail that ran when the stop was planned
	Spec network.Spec    `json:"spec"`
}

func (Teardown) Kind() string                { return "take network down" }
func (a Teardown) Detail() string            { return describeNetwork(a.Spec) }
func (Teardown) Event(e Env) events.IocEvent { return events.JailNetworkTeardown{Jail: e.Name} }

func (a Teardown) Do(ctx context.Context, e Env, c *plan.Call) error {
	id := a.ID
	if id.IsZero() {
		c.EffectOf("create jail", &id) // by the same plan
	}
	return RemoveNetwork(ctx, e.Host, id, a.Spec)
}

// RemoveNetwork leaves nothing of a jail's interfaces, bridges, rules and anchor.
// Everything is tried; what does not exist is not an error.
func RemoveNetwork(ctx context.Context, h *host.Host, id kernel.Identity, spec network.Spec) error {
	k := h.Kernel
	var all error
	if spec.UsesPf() {
		all = ensurePf(ctx, h, spec, network.Spec{})
	}
	for _, name := range spec.Hosts {
		all = errors.Join(all, moveBack(ctx, k, id, name, spec.HostMACs[name]))
	}
	secure := slices.ContainsFunc(spec.NICs, func(n network.NIC) bool { return n.Secure != "" })
	if len(spec.Bridges) == 0 && !secure {
		return errors.Join(all, network.RemoveNIC(ctx, k, spec.Jail, "", network.Made{}))
	}
	return errors.Join(all, LockedNetwork(ctx, h, func() error {
		err := network.RemoveNIC(ctx, k, spec.Jail, "", network.Made{})
		if secure {
			err = errors.Join(err, network.RemoveRules(ctx, k, spec.Jail, ""))
		}
		for _, b := range spec.Bridges {
			err = errors.Join(err, network.RemoveBridge(ctx, k, b, network.Made{}))
		}
		return err
	}))
}
