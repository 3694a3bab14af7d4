package jail

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/atomicfile"
	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/kernel"
)

type netRecordArgs struct {
	Key  netKey       `json:"key"`
	Spec network.Spec `json:"spec"`
}

// before is a file's former content.
type before struct {
	Data []byte `json:"data,omitempty"`
	Had  bool   `json:"had"`
}

// stepNetRecord writes down what the following steps set up. A record that is
// there already is of a jail that ended by itself: what it added is still ours.
var stepNetRecord = plan.Define(plan.Spec[env, netRecordArgs]{
	Name:   "record network",
	Detail: func(a netRecordArgs) string { return describeNetwork(a.Spec) },
	Event:  func(e env, _ netRecordArgs) events.IocEvent { return events.JailNetworkSetup{Jail: e.jail} },
	Do: func(ctx context.Context, e env, a netRecordArgs, c *plan.Call) error {
		data, err := os.ReadFile(a.Key.path(e.host))
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		if err := c.SetEffect(before{data, err == nil}); err != nil {
			return err
		}
		old, _, err := a.Key.current(ctx, e.host)
		if err != nil {
			return err
		}
		boot, err := e.host.Kernel.BootID(ctx)
		if err != nil {
			return err
		}
		return a.Key.write(e.host, netRecord{boot, a.Spec, old.Added})
	},
	Undo: func(_ context.Context, e env, a netRecordArgs, c *plan.Call) error {
		var was before
		switch {
		case !c.Effect(&was):
			return nil
		case was.Had && !c.Rebooted:
			return atomicfile.Write(a.Key.path(e.host), was.Data, 0o600)
		}
		return a.Key.remove(e.host)
	},
})

func describeNetwork(s network.Spec) string {
	var parts []string
	for _, a := range s.Aliases {
		parts = append(parts, a.String())
	}
	for _, n := range s.NICs {
		parts = append(parts, n.Name+":"+n.Bridge)
	}
	for _, f := range s.Forwards {
		parts = append(parts, f.String())
	}
	return s.Jail + " " + strings.Join(append(parts, s.Hosts...), " ")
}

type aliasArgs struct {
	Key     netKey          `json:"key"`
	Jail    string          `json:"jail"`
	Aliases []network.Alias `json:"aliases"`
}

type aliasEffect struct {
	Added []network.Alias `json:"added"`
}

// stepAliases adds the addresses of a jail in the host's stack and waits until
// they can be bound.
var stepAliases = plan.Define(plan.Spec[env, aliasArgs]{
	Name: "add addresses",
	Detail: func(a aliasArgs) string {
		var parts []string
		for _, alias := range a.Aliases {
			parts = append(parts, alias.String())
		}
		return strings.Join(parts, ", ")
	},
	Event: func(e env, _ aliasArgs) events.IocEvent { return events.JailNetworkSetup{Jail: e.jail} },
	Do: func(ctx context.Context, e env, a aliasArgs, c *plan.Call) error {
		unlock, err := lockNetwork(ctx, e.host, "addresses")
		if err != nil {
			return err
		}
		err = addAliases(ctx, e.host, a.Key, a.Aliases, c)
		unlock()
		if err != nil {
			return err
		}
		return network.WaitBindable(ctx, e.host.Kernel, a.Aliases)
	},
	Undo: func(ctx context.Context, e env, a aliasArgs, c *plan.Call) error {
		var done aliasEffect
		if c.Rebooted || !c.Effect(&done) {
			return nil
		}
		unlock, err := lockNetwork(ctx, e.host, "addresses")
		if err != nil {
			return err
		}
		defer unlock()
		return dropAliases(ctx, e.host, a.Jail, done.Added)
	},
})

// addAliases adds what is missing and writes down what it adds, first to the
// journal and then to the jail's record.
func addAliases(ctx context.Context, h *host.Host, key netKey, list []network.Alias, c *plan.Call) error {
	added, err := network.AddAliases(ctx, h.Kernel, list, func(added []network.Alias) error {
		return c.SetEffect(aliasEffect{added})
	})
	if err != nil || len(added) == 0 {
		return err
	}
	r, ok, err := key.current(ctx, h)
	if err != nil || !ok {
		return errors.Join(err, errors.New("the record of the jail's network is gone"))
	}
	r.Added = append(r.Added, added...)
	return key.write(h, r)
}

