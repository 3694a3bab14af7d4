package simkernel

import (
	"context"
	"fmt"
	"net"
	"slices"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/refusal"
)

// netView is one network stack, seen by one caller.
type netView struct {
	v  *view
	id *kernel.Identity // of In; nil is the caller's own stack
}

// In implements [kernel.Kernel].
func (v *view) In(id kernel.Identity) kernel.Network { return &netView{v, &id} }

func (s *netView) stack() (*netStack, error) {
	pr := s.v.me
	if s.id != nil {
		named := *s.id
		named.Name = s.v.fullName(named.Name)
		var err error
		if pr, err = s.v.s.jails.check("vnet", named); err == nil && !pr.alive() {
			err = kernel.ErrDying
		}
		if err != nil {
			return nil, &kernel.CallError{Op: "vnet", Subject: s.id.String(), Errno: syscall.ENXIO, Msg: "the jail has ended", Err: kernel.ErrNotFound}
		}
	}
	for pr.parent != nil && !pr.VNET {
		pr = pr.parent
	}
	if pr.parent == nil {
		return s.v.s.net.stacks[0], nil
	}
	return pr.stack, nil
}

// call makes a request to a stack.
func (s *netView) call(ctx context.Context, op, subject, args string, fn func(n *network, st *netStack) error) error {
	if s.id != nil {
		args = s.id.Name + " " + args
	}
	return s.v.do(ctx, op, subject, args, func() error {
		st, err := s.stack()
		if err != nil {
			return err
		}
		return fn(&s.v.s.net, st)
	})
}

// change makes a request about one interface. It fails with ENXIO if there is no
// such interface.
func (s *netView) change(ctx context.Context, op, name, args string, fn func(n *network, st *netStack, f *netIf) syscall.Errno) error {
	return s.call(ctx, op, name, name+" "+args, func(n *network, st *netStack) error {
		f := n.find(st, name)
		if f == nil {
			return refusal.Interface(op, name, syscall.ENXIO)
		}
		if s.v.jailed() && !s.v.me.VNET {
			return refusal.Interface(op, name, syscall.EPERM)
		}
		if e := fn(n, st, f); e != 0 {
			return refusal.Interface(op, name, e)
		}
		n.touch(f)
		return nil
	})
}

// Interfaces implements [kernel.Network].
func (s *netView) Interfaces(ctx context.Context) ([]kernel.Interface, error) {
	var out []kernel.Interface
	err := s.call(ctx, OpInterfaces, "", "", func(n *network, st *netStack) error {
		for _, f := range n.in(st) {
			i := f.If
			i.MAC, i.Groups = slices.Clone(i.MAC), slices.Clone(i.Groups)
			for _, a := range f.Addrs {
				i.Addrs = append(i.Addrs, a.Prefix)
			}
			out = append(out, i)
		}
		return nil
	})
	return out, err
}

// InterfaceCreate implements [kernel.Network].
func (s *netView) InterfaceCreate(ctx context.Context, driver string) (string, error) {
	var name string
	err := s.call(ctx, OpInterfaceCreate, driver, driver, func(n *network, st *netStack) error {
		f, e := n.clone(st, driver)
		if e != 0 {
			return refusal.Interface(OpInterfaceCreate, driver, e)
		}
		name = f.If.Name
		return nil
	})
	return name, err
}

// InterfaceDestroy implements [kernel.Network].
func (s *netView) InterfaceDestroy(ctx context.Context, name string) error {
	return s.call(ctx, OpInterfaceDestroy, name, name, func(n *network, st *netStack) error {
		f := n.find(st, name)
		switch {
		case f == nil:
			return refusal.Interface(OpInterfaceDestroy, name, syscall.ENXIO)
		case !f.Clone:
			return refusal.Interface(OpInterfaceDestroy, name, syscall.EINVAL)
		}
		n.destroy(f)
		return nil
	})
}

// InterfaceRename implements [kernel.Network].
func (s *netView) InterfaceRename(ctx context.Context, name, to string) error {
	return s.change(ctx, OpInterfaceRename, name, to, func(n *network, st *netStack, f *netIf) syscall.Errno {
		switch {
		case len(to) > 15:
			return syscall.ENAMETOOLONG
		case to == "":
			return syscall.EINVAL
		case to == name:
			return 0
		case n.find(st, to) != nil:
			return syscall.EEXIST
		}
		f.If.Name = to
		for i := range st.Routes {
			if st.Routes[i].Interface == name {
				st.Routes[i].Interface = to
			}
		}
		return 0
	})
}

// InterfaceSetUp implements [kernel.Network].
func (s *netView) InterfaceSetUp(ctx context.Context, name string, up bool) error {
	return s.change(ctx, OpInterfaceSetUp, name, fmt.Sprint("up=", up), func(_ *network, _ *netStack, f *netIf) syscall.Errno {
		f.If.Up = up
		return 0
	})
}

// InterfaceSetMTU implements [kernel.Network].
func (s *netView) InterfaceSetMTU(ctx context.Context, name string, mtu int) error {
	return s.change(ctx, OpInterfaceSetMTU, name, fmt.Sprint(mtu), func(n *network, _ *netStack, f *netIf) syscall.Errno {
		switch {
		case mtu < 72 || mtu > 65535:
			return syscall.EINVAL
		case f.Bridge != 0 && s.v.s.rel.bridgeSetsMTU:
			return syscall.EOPNOTSUPP
		case f.Driver == "bridge" && mtu < 576:
			return syscall.EINVAL
		}
		for _, id := range f.Members {
			m := n.ifs[id]
			switch {
			case s.v.s.rel.bridgeSetsMTU:
				m.If.MTU = mtu
				n.touch(m)
			case m.If.MTU != mtu:
				return syscall.EINVAL
			}
		}
		f.If.MTU = mtu
		return 0
	})
}

