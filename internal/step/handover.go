package step

import (
	"context"
	"errors"
	"fmt"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/kernel"
)

// MoveInterface hands an interface of the host over.
type MoveInterface struct {
	Jail      string `json:"jail"`
	Interface string `json:"interface"`
	MAC       string `json:"mac"` // by which it is known in the jail
}

func (MoveInterface) Kind() string     { return "move interface" }
func (a MoveInterface) Detail() string { return a.Interface + " to " + a.Jail }
func (a MoveInterface) Event(e Env) events.IocEvent {
	return events.VnetInterfaceConfig{Jail: e.Name, Interface: a.Interface, HostInterface: a.Interface}
}

func (a MoveInterface) Do(ctx context.Context, e Env, c *plan.Call) error {
	id, err := running(ctx, e, c, a.Jail)
	if err != nil {
		return err
	}
	err = e.Host.Kernel.InterfaceToVnet(ctx, a.Interface, id)
	if errors.Is(err, kernel.ErrNotFound) {
		if _, there, ferr := handedOver(ctx, e.Host.Kernel.In(id), a.Interface, a.MAC); there || ferr != nil {
			return ferr
		}
	}
	return err
}

func (a MoveInterface) Undo(ctx context.Context, e Env, c *plan.Call) error {
	if c.Rebooted {
		return nil
	}
	id, there, err := seenJail(ctx, e, c, a.Jail)
	if err != nil {
		return err
	}
	if !there {
		id = kernel.Identity{}
	}
	return moveBack(ctx, e.Host.Kernel, id, a.Interface, a.MAC)
}

// handedOver finds an interface in a stack by its link address, whatever name it has there,
// else by its name: the jail's root can change either. A link address that several have,
// as a lagg(4) and its members do, says nothing.
func handedOver(ctx context.Context, n kernel.Network, name, mac string) (kernel.Interface, bool, error) {
	list, err := n.Interfaces(ctx)
	if err != nil {
		return kernel.Interface{}, false, err
	}
	var named, linked []kernel.Interface
	for _, i := range list {
		if i.Name == name {
			named = append(named, i)
		}
		if mac != "" && i.MAC.String() == mac {
			linked = append(linked, i)
		}
	}
	switch {
	case len(named) > 0 && (named[0].MAC.String() == mac || len(linked) != 1):
		return named[0], true, nil
	case len(linked) == 1:
		return linked[0], true, nil
	}
	return kernel.Interface{}, false, nil
}

// moveBack brings an interface home under its own name, without a mark of ours that the
// jail's root may have written. It may be home already, under the name that it had in the
// jail when that ended.
func moveBack(ctx context.Context, k kernel.Kernel, id kernel.Identity, name, mac string) error {
	if !id.IsZero() {
		if err := reclaim(ctx, k, id, name, mac); err != nil {
			return ignore.Err(err, kernel.ErrNotFound, kernel.ErrStale)
		}
	}
	i, there, err := handedOver(ctx, k, name, mac)
	if err != nil || !there {
		return err
	}
	if i.Name != name {
		if err := k.InterfaceRename(ctx, i.Name, name); err != nil {
			return err
		}
	}
	return network.Unmark(ctx, k, name)
}

// reclaim takes an interface out of a jail. One that has another name there gets one that
// no interface of the host has.
func reclaim(ctx context.Context, k kernel.Kernel, id kernel.Identity, name, mac string) error {
	in := k.In(id)
	i, there, err := handedOver(ctx, in, name, mac)
	if err != nil || !there {
		return err
	}
	if i.Name != name {
		name = fmt.Sprintf("iochome%d", i.Index)
		if err := in.InterfaceRename(ctx, i.Name, name); err != nil {
			return err
		}
	}
	return k.InterfaceFromVnet(ctx, name, id)
}
