package jail

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/rcconf"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/kernel"
)

func (j *Jail) netKey() step.NetKey { return step.NetKey{Source: j.source.Name, Name: j.Name()} }

// networkSpec returns the network that the configuration asks for. A jail without
// any costs no call.
func (j *Jail) networkSpec(ctx context.Context) (network.Spec, error) {
	eff := j.Effective()
	none := network.Spec{Jail: j.Identifier()}
	if !key.VNET.Of(eff) && len(key.IP4Addr.Of(eff))+len(key.IP6Addr.Of(eff)) == 0 &&
		!usesPf(eff) {
		return none, nil
	}
	k := j.host.Kernel
	list, err := k.Interfaces(ctx)
	if err != nil {
		return none, err
	}
	uuid, err := j.hostUUID(ctx)
	if err != nil {
		return none, err
	}
	table, err := step.NetTable(ctx, j.host)
	if err != nil {
		return none, err
	}
	id, err := j.identity(ctx)
	if err = ignore.Err(err, ErrForeign); err != nil {
		return none, err
	}
	var own network.Spec
	if !id.IsZero() {
		own = table[j.Identifier()].Spec
	}
	var used map[netip.Addr][]string
	if slices.ContainsFunc(key.IP4Addr.Of(eff), func(a config.Address) bool { return a.Method == config.AutoIP4 }) {
		if used, err = step.UsedAddresses(ctx, k, j.Identifier()); err != nil {
			return none, err
		}
	}
	spec, err := network.Compute(network.Input{
		Config: eff, Name: j.Name(), Jail: j.Identifier(), HostUUID: uuid, Interfaces: list,
		Routes:   func() ([]kernel.Route, error) { return k.Routes(ctx, 0) },
		InUse:    func(a netip.Addr) bool { return len(used[a]) > 0 },
		Children: key.ChildrenMax.Of(eff) > 0, Table: table, Own: own,
	})
	if err == nil {
		// By the table that AUTOIP4 chose from: what was taken since is for the step to see.
		err = table.Check(spec)
	}
	return spec, refusedAsConfig(err)
}

// usesPf reports whether there is a forward or NAT, or one that cannot be read.
func usesPf(eff config.Effective) bool {
	return slices.ContainsFunc([]string{key.UserForwards.String(), key.UserNAT.String()}, func(name string) bool {
		return eff.IsSet(name) || eff.Problem(name) != nil
	})
}

// staticAddrs returns a jail's addresses of one family, "ip4" or "ip6", in order. Those
// that AUTOIP4 stands for are in the spec.
func staticAddrs(spec network.Spec, eff config.Effective, family string) []netip.Addr {
	var addrs []netip.Addr
	auto := spec.Auto
	for _, a := range config.NewKey[config.Addresses](family + "_addr").Of(eff) {
		switch {
		case a.Method == config.Static:
			addrs = append(addrs, a.Addr.WithZone(""))
		case a.Method == config.AutoIP4 && family == "ip4" && len(auto) > 0:
			addrs, auto = append(addrs, auto[0]), auto[1:]
		}
	}
	return addrs
}

// mayConnect refuses a network whose firewalls are not ready.
func (j *Jail) mayConnect(ctx context.Context, spec network.Spec) error {
	for _, n := range spec.NICs {
		if n.Secure == "" {
			continue
		}
		if err := network.CheckIpfw(ctx, j.host.Kernel, n.Secure); err != nil {
			return err
		}
	}
	if spec.UsesPf() {
		if err := network.CheckPf(ctx, j.host.Kernel); err != nil {
			return err
		}
	}
	return nil
}

