package step

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/catch"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/tail"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/kernel"
)

// ShowBPF shows bpf(4) in the jail's /dev, which dhclient(8) needs. The ruleset
// for it has one rule and is shared by all jails, so it stays.
type ShowBPF struct {
	RootDataset string `json:"root_dataset"`
	Number      uint16 `json:"number"` // of the ruleset, or of the first that may be made
}

func (ShowBPF) Kind() string { return "show bpf" }
func (a ShowBPF) Detail() string {
	return fmt.Sprintf("ruleset %d, bpf* unhide, on /dev of %s", a.Number, a.RootDataset)
}
func (ShowBPF) Event(e Env) events.IocEvent { return events.JailDevfsRuleset{Jail: e.Name} }

func (a ShowBPF) Do(ctx context.Context, e Env, c *plan.Call) error {
	_, root, err := Located(ctx, e, c, a.RootDataset)
	if err != nil {
		return err
	}
	unlock, err := lockRulesets(ctx, e.Host)
	if err != nil {
		return err
	}
	defer unlock()
	number, made, err := BpfRuleset(ctx, e.Host.Kernel, a.Number)
	if err == nil && !made {
		err = e.Host.Kernel.DevfsAddRule(ctx, number, bpfRule)
	}
	if err != nil {
		return err
	}
	c.Final(events.JailDevfsRuleset{Jail: e.Name, Ruleset: int(number)})
	return e.Host.Kernel.DevfsApply(ctx, filepath.Join(root, "dev"), number)
}

// bpfRule is the only rule of the ruleset that shows bpf. In devfs(5) bpf is
// the device and bpf0 a link to it; both are needed.
var bpfRule = kernel.DevfsRule{Number: 100, Path: "bpf*", Unhide: true}

// BpfRuleset finds that ruleset, or the number of the first one that is free.
func BpfRuleset(ctx context.Context, k kernel.Kernel, first uint16) (number uint16, made bool, err error) {
	for n := max(first, 1); n < 65535; n++ {
		there, err := k.DevfsRules(ctx, n)
		switch {
		case err != nil:
			return 0, false, err
		case len(there) == 1 && there[0].Path == bpfRule.Path && there[0].Unhide:
			return n, true, nil
		case len(there) == 0:
			return n, false, nil
		}
	}
	return 0, false, errors.New("no devfs ruleset is free")
}

// RequestAddress asks for addresses inside the jail. Its undo is the end of the
// jail, with which its programs end.
type RequestAddress struct {
	Key      NetKey        `json:"key"`
	Jail     string        `json:"jail"`
	NIC      network.NIC   `json:"nic"`
	Limit    time.Duration `json:"limit"` // ns
	Optional bool          `json:"optional,omitempty"`
	RC       bool          `json:"rc,omitempty"` // the jail's own rc(8) runs dhclient
}

func (RequestAddress) Kind() string     { return "request address" }
func (a RequestAddress) Detail() string { return strings.Join(a.programs(), ", ") + " in " + a.Jail }
func (a RequestAddress) Event(e Env) events.IocEvent {
	return events.VnetAddressRequest{Jail: e.Name, Interface: a.NIC.Name, Method: a.method()}
}

func (a RequestAddress) Do(ctx context.Context, e Env, c *plan.Call) error {
	id, err := running(ctx, e, c, a.Jail)
	if err != nil {
		return err
	}
	if a.NIC.DHCP && a.RC && a.NIC.Secure == "" { // whose rules let pass what was given here
		c.Skip("rc.conf of the jail has dhclient(8) run by rc(8)")
		return nil
	}
	got, err := request(ctx, e.Host, id, a)
	event := events.VnetAddressRequest{Jail: e.Name, Interface: a.NIC.Name, Method: a.method(), Address: got}
	if err != nil && a.tolerate(err) == nil {
		event.Message = err.Error()
	}
	c.Final(event)
	return a.tolerate(err)
}

// tolerate passes over it that there was no address, where that is allowed.
func (a RequestAddress) tolerate(err error) error {
	if _, none := errors.AsType[*jailerr.AddressError](err); none && (a.Optional || !a.NIC.DHCP) {
		return nil
	}
	return err
}