type dropArgs struct {
	Key  netKey `json:"key"`
	Jail string `json:"jail"`
}

// stepDropAliases removes the addresses that starts have added, and then the
// record, which is all that tells of them.
var stepDropAliases = plan.Define(plan.Spec[env, dropArgs]{
	Name:   "remove addresses",
	Detail: func(a dropArgs) string { return "those that were added for " + a.Jail },
	Event:  func(e env, _ dropArgs) events.IocEvent { return events.JailNetworkTeardown{Jail: e.jail} },
	Do: func(ctx context.Context, e env, a dropArgs, c *plan.Call) error {
		unlock, err := lockNetwork(ctx, e.host, "addresses")
		if err != nil {
			return err
		}
		defer unlock()
		r, ok, err := a.Key.current(ctx, e.host)
		if err != nil {
			return err
		}
		if !ok || len(r.Added) == 0 {
			c.Skip("none were added")
		} else if err := dropAliases(ctx, e.host, a.Jail, r.Added); err != nil {
			return err
		}
		return a.Key.remove(e.host)
	},
})

type forgetArgs struct {
	Key  netKey `json:"key"`
	Jail string `json:"jail"`
}

// stepForget ends the record of a network without addresses on the host.
var stepForget = plan.Define(plan.Spec[env, forgetArgs]{
	Name:   "forget network",
	Detail: func(a forgetArgs) string { return a.Jail },
	Event:  func(e env, _ forgetArgs) events.IocEvent { return events.JailNetworkTeardown{Jail: e.jail} },
	Do: func(_ context.Context, e env, a forgetArgs, _ *plan.Call) error {
		return a.Key.remove(e.host)
	},
})

type pfArgs struct {
	Jail string `json:"jail"`
	Text string `json:"text"` // of pf.conf(5)
}

// stepPf loads the jail's anchor.
var stepPf = plan.Define(plan.Spec[env, pfArgs]{
	Name:   "load pf rules",
	Detail: func(a pfArgs) string { return network.Anchor(a.Jail) },
	Event:  func(e env, a pfArgs) events.IocEvent { return pfEvent(e, a) },
	Do: func(ctx context.Context, e env, a pfArgs, _ *plan.Call) error {
		return e.host.Kernel.PfLoad(ctx, network.Anchor(a.Jail), a.Text)
	},
	Undo: func(ctx context.Context, e env, a pfArgs, c *plan.Call) error {
		if c.Rebooted {
			return nil
		}
		err := e.host.Kernel.PfFlush(ctx, network.Anchor(a.Jail))
		if errors.Is(err, kernel.ErrUnsupported) {
			return nil
		}
		return err
	},
})

func pfEvent(e env, a pfArgs) events.IocEvent {
	return events.JailFirewall{Jail: e.jail, Filter: "pf", Rules: slices.Collect(lines(a.Text))}
}

func lines(text string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for line := range strings.Lines(text) {
			if !yield(strings.TrimSuffix(line, "\n")) {
				return
			}
		}
	}
}

// flushPf empties the jail's anchor and ends the connections that it let
// through: the next jail with the address would inherit them.
func flushPf(ctx context.Context, k kernel.Kernel, spec network.Spec) error {
	err := k.PfFlush(ctx, network.Anchor(spec.Jail))
	if errors.Is(err, kernel.ErrUnsupported) {
		return nil
	}
	targets := map[netip.Addr]bool{}
	for _, f := range spec.Forwards {
		targets[f.Target] = true
	}
	for addr := range targets {
		_, e := k.PfKillStates(ctx, addr)
		err = errors.Join(err, e)
	}
	return err
}

type teardownArgs struct {
	ID   kernel.Identity `json:"id"` // the jail that ran when the stop was planned
	Spec network.Spec    `json:"spec"`
}

