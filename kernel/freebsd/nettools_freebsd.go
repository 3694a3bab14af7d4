//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/precheck"
	"github.com/libioc/go-libioc/kernel/internal/tooltext"
)

// netTools is a jail's network stack by the base system's tools, run inside by
// jexec(8): for programs that did not enable Main. The jail's own ifconfig,
// route and netstat are run, so what they say is the jail's word.
type netTools struct {
	k  *system
	id kernel.Identity
}

// run returns the standard output of a tool, or the error that it reported.
func (t netTools) run(ctx context.Context, subject, tool string, args ...string) (string, error) {
	op := tool[strings.LastIndexByte(tool, '/')+1:]
	return runBase(ctx, t.k, op, subject, kernel.Command{Jail: t.id, Argv: append([]string{tool}, args...)},
		func(exit kernel.Exit, stdout, stderr string) error {
			return tooltext.ToolError(op, subject, exit, stdout, stderr)
		})
}

func (t netTools) ifconfig(ctx context.Context, name string, args ...string) error {
	if err := checkIfName("ifconfig", name); err != nil {
		return err
	}
	if strings.HasPrefix(name, "-") {
		return &kernel.CallError{Op: "ifconfig", Subject: name, Errno: syscall.ENXIO, Err: kernel.ErrNotFound}
	}
	_, err := t.run(ctx, name, "/sbin/ifconfig", append([]string{name}, args...)...)
	return err
}

func (t netTools) Interfaces(ctx context.Context) ([]kernel.Interface, error) {
	text, err := t.run(ctx, "", "/sbin/ifconfig", "-a")
	if err != nil {
		return nil, err
	}
	list := tooltext.ParseIfconfig(text)
	text, err = t.run(ctx, "", "/usr/bin/netstat", "-inW")
	if err != nil {
		return nil, err
	}
	indexes := tooltext.ParseLinkIndexes(text)
	for i := range list {
		list[i].Index = indexes[list[i].Name]
	}
	return list, nil
}

func (t netTools) InterfaceCreate(ctx context.Context, driver string) (string, error) {
	if err := checkIfName("ifconfig", driver); err != nil {
		return "", err
	}
	out, err := t.run(ctx, driver, "/sbin/ifconfig", driver, "create")
	if name := strings.TrimSpace(out); err == nil && name != "" {
		return name, nil
	}
	return driver, err // it prints nothing when driver was a whole name
}

func (t netTools) InterfaceDestroy(ctx context.Context, name string) error {
	return t.ifconfig(ctx, name, "destroy")
}

func (t netTools) InterfaceRename(ctx context.Context, name, to string) error {
	if err := checkIfName("ifconfig", to); err != nil {
		return err
	}
	return t.ifconfig(ctx, name, "name", to)
}

func (t netTools) InterfaceSetUp(ctx context.Context, name string, up bool) error {
	if up {
		return t.ifconfig(ctx, name, "up")
	}
	return t.ifconfig(ctx, name, "down")
}

func (t netTools) InterfaceSetMTU(ctx context.Context, name string, mtu int) error {
	return t.ifconfig(ctx, name, "mtu", strconv.Itoa(mtu))
}

func (t netTools) InterfaceSetMAC(ctx context.Context, name string, mac net.HardwareAddr) error {
	return t.ifconfig(ctx, name, "ether", mac.String())
}

func (t netTools) InterfaceSetDescription(ctx context.Context, name, text string) error {
	if text == "" {
		return t.ifconfig(ctx, name, "-description")
	}
	return t.ifconfig(ctx, name, "description", text)
}

func (t netTools) InterfaceSetVLAN(ctx context.Context, name string, vlan kernel.VLAN) error {
	return t.ifconfig(ctx, name, "vlan", strconv.Itoa(int(vlan.Tag)), "vlandev", vlan.Parent)
}

func (t netTools) InterfaceAddGroup(ctx context.Context, name, group string) error {
	return t.ifconfig(ctx, name, "group", group)
}

func (t netTools) InterfaceDeleteGroup(ctx context.Context, name, group string) error {
	return t.ifconfig(ctx, name, "-group", group)
}

func (t netTools) InterfaceToVnet(ctx context.Context, name string, id kernel.Identity) error {
	if err := t.k.verify(ctx, "SIOCSIFVNET", 0, id); err != nil {
		return err
	}
	return t.ifconfig(ctx, name, "vnet", strconv.Itoa(id.JID))
}

func (t netTools) InterfaceFromVnet(ctx context.Context, name string, id kernel.Identity) error {
	if err := t.k.verify(ctx, "SIOCSIFRVNET", kernel.JailDying, id); err != nil {
		return err
	}
	return t.ifconfig(ctx, name, "-vnet", strconv.Itoa(id.JID))
}