func (a RequestAddress) method() string {
	switch {
	case a.NIC.DHCP && a.NIC.SLAAC:
		return "dhcp, slaac"
	case a.NIC.DHCP:
		return "dhcp"
	}
	return "slaac"
}

func (a RequestAddress) programs() []string {
	var out []string
	if a.NIC.DHCP {
		out = append(out, "/sbin/dhclient "+a.NIC.Name)
	}
	if a.NIC.SLAAC {
		out = append(out, "/sbin/rtsol "+a.NIC.Name)
	}
	return out
}

// request asks for what the nic wants and lets the rules of Secure VNET follow.
func request(ctx context.Context, h *host.Host, id kernel.Identity, a RequestAddress) (string, error) {
	var got []netip.Prefix
	if a.NIC.DHCP {
		p, err := dhclient(ctx, h.Kernel, id, a)
		if err != nil {
			return "", err
		}
		got = append(got, p)
	}
	var late error
	if a.NIC.SLAAC {
		p, err := program(ctx, h.Kernel, id, a, "slaac", min(a.Limit, rtsolLimit))
		switch {
		case err == nil:
			got = append(got, p)
		case a.NIC.DHCP:
			return strings.Join(texts(got), " "), err
		default:
			late = err
		}
	}
	if err := learn(ctx, h, a.Key, id, a.NIC, got); err != nil {
		return "", err
	}
	return strings.Join(texts(got), " "), late
}

// learn writes down which addresses a nic was given, and makes its rules those of all its
// addresses.
func learn(ctx context.Context, h *host.Host, key NetKey, id kernel.Identity, n network.NIC, got []netip.Prefix) error {
	return LockedNetwork(ctx, h, func() error {
		if n.Secure != "" {
			if err := nobodyElse(ctx, h, key.jail(), got); err != nil {
				return err
			}
		}
		r, ok, err := key.Current(ctx, h)
		if err != nil {
			return err
		}
		if ok && !slices.Equal(r.Learnt[n.Name], got) {
			learnt := maps.Clone(r.Learnt)
			if learnt == nil {
				learnt = map[string][]netip.Prefix{}
			}
			if learnt[n.Name] = got; len(got) == 0 {
				delete(learnt, n.Name)
			}
			r.Learnt = learnt
			if err := key.write(ctx, h, r); err != nil {
				return err
			}
		}
		if n.Secure == "" {
			return nil
		}
		list, err := h.Kernel.Interfaces(ctx)
		if err != nil {
			return err
		}
		names := network.FindNames(list, key.jail(), n, id.JID)
		return network.EnsureRules(ctx, h.Kernel, key.jail(), id.JID, n, names, slices.Concat(n.Addrs, got))
	})
}

// nobodyElse refuses an address that the host or another jail has: the jail's root owns
// dhclient(8), and would be let pass with it.
func nobodyElse(ctx context.Context, h *host.Host, jail string, got []netip.Prefix) error {
	if len(got) == 0 {
		return nil
	}
	table, err := NetTable(ctx, h)
	if err != nil {
		return err
	}
	list, err := h.Kernel.Interfaces(ctx)
	if err != nil {
		return err
	}
	for _, p := range got {
		other, taken := table.Has(p.Addr(), jail)
		for _, i := range list {
			if slices.ContainsFunc(i.Addrs, func(q netip.Prefix) bool { return q.Addr() == p.Addr() }) {
				other, taken = i.Name+" of the host", true
			}
		}
		if taken {
			return fmt.Errorf("%w: the jail was given %s, which %s has", jailerr.ErrConfig, p.Addr(), other)
		}
	}
	return nil
}

// dynamic finds an address that the program brought: not one that was set, not
// the 0.0.0.0 that dhclient-script(8) begins with, not a link-local one.
func dynamic(ctx context.Context, k kernel.Kernel, id kernel.Identity, n network.NIC, v6 bool) (netip.Prefix, bool, error) {
	list, err := k.In(id).Interfaces(ctx)
	if err != nil {
		return netip.Prefix{}, false, err
	}
	for _, i := range list {
		if i.Name != n.Name {
			continue
		}
		for _, p := range i.Addrs {
			addr := p.Addr()
			static := slices.ContainsFunc(n.Addrs, func(s netip.Prefix) bool { return s.Addr() == addr })
			if addr.Is6() == v6 && !static && !addr.IsUnspecified() && !addr.IsLinkLocalUnicast() {
				return p, true, nil
			}
		}
	}
	return netip.Prefix{}, false, nil
}

