package kernel

import (
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"sort"
	"strconv"
	"strings"
	"syscall"
)

// simFirewall is ipfw and pf of the host: rules as text, which filter nothing.
type simFirewall struct {
	k       *simKernel
	ipfw    map[int][]IpfwRule  // by set, in order
	anchors map[string][]string // lines by anchor
}

func (f *simFirewall) init(k *simKernel) {
	*f = simFirewall{k: k, ipfw: map[int][]IpfwRule{}, anchors: map[string][]string{}}
}

const (
	ipfwKey   = "ipfw/"
	anchorKey = "anchor/"
)

func (f *simFirewall) keys() (keys []string) {
	for set := range f.ipfw {
		keys = append(keys, ipfwKey+strconv.Itoa(set))
	}
	for name := range f.anchors {
		keys = append(keys, anchorKey+name)
	}
	return keys
}

func (f *simFirewall) loadIpfw(key string, value []byte) error {
	set, err := strconv.Atoi(strings.TrimPrefix(key, ipfwKey))
	if err != nil {
		return err
	}
	var rules []IpfwRule
	err = json.Unmarshal(value, &rules)
	f.ipfw[set] = rules
	return err
}

func (f *simFirewall) loadAnchor(key string, value []byte) error {
	var lines []string
	err := json.Unmarshal(value, &lines)
	f.anchors[strings.TrimPrefix(key, anchorKey)] = lines
	return err
}

func (v *simView) ipfwCall(ctx context.Context, op, args string, set int, rules []IpfwRule, fn func(f *simFirewall) error) error {
	return v.do(ctx, "ipfw_"+op, args, func() error {
		switch {
		case !v.s.hasModule("ipfw"):
			return &CallError{Op: "ipfw", Subject: args, Errno: syscall.ENOPROTOOPT, Msg: ipfwRemedy, Err: ErrUnsupported}
		case v.jailed():
			return &CallError{Op: "ipfw", Subject: args, Errno: syscall.EPERM}
		}
		if err := checkIpfw(set, rules); err != nil {
			return err
		}
		return fn(&v.s.firewall)
	})
}

// IpfwRules implements [Firewalls].
func (v *simView) IpfwRules(ctx context.Context, set int) ([]IpfwRule, error) {
	var out []IpfwRule
	err := v.ipfwCall(ctx, "list", "", set, nil, func(f *simFirewall) error {
		out = slices.Clone(f.ipfw[set])
		return nil
	})
	return out, err
}

// IpfwAdd implements [Firewalls]. A rule begins with an action that ipfw(8)
// knows; the rest is not looked at.
func (v *simView) IpfwAdd(ctx context.Context, set int, rules ...IpfwRule) error {
	return v.ipfwCall(ctx, "add", ipfwText(set, rules), set, rules, func(f *simFirewall) error {
		if set == 31 && len(rules) > 0 {
			return &CallError{Op: "ipfw", Subject: "31", Errno: syscall.EINVAL, Msg: "set 31 is the kernel's"}
		}
		for _, r := range rules {
			switch word, _, _ := strings.Cut(r.Body, " "); word {
			case "allow", "deny", "count", "pass", "skipto", "reset":
			default:
				return &CallError{Op: "ipfw", Subject: r.Body, Errno: syscall.EINVAL, Msg: "invalid action " + word}
			}
			f.ipfw[set] = append(f.ipfw[set], r)
			sort.SliceStable(f.ipfw[set], func(i, j int) bool { return f.ipfw[set][i].Number < f.ipfw[set][j].Number })
			v.s.dirty.put(ipfwKey+strconv.Itoa(set), f.ipfw[set])
		}
		return nil
	})
}