func (t netTools) AddressAdd(ctx context.Context, name string, addr kernel.Address) error {
	if !addr.Prefix.IsValid() {
		return &kernel.CallError{Op: "ifconfig", Subject: name, Errno: syscall.EINVAL, Msg: "no address"}
	}
	if addr.Prefix.Addr().Is4() {
		args := []string{"inet", addr.Prefix.String()}
		if addr.Broadcast.Is4() {
			args = append(args, "broadcast", addr.Broadcast.String())
		}
		return t.ifconfig(ctx, name, append(args, "alias")...)
	}
	add := []string{"inet6", addr.Prefix.String(), "alias"}
	if !addr.NoDAD {
		return t.ifconfig(ctx, name, add...)
	}
	if err := t.ifconfig(ctx, name, "inet6", "no_dad"); err != nil {
		return err
	}
	err := t.ifconfig(ctx, name, add...)
	return errors.Join(err, t.ifconfig(context.WithoutCancel(ctx), name, "inet6", "-no_dad"))
}

func (t netTools) AddressDelete(ctx context.Context, name string, addr netip.Addr) error {
	if !addr.IsValid() {
		return &kernel.CallError{Op: "ifconfig", Subject: name, Errno: syscall.EINVAL, Msg: "no address"}
	}
	if addr.Is4() {
		return t.ifconfig(ctx, name, "inet", addr.String(), "-alias")
	}
	return t.ifconfig(ctx, name, "inet6", addr.String(), "-alias")
}

func (t netTools) InterfaceSetND6(ctx context.Context, name string, set, clear kernel.ND6Flags) error {
	args := []string{"inet6"}
	for _, f := range tooltext.Nd6Words {
		if set&f.Flag != 0 {
			args = append(args, f.Word)
		} else if clear&f.Flag != 0 {
			args = append(args, "-"+f.Word)
		}
	}
	if len(args) == 1 {
		return nil
	}
	return t.ifconfig(ctx, name, args...)
}

func (t netTools) AddressState(ctx context.Context, name string, addr netip.Addr) (kernel.AddressState, error) {
	if err := checkIfName("ifconfig", name); err != nil {
		return kernel.AddressState{}, err
	}
	text, err := t.run(ctx, name, "/sbin/ifconfig", name, "inet6")
	if err != nil {
		return kernel.AddressState{}, err
	}
	state, ok := tooltext.ParseAddressState(text, addr)
	if !ok {
		return state, ifError("ifconfig", name, syscall.EADDRNOTAVAIL)
	}
	return state, nil
}

func (t netTools) BridgeAdd(ctx context.Context, bridge, member string) error {
	return t.ifconfig(ctx, bridge, "addm", member)
}

func (t netTools) BridgeDelete(ctx context.Context, bridge, member string) error {
	return t.ifconfig(ctx, bridge, "deletem", member)
}

func (t netTools) BridgeMembers(ctx context.Context, bridge string) ([]string, error) {
	if err := checkIfName("ifconfig", bridge); err != nil {
		return nil, err
	}
	text, err := t.run(ctx, bridge, "/sbin/ifconfig", bridge)
	return tooltext.ParseBridgeMembers(text), err
}

func (t netTools) BridgeStatic(ctx context.Context, bridge, member string, mac net.HardwareAddr) error {
	err := t.ifconfig(ctx, bridge, "deladdr", mac.String())
	if err != nil && !errors.Is(err, syscall.ENOENT) {
		return err
	}
	return t.ifconfig(ctx, bridge, "static", member, mac.String(), "-learn", member, "-discover", member)
}

func (t netTools) RouteAdd(ctx context.Context, route kernel.Route) error {
	r, err := precheck.Route("RTM_ADD", route)
	if err != nil {
		return err
	}
	through := precheck.RouteThrough(r)
	err = tooltext.RouteRefused(r, t.route(ctx, "add", r, through))
	if !precheck.ViaOffLink(r) || !errors.Is(err, syscall.ENETUNREACH) {
		return err
	}
	if err := t.route(ctx, "add", precheck.ToGateway(r), r.Interface); err != nil && !errors.Is(err, syscall.EEXIST) {
		return err
	}
	if err = tooltext.RouteRefused(r, t.route(ctx, "add", r, through)); err != nil {
		_ = t.route(context.WithoutCancel(ctx), "delete", precheck.ToGateway(r), r.Interface)
	}
	return err
}

func (t netTools) RouteDelete(ctx context.Context, route kernel.Route) error {
	r, err := precheck.Route("RTM_DELETE", route)
	if err != nil {
		return err
	}
	if err := t.route(ctx, "delete", r, precheck.RouteThrough(r)); err != nil {
		return err
	}
	if precheck.ViaOffLink(r) {
		_ = t.route(ctx, "delete", precheck.ToGateway(r), r.Interface) // only a route through the interface itself matches
	}
	return nil
}

func (t netTools) route(ctx context.Context, verb string, r kernel.Route, through string) error {
	_, err := t.run(ctx, r.Dest.String(), "/sbin/route", tooltext.RouteArgs(verb, r, through)...)
	return err
}

func (t netTools) Routes(ctx context.Context, fib int) ([]kernel.Route, error) {
	text, err := t.run(ctx, strconv.Itoa(fib), "/usr/bin/netstat", "--libxo", "json", "-rnW", "-F", strconv.Itoa(fib))
	if err != nil {
		return nil, err
	}
	list, err := tooltext.ParseNetstatRoutes([]byte(text), fib)
	if err != nil {
		return nil, &kernel.CallError{Op: "netstat", Subject: t.id.String(), Msg: err.Error()}
	}
	return list, nil
}
