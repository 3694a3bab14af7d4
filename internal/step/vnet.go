package step

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/kernel"
)

// VnetNodes writes sysctl(3) nodes of the jail's own stack. They end with
// it.
type VnetNodes struct {
	Jail  string               `json:"jail"`
	Nodes []kernel.SysctlValue `json:"nodes"`
}

func (VnetNodes) Kind() string                { return "set vnet nodes" }
func (VnetNodes) Event(e Env) events.IocEvent { return events.JailNetworkSetup{Jail: e.Name} }

func (a VnetNodes) Detail() string {
	var parts []string
	for _, n := range a.Nodes {
		parts = append(parts, fmt.Sprintf("%s=%d", n.Name, n.Value))
	}
	return strings.Join(parts, " ")
}

func (a VnetNodes) Do(ctx context.Context, e Env, c *plan.Call) error {
	id, err := running(ctx, e, c, a.Jail)
	if err != nil {
		return err
	}
	return e.Host.Kernel.SetVnetSysctls(ctx, id, a.Nodes...)
}

// EnsureNIC makes one interface of a jail, with its bridge and its rules, and
// configures it inside.
type EnsureNIC struct {
	Jail   string          `json:"jail"`
	NIC    network.NIC     `json:"nic"`
	Bridge *network.Bridge `json:"bridge,omitempty"` // to make if it does not exist
	Notes  []string        `json:"notes,omitempty"`
}

// nicEffect is what was begun and bears no mark yet.
type nicEffect struct {
	Made network.Made `json:"made"`
}

func (EnsureNIC) Kind() string                  { return "create interface" }
func (a EnsureNIC) Event(e Env) events.IocEvent { return nicEvent(e, a, "") }

func (a EnsureNIC) Detail() string {
	text := a.NIC.Name + " of " + a.Jail
	if a.NIC.Bridge != "" {
		text += " on " + a.NIC.Bridge
	}
	return strings.Join(append([]string{text}, texts(a.NIC.Addrs)...), " ")
}

func (a EnsureNIC) Do(ctx context.Context, e Env, c *plan.Call) error {
	id, err := running(ctx, e, c, a.Jail)
	if err != nil {
		return err
	}
	var all nicEffect
	c.Effect(&all)
	will := func(m network.Made) error {
		e := nicEffect{network.Made{Clones: append(slices.Clone(all.Made.Clones), m.Clones...)}}
		return c.SetEffect(e)
	}
	done, err := ensureNIC(ctx, e.Host, id, a, network.NIC{}, will)
	c.Final(nicEvent(e, a, done.Host))
	return err
}

func (a EnsureNIC) Undo(ctx context.Context, e Env, c *plan.Call) error {
	if c.Rebooted {
		return nil
	}
	var done nicEffect
	c.Effect(&done)
	return removeNIC(ctx, e.Host, a, done.Made)
}

func nicEvent(e Env, a EnsureNIC, outside string) events.IocEvent {
	event := events.VnetInterfaceConfig{Jail: e.Name, Interface: a.NIC.Name, Bridge: a.NIC.Bridge, HostInterface: outside}
	event.Message = strings.Join(a.Notes, "; ")
	return event
}

// ensureNIC makes or repairs one interface. A program of the jail may never end, so
// none is asked while a lock is held. Was is what the nic was to be before.
func ensureNIC(ctx context.Context, h *host.Host, id kernel.Identity, a EnsureNIC, was network.NIC, will func(network.Made) error) (done network.Ensured, err error) {
	in := h.Kernel.In(id)
	inside, err := in.Interfaces(ctx)
	if err != nil {
		return done, err
	}
	if done, err = ensureOutside(ctx, h, id, a, was, inside, will); err != nil {
		return done, err
	}
	if done.Made {
		was = network.NIC{}
	}
	_, err = network.EnsureInside(ctx, in, a.Jail, a.NIC, was, done.MTU)
	return done, err
}

// ensureOutside makes or repairs what is the host's.
func ensureOutside(ctx context.Context, h *host.Host, id kernel.Identity, a EnsureNIC, was network.NIC, inside []kernel.Interface, will func(network.Made) error) (done network.Ensured, err error) {
	unlock, err := LockNetwork(ctx, h)
	if err != nil {
		return done, err
	}
	defer unlock()
	var clones []string
	if a.Bridge != nil {
		_, err = network.EnsureBridge(ctx, h.Kernel, *a.Bridge, func(m network.Made) error {
			clones = append(clones, m.Clones...)
			return will(network.Made{Clones: clones})
		})
		if err != nil {
			return done, err
		}
	}
	return network.EnsureNIC(ctx, h.Kernel, id, inside, a.Jail, a.NIC, was, func(m network.Made) error {
		return will(network.Made{Clones: append(slices.Clone(clones), m.Clones...)})
	})
}

func removeNIC(ctx context.Context, h *host.Host, a EnsureNIC, made network.Made) error {
	unlock, err := LockNetwork(ctx, h)
	if err != nil {
		return err
	}
	defer unlock()
	all := network.RemoveNIC(ctx, h.Kernel, a.Jail, a.NIC.Name, made)
	if a.NIC.Secure != "" {
		all = errors.Join(all, network.RemoveRules(ctx, h.Kernel, a.Jail, a.NIC.Name))
	}
	if a.Bridge != nil {
		all = errors.Join(all, network.RemoveBridge(ctx, h.Kernel, *a.Bridge, made))
	}
	return all
}

// Localhost configures lo0 of the jail's own stack, with which it ends.
type Localhost struct {
	Jail  string         `json:"jail"`
	Addrs []netip.Prefix `json:"addrs"`
}

func (Localhost) Kind() string                { return "configure lo0" }
func (a Localhost) Detail() string            { return fmt.Sprintf("%s %v", a.Jail, a.Addrs) }
func (Localhost) Event(e Env) events.IocEvent { return events.VnetSetupLocalhost{Jail: e.Name} }

func (a Localhost) Do(ctx context.Context, e Env, c *plan.Call) error {
	id, err := running(ctx, e, c, a.Jail)
	if err != nil {
		return err
	}
	return network.EnsureLoopback(ctx, e.Host.Kernel.In(id), a.Addrs, nil)
}

// AddRoutes sets the routes of the jail's own stack, with which they end.
type AddRoutes struct {
	Jail   string          `json:"jail"`
	Routes []network.Route `json:"routes"`
}

func (AddRoutes) Kind() string     { return "set routes" }
func (a AddRoutes) Detail() string { return strings.Join(texts(a.Routes), ", ") }
func (a AddRoutes) Event(e Env) events.IocEvent {
	return events.VnetSetRoutes{Jail: e.Name, Routes: texts(a.Routes)}
}

func (a AddRoutes) Do(ctx context.Context, e Env, c *plan.Call) error {
	id, err := running(ctx, e, c, a.Jail)
	if err != nil {
		return err
	}
	return network.EnsureRoutes(ctx, e.Host.Kernel.In(id), a.Routes)
}

// BridgeOf returns the bridge to make for a nic, or nil.
func BridgeOf(spec network.Spec, n network.NIC) *network.Bridge {
	for _, b := range spec.Bridges {
		if b.Name == n.Bridge {
			return &b
		}
	}
	return nil
}