// refusedAsConfig makes a refusal of package network one of the configuration.
func refusedAsConfig(err error) error {
	if _, refused := errors.AsType[*network.Error](err); refused {
		err = fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return err
}

// netPlan are the steps of a start that concern the network: before all others, before
// the jail is made, and before its start hook.
type netPlan struct{ first, before, after step.List }

// networkSteps returns the steps of a start. What the jail is to have is reserved before
// anything is done. Addresses of the host's stack come
// before the jail, which is refused without them; interfaces need the jail.
func (j *Jail) networkSteps(ctx context.Context, spec network.Spec) (p netPlan) {
	p.first.Fail(j.formerSteps(ctx, &p.first))
	if spec.Empty() {
		return p
	}
	err := j.mayConnect(ctx, spec)
	p.first.Fail(err)
	key := j.netKey()
	p.first.Add(step.RecordNetwork{Key: key, Spec: spec})
	if len(spec.Aliases) > 0 {
		p.before.Add(step.AddAliases{Key: key, Jail: spec.Jail, Aliases: spec.Aliases})
	}
	if spec.VNET && err == nil {
		j.vnetSteps(ctx, &p.after, spec)
	}
	if spec.UsesPf() {
		p.after.Add(step.LoadPf{Spec: spec})
	}
	return p
}

// formerSteps take away what is left of the network of a run that ended by itself.
func (j *Jail) formerSteps(ctx context.Context, l *step.List) error {
	id, err := j.identity(ctx)
	if err != nil || !id.IsZero() {
		return ignore.Err(err, ErrForeign)
	}
	r, ok, err := j.netKey().Current(ctx, j.host)
	if err == nil && ok && (r.Spec.VNET || r.Spec.UsesPf()) {
		l.Add(step.Teardown{Spec: r.Spec})
	}
	return err
}

// vnetSteps configure the jail's own stack.
func (j *Jail) vnetSteps(ctx context.Context, l *step.List, spec network.Spec) {
	rc := j.jailRC(ctx)
	nodes, err := j.vnetNodes(ctx, rc)
	l.Fail(err)
	if len(nodes) > 0 {
		l.Add(step.VnetNodes{Jail: spec.Jail, Nodes: nodes})
	}
	for _, n := range spec.NICs {
		l.Add(step.EnsureNIC{Jail: spec.Jail, NIC: n, Bridge: step.BridgeOf(spec, n), Notes: nicNotes(spec, n, rc)})
	}
	for _, name := range spec.Hosts {
		l.Add(step.MoveInterface{Jail: spec.Jail, Interface: name, MAC: spec.HostMACs[name]})
	}
	l.Add(step.Localhost{Jail: spec.Jail, Addrs: spec.Loopback})
	if len(spec.Routes) > 0 {
		l.Add(step.AddRoutes{Jail: spec.Jail, Routes: spec.Routes})
	}
	requests, err := j.requests(spec, rc)
	l.Fail(err)
	l.Fail(j.showBPF(ctx, l, spec))
	for _, a := range requests {
		l.Add(a)
	}
}

// nicNotes returns what a person should know of one nic.
func nicNotes(spec network.Spec, n network.NIC, rc map[string]string) []string {
	notes := slices.DeleteFunc(slices.Clone(spec.Notes), func(text string) bool {
		return n.Index != 0 && !strings.HasPrefix(text, n.Name+":")
	})
	if value := rc["ifconfig_"+n.Name]; value != "" && len(n.Addrs) > 0 {
		notes = append(notes, fmt.Sprintf("rc.conf of the jail has ifconfig_%s=%q, which replaces the addresses when it runs rc(8)", n.Name, value))
	}
	if n.Secure != "" {
		notes = append(notes, network.Guarantees(n.Secure))
	}
	return notes
}

// jailRC returns the settings of the jail's rc.conf(5) that concern its network. A
// file that cannot be read has none: the jail's root may write anything there.
func (j *Jail) jailRC(ctx context.Context) map[string]string {
	out := map[string]string{}
	root, err := j.openRoot(ctx)
	if err != nil {
		return out
	}
	defer root.Close()
	data, err := root.ReadFile("etc/rc.conf", 1<<20)
	if err != nil {
		return out
	}
	file, err := rcconf.Parse(data)
	if err != nil {
		return out
	}
	for _, name := range file.Names() {
		if name == "firewall_enable" || strings.HasPrefix(name, "ifconfig_") {
			out[name], _ = file.Get(name)
		}
	}
	return out
}

// vnetNodes switch off the ipfw(4) that every new stack has once the host has
// loaded the module, and which passes nothing. A jail that runs its own
// firewall keeps it.
func (j *Jail) vnetNodes(ctx context.Context, rc map[string]string) ([]kernel.SysctlValue, error) {
	_, err := j.host.Kernel.SysctlInt(ctx, "net.inet.ip.fw.enable")
	if err != nil || strings.EqualFold(rc["firewall_enable"], "yes") {
		return nil, ignore.Err(err, kernel.ErrNotFound)
	}
	nodes := []kernel.SysctlValue{{Name: "net.inet.ip.fw.enable"}}
	if _, err := j.host.Kernel.SysctlInt(ctx, "net.inet6.ip6.fw.enable"); err == nil {
		nodes = append(nodes, kernel.SysctlValue{Name: "net.inet6.ip6.fw.enable"})
	}
	return nodes, nil
}

// requests are how the nics ask for addresses by DHCP and from routers.
func (j *Jail) requests(spec network.Spec, rc map[string]string) (list []step.RequestAddress, err error) {
	eff := j.Effective()
	limit, err := config.ParseDHCPTimeout(key.UserNetworkDHCPTimeout.Of(eff))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	for _, n := range spec.NICs {
		if n.DHCP || n.SLAAC {
			list = append(list, step.RequestAddress{
				Key: j.netKey(), Jail: spec.Jail, NIC: n, Limit: limit, Optional: key.UserNetworkDHCP.Of(eff) == "optional",
				RC: strings.Contains(strings.ToUpper(rc["ifconfig_"+n.Name]), "DHCP"),
			})
		}
	}
	return list, nil
}

// showBPF adds the step that shows bpf(4) in the jail, for dhclient(8) or as asked for.
func (j *Jail) showBPF(ctx context.Context, l *step.List, spec network.Spec) error {
	eff := j.Effective()
	dhcp := slices.IndexFunc(spec.NICs, func(n network.NIC) bool { return n.DHCP })
	if dhcp >= 0 && !key.MountDevfs.Of(eff) {
		return fmt.Errorf("%w: %s: dhclient(8) needs /dev/bpf, so mount_devfs=yes", ErrConfig, spec.NICs[dhcp].Name)
	}
	if dhcp >= 0 || key.BPF.Of(eff) && key.MountDevfs.Of(eff) {
		number, _, err := step.BpfRuleset(ctx, j.host.Kernel, uint16(key.MinDynDevfsRuleset.Of(eff)))
		if err != nil {
			return err
		}
		l.Add(step.ShowBPF{RootDataset: j.RootDataset(), Number: number})
	}
	return nil
}

// networkEnd adds the steps of a stop and returns those for after the jail: interfaces
// go before the jail does, since the kernel would bring them back to the host under
// names of the jail's choice; addresses of the host's stack go after it.
func (j *Jail) networkEnd(ctx context.Context, l *step.List, id kernel.Identity) (after []plan.Step) {
	record := j.netKey()
	r, found, err := record.Current(ctx, j.host)
	l.Fail(err)
	switch {
	case id.IsZero():
		// The same plan sets it up before this.
		r.Spec, err = j.networkSpec(ctx)
		l.Fail(err)
		found = true
	case !found:
		// Somebody else started it, or it has no network. What cannot be computed
		// any more is found by its marks.
		if r.Spec, err = j.networkSpec(ctx); err != nil {
			r.Spec.VNET = key.VNET.Of(j.Effective())
		}
	}
	if r.Spec.VNET || r.Spec.UsesPf() {
		l.Add(step.Teardown{ID: id, Spec: r.Spec})
	}
	switch {
	case found && len(r.Spec.Aliases)+len(r.Added) > 0:
		after = append(after, plan.StepOf(step.DropAliases{Key: record, Jail: j.Identifier()}))
	case found:
		after = append(after, plan.StepOf(step.ForgetNetwork{Key: record, Jail: j.Identifier()}))
	}
	return after
}