// stepTeardown takes a jail's interfaces and rules away while it still runs.
var stepTeardown = plan.Define(plan.Spec[env, teardownArgs]{
	Name:   "take network down",
	Detail: func(a teardownArgs) string { return describeNetwork(a.Spec) },
	Event:  func(e env, _ teardownArgs) events.IocEvent { return events.JailNetworkTeardown{Jail: e.jail} },
	Do: func(ctx context.Context, e env, a teardownArgs, c *plan.Call) error {
		id := a.ID
		if id.IsZero() {
			c.EffectOf("create jail", &id) // by the same plan
		}
		return tearDown(ctx, e.host, id, a.Spec)
	},
})

// tearDown leaves nothing of a jail's interfaces, bridges, rules and anchor.
// Everything is tried; what is not there is no error.
func tearDown(ctx context.Context, h *host.Host, id kernel.Identity, spec network.Spec) error {
	k := h.Kernel
	var all error
	if spec.UsesPf() {
		all = flushPf(ctx, k, spec)
	}
	for _, name := range spec.Hosts {
		all = errors.Join(all, moveBack(ctx, k, id, name))
	}
	secure := slices.ContainsFunc(spec.NICs, func(n network.NIC) bool { return n.Secure != "" })
	if len(spec.Bridges) == 0 && !secure {
		return errors.Join(all, network.RemoveNIC(ctx, k, spec.Jail, "", network.Made{}))
	}
	unlock, err := lockNetwork(ctx, h, "interfaces")
	if err != nil {
		return errors.Join(all, err)
	}
	defer unlock()
	all = errors.Join(all, network.RemoveNIC(ctx, k, spec.Jail, "", network.Made{}))
	if secure {
		all = errors.Join(all, network.RemoveRules(ctx, k, spec.Jail, ""))
	}
	for _, b := range spec.Bridges {
		all = errors.Join(all, network.RemoveBridge(ctx, k, b, network.Made{}))
	}
	return all
}

type moveInterfaceArgs struct {
	Jail      string `json:"jail"`
	Interface string `json:"interface"`
}

// stepMoveInterface hands an interface of the host over.
var stepMoveInterface = plan.Define(plan.Spec[env, moveInterfaceArgs]{
	Name:   "move interface",
	Detail: func(a moveInterfaceArgs) string { return a.Interface + " to " + a.Jail },
	Event: func(e env, a moveInterfaceArgs) events.IocEvent {
		return events.VnetInterfaceConfig{Jail: e.jail, Interface: a.Interface, HostInterface: a.Interface}
	},
	Do: func(ctx context.Context, e env, a moveInterfaceArgs, _ *plan.Call) error {
		id, err := running(ctx, e, a.Jail)
		if err != nil {
			return err
		}
		err = e.host.Kernel.InterfaceToVnet(ctx, a.Interface, id)
		if errors.Is(err, kernel.ErrNotFound) && hasInterface(ctx, e.host.Kernel.In(id), a.Interface) {
			return nil
		}
		return err
	},
	Undo: func(ctx context.Context, e env, a moveInterfaceArgs, c *plan.Call) error {
		id, err := running(ctx, e, a.Jail)
		if c.Rebooted || errors.Is(err, kernel.ErrNotFound) {
			return nil // it came home by itself
		}
		if err != nil {
			return err
		}
		return moveBack(ctx, e.host.Kernel, id, a.Interface)
	},
})

func running(ctx context.Context, e env, name string) (kernel.Identity, error) {
	id, err := e.host.Kernel.JailIdentify(ctx, 0, kernel.ByName(name))
	if err != nil {
		return id, fmt.Errorf("jail %s: %w", name, err)
	}
	return id, nil
}

func hasInterface(ctx context.Context, n kernel.Network, name string) bool {
	list, err := n.Interfaces(ctx)
	return err == nil && slices.ContainsFunc(list, func(i kernel.Interface) bool { return i.Name == name })
}

// moveBack brings an interface home. It may be home already.
func moveBack(ctx context.Context, k kernel.Kernel, id kernel.Identity, name string) error {
	if id.IsZero() || hasInterface(ctx, k, name) {
		return nil
	}
	err := k.InterfaceFromVnet(ctx, name, id)
	if errors.Is(err, kernel.ErrNotFound) || errors.Is(err, kernel.ErrStale) {
		return nil
	}
	return err
}