// IpfwDelete implements [Firewalls].
func (v *simView) IpfwDelete(ctx context.Context, set int, number int) error {
	return v.ipfwCall(ctx, "delete", strconv.Itoa(number), set, []IpfwRule{{Number: number, Body: "count"}}, func(f *simFirewall) error {
		left := slices.DeleteFunc(slices.Clone(f.ipfw[set]), func(r IpfwRule) bool { return r.Number == number })
		if len(left) == len(f.ipfw[set]) {
			return &CallError{Op: "ipfw", Subject: strconv.Itoa(number), Errno: syscall.ENOENT, Msg: "no such rule", Err: ErrNotFound}
		}
		f.ipfw[set] = left
		v.s.dirty.put(ipfwKey+strconv.Itoa(set), left)
		if len(left) == 0 {
			delete(f.ipfw, set)
			v.s.dirty.drop(ipfwKey + strconv.Itoa(set))
		}
		return nil
	})
}

func (v *simView) pfCall(ctx context.Context, args, anchor string, fn func(f *simFirewall) error) error {
	return v.do(ctx, "pfctl_"+args, anchor, func() error {
		switch {
		case !v.s.hasModule("pf"):
			return &CallError{Op: "pfctl", Subject: anchor, Errno: syscall.ENOENT, Msg: pfRemedy, Err: ErrUnsupported}
		case v.jailed():
			return &CallError{Op: "pfctl", Subject: anchor, Errno: syscall.EPERM}
		}
		if err := checkAnchor(anchor); err != nil {
			return err
		}
		return fn(&v.s.firewall)
	})
}

// PfStatus implements [Firewalls].
func (v *simView) PfStatus(ctx context.Context) (PfStatus, error) {
	var s PfStatus
	err := v.pfCall(ctx, "status", "main", func(*simFirewall) error {
		s = PfStatus{Enabled: !v.s.opts.PfDisabled, Anchors: slices.Clone(v.s.opts.PfAnchors)}
		return nil
	})
	return s, err
}

// PfAnchors implements [Firewalls].
func (v *simView) PfAnchors(ctx context.Context, parent string) ([]string, error) {
	var out []string
	err := v.pfCall(ctx, "anchors", parent, func(f *simFirewall) error {
		for name := range f.anchors {
			if rest, ok := strings.CutPrefix(name, parent+"/"); ok && !strings.Contains(rest, "/") {
				out = append(out, name)
			}
		}
		sort.Strings(out)
		return nil
	})
	return out, err
}

// PfRules implements [Firewalls].
func (v *simView) PfRules(ctx context.Context, anchor string) ([]string, error) {
	var out []string
	err := v.pfCall(ctx, "rules", anchor, func(f *simFirewall) error {
		out = slices.Clone(f.anchors[anchor])
		return nil
	})
	return out, err
}

// PfLoad implements [Firewalls]. As in pf.conf(5), translation comes before
// filtering; the rest of a line is not looked at.
func (v *simView) PfLoad(ctx context.Context, anchor, rules string) error {
	return v.pfCall(ctx, "load", anchor, func(f *simFirewall) error {
		lines := textLines(rules)
		filter := false
		for i, line := range lines {
			word, _, _ := strings.Cut(line, " ")
			switch word {
			case "nat", "rdr", "binat", "no":
				if !filter {
					continue
				}
			case "pass", "block":
				filter = true
				continue
			}
			return &CallError{Op: "pfctl", Subject: anchor, Errno: syscall.EINVAL, Msg: "stdin:" + strconv.Itoa(i+1) + ": syntax error"}
		}
		if len(lines) == 0 {
			return f.flush(anchor)
		}
		f.anchors[anchor] = lines
		v.s.dirty.put(anchorKey+anchor, lines)
		return nil
	})
}

func (f *simFirewall) flush(anchor string) error {
	if _, ok := f.anchors[anchor]; ok {
		delete(f.anchors, anchor)
		f.k.dirty.drop(anchorKey + anchor)
	}
	return nil
}

// PfFlush implements [Firewalls].
func (v *simView) PfFlush(ctx context.Context, anchor string) error {
	return v.pfCall(ctx, "flush", anchor, func(f *simFirewall) error { return f.flush(anchor) })
}

// PfKillStates implements [Firewalls]; no packet flows here, so there are no
// states.
func (v *simView) PfKillStates(ctx context.Context, addr netip.Addr) (int, error) {
	return 0, v.pfCall(ctx, "kill", "main", func(*simFirewall) error { return nil })
}