// program runs that of a method in the jail while it looks for the address that it
// brings. It ends when there is one and the program has ended or daemonized, or at
// the limit; then the program is killed and the error is a *jailerr.AddressError.
func program(ctx context.Context, k kernel.Kernel, id kernel.Identity, a RequestAddress, method string, limit time.Duration) (p netip.Prefix, err error) {
	began := time.Now()
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	argv := []string{"/sbin/dhclient", a.NIC.Name}
	if method == "slaac" {
		argv[0] = "/sbin/rtsol"
	}
	out := tail.Last(MaxOutput)
	ended := make(chan error, 1)
	go func() {
		ended <- catch.Panic(func() error {
			_, err := kernel.Run(limited, k, limit, kernel.Command{Jail: id, Argv: argv, Env: []string{"PATH=" + HookPath}, Stdout: out, Stderr: out})
			return err
		})
	}()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var ok, over bool
	for {
		if p, ok, err = dynamic(context.WithoutCancel(ctx), k, id, a.NIC, method == "slaac"); ok || err != nil || over {
			break
		}
		select {
		case err = <-ended:
			ended <- err
			// Without an error it has ended, or gone on in the background without a
			// result.
			over = true
		case <-tick.C:
		}
		if err != nil && limited.Err() == nil {
			break
		}
	}
	if !ok {
		cancel()
	}
	<-ended //nolint:errcheck // killed, or read above
	if ok && err == nil {
		return p, nil
	}
	none := &jailerr.AddressError{
		Interface: a.NIC.Name, Method: method, After: time.Since(began), Output: tail.Of(out.String(), MaxOutput),
	}
	return p, errors.Join(none, ctx.Err(), err)
}

// dhclient runs dhclient(8) until there is a lease. Its exit status tells
// nothing: without a server it goes into the background and exits 0.
func dhclient(ctx context.Context, k kernel.Kernel, id kernel.Identity, a RequestAddress) (netip.Prefix, error) {
	if p, ok, err := dynamic(ctx, k, id, a.NIC, false); ok || err != nil {
		return p, err // it runs already
	}
	old, err := clients(ctx, k, id)
	if err != nil {
		return netip.Prefix{}, err
	}
	p, err := program(ctx, k, id, a, "dhcp", a.Limit)
	if err == nil {
		return p, nil
	}
	// A leftover dhclient would retry forever and keep 0.0.0.0 assigned.
	clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err = errors.Join(err, endClients(clean, k, id, old))
	left := k.In(id).AddressDelete(clean, a.NIC.Name, netip.IPv4Unspecified())
	return p, errors.Join(err, ignore.Err(left, kernel.ErrNotFound))
}

// clients are the processes of dhclient(8) in a jail.
func clients(ctx context.Context, k kernel.Kernel, id kernel.Identity) (map[int]kernel.Process, error) {
	list, err := k.ProcessList(ctx, id.JID)
	out := map[int]kernel.Process{}
	for _, p := range list {
		if p.Command == "dhclient" {
			out[p.PID] = p
		}
	}
	return out, err
}

func endClients(ctx context.Context, k kernel.Kernel, id kernel.Identity, old map[int]kernel.Process) error {
	list, err := clients(ctx, k, id)
	var wait []kernel.Process
	for pid, p := range list {
		if _, before := old[pid]; before {
			continue
		}
		err = errors.Join(err, ignore.Err(k.ProcessSignal(ctx, p, int(syscall.SIGKILL)), kernel.ErrStale))
		wait = append(wait, p)
	}
	return errors.Join(err, k.ProcessWait(ctx, wait))
}

// rtsolLimit is how long rtsol(8) tries. Without a router it exits 0 as well.
const rtsolLimit = 20 * time.Second