// InterfaceSetMAC implements [kernel.Network].
func (s *netView) InterfaceSetMAC(ctx context.Context, name string, mac net.HardwareAddr) error {
	return s.change(ctx, OpInterfaceSetMAC, name, mac.String(), func(_ *network, _ *netStack, f *netIf) syscall.Errno {
		if len(mac) != 6 || len(f.If.MAC) != 6 {
			return syscall.EINVAL
		}
		f.If.MAC = slices.Clone(mac)
		return 0
	})
}

// InterfaceSetDescription implements [kernel.Network].
func (s *netView) InterfaceSetDescription(ctx context.Context, name, text string) error {
	return s.change(ctx, OpInterfaceSetDescription, name, text, func(_ *network, _ *netStack, f *netIf) syscall.Errno {
		if len(text)+1 > 1024 {
			return syscall.ENAMETOOLONG
		}
		f.If.Description = text
		return 0
	})
}

// InterfaceSetVLAN implements [kernel.Network].
func (s *netView) InterfaceSetVLAN(ctx context.Context, name string, vlan kernel.VLAN) error {
	return s.change(ctx, OpInterfaceSetVLAN, name, fmt.Sprintf("%s.%d", vlan.Parent, vlan.Tag), func(n *network, st *netStack, f *netIf) syscall.Errno {
		p := n.find(st, vlan.Parent)
		switch {
		case f.Driver != "vlan":
			return syscall.EINVAL
		case p == nil:
			return syscall.ENOENT
		case vlan.Tag < 1 || vlan.Tag > 4094 || len(p.If.MAC) != 6:
			return syscall.EINVAL
		}
		for _, o := range n.in(st) {
			if o != f && o.VLAN != nil && *o.VLAN == vlan {
				return syscall.EEXIST
			}
		}
		if f.VLAN != nil && *f.VLAN != vlan {
			return syscall.EBUSY
		}
		f.VLAN, f.If.MAC, f.If.MTU = &vlan, slices.Clone(p.If.MAC), p.If.MTU
		return 0
	})
}

// InterfaceAddGroup implements [kernel.Network].
func (s *netView) InterfaceAddGroup(ctx context.Context, name, group string) error {
	return s.change(ctx, OpInterfaceAddGroup, name, group, func(_ *network, _ *netStack, f *netIf) syscall.Errno {
		switch {
		case group == "" || len(group) > 15 || group[len(group)-1] >= '0' && group[len(group)-1] <= '9':
			return syscall.EINVAL
		case slices.Contains(f.If.Groups, group):
			return syscall.EEXIST
		}
		f.If.Groups = append(f.If.Groups, group)
		return 0
	})
}

// InterfaceDeleteGroup implements [kernel.Network].
func (s *netView) InterfaceDeleteGroup(ctx context.Context, name, group string) error {
	return s.change(ctx, OpInterfaceDeleteGroup, name, group, func(_ *network, _ *netStack, f *netIf) syscall.Errno {
		if !slices.Contains(f.If.Groups, group) {
			return syscall.ENOENT
		}
		f.If.Groups = slices.DeleteFunc(f.If.Groups, func(g string) bool { return g == group })
		return 0
	})
}

// jailStack returns the stack that a jail has of its own.
func (s *netView) jailStack(op, name string, id kernel.Identity) (*netStack, error) {
	named := id
	named.Name = s.v.fullName(id.Name)
	pr, err := s.v.s.jails.check(op, named)
	if err != nil || !pr.alive() || !pr.below(s.v.me) {
		return nil, &kernel.CallError{Op: op, Subject: name, Errno: syscall.ENXIO, Msg: "no such jail: " + id.String(), Err: kernel.ErrNotFound}
	}
	if !pr.VNET {
		return nil, &kernel.CallError{Op: op, Subject: name, Errno: syscall.EEXIST, Msg: "jail " + id.String() + " has no network stack of its own", Err: kernel.ErrExists}
	}
	return pr.stack, nil
}

// InterfaceToVnet implements [kernel.Network].
func (s *netView) InterfaceToVnet(ctx context.Context, name string, id kernel.Identity) error {
	return s.call(ctx, OpInterfaceToVnet, name, name+" "+id.String(), func(n *network, st *netStack) error {
		f := n.find(st, name)
		if f == nil {
			return refusal.Interface(OpInterfaceToVnet, name, syscall.ENXIO)
		}
		to, err := s.jailStack(OpInterfaceToVnet, name, id)
		if err != nil {
			return err
		}
		if n.find(to, name) != nil {
			return refusal.Interface(OpInterfaceToVnet, name, syscall.EEXIST)
		}
		n.move(f, to)
		return nil
	})
}

// InterfaceFromVnet implements [kernel.Network].
func (s *netView) InterfaceFromVnet(ctx context.Context, name string, id kernel.Identity) error {
	return s.call(ctx, OpInterfaceFromVnet, name, name+" "+id.String(), func(n *network, st *netStack) error {
		from, err := s.jailStack(OpInterfaceFromVnet, name, id)
		if err != nil {
			return err
		}
		f := n.find(from, name)
		switch {
		case f == nil:
			return refusal.Interface(OpInterfaceFromVnet, name, syscall.ENXIO)
		case n.find(st, name) != nil:
			return refusal.Interface(OpInterfaceFromVnet, name, syscall.EEXIST)
		}
		n.move(f, st)
		return nil
	})
}
