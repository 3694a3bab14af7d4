package simkernel

import (
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"sort"
	"strconv"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/precheck"
	"github.com/libioc/go-libioc/kernel/internal/tooltext"
	"github.com/libioc/go-libioc/kernel/internal/words"
)

// firewall is ipfw and pf of the host: rules as text, which filter nothing.
type firewall struct {
	k       *machine
	ipfw    map[int][]kernel.IpfwRule // by set, in order
	anchors map[string][]string       // lines by anchor
}

func (f *firewall) init(k *machine) {
	*f = firewall{k: k, ipfw: map[int][]kernel.IpfwRule{}, anchors: map[string][]string{}}
}

const (
	ipfwKey   = "ipfw/"
	anchorKey = "anchor/"
)

func (f *firewall) keys() (keys []string) {
	for set := range f.ipfw {
		keys = append(keys, ipfwKey+strconv.Itoa(set))
	}
	for name := range f.anchors {
		keys = append(keys, anchorKey+name)
	}
	return keys
}

func (f *firewall) loadIpfw(key string, value []byte) error {
	set, err := strconv.Atoi(strings.TrimPrefix(key, ipfwKey))
	if err != nil {
		return err
	}
	var rules []kernel.IpfwRule
	err = json.Unmarshal(value, &rules)
	f.ipfw[set] = rules
	return err
}

func (f *firewall) loadAnchor(key string, value []byte) error {
	var lines []string
	err := json.Unmarshal(value, &lines)
	f.anchors[strings.TrimPrefix(key, anchorKey)] = lines
	return err
}

func (v *view) ipfwCall(ctx context.Context, op, args string, set int, rules []kernel.IpfwRule, fn func(f *firewall) error) error {
	return v.do(ctx, op, args, args, func() error {
		switch {
		case !v.s.hasModule("ipfw"):
			return &kernel.CallError{Op: "ipfw", Subject: args, Errno: syscall.ENOPROTOOPT, Msg: words.IpfwRemedy, Err: kernel.ErrUnsupported}
		case v.jailed():
			return &kernel.CallError{Op: "ipfw", Subject: args, Errno: syscall.EPERM}
		}
		if err := precheck.Ipfw(set, rules); err != nil {
			return err
		}
		return fn(&v.s.firewall)
	})
}

// IpfwRules implements [kernel.Firewalls].
func (v *view) IpfwRules(ctx context.Context, set int) ([]kernel.IpfwRule, error) {
	var out []kernel.IpfwRule
	err := v.ipfwCall(ctx, OpIpfwList, "", set, nil, func(f *firewall) error {
		out = slices.Clone(f.ipfw[set])
		return nil
	})
	return out, err
}

// IpfwAdd implements [kernel.Firewalls]. A rule begins with an action that ipfw(8)
// knows; the rest is not checked.
func (v *view) IpfwAdd(ctx context.Context, set int, rules ...kernel.IpfwRule) error {
	return v.ipfwCall(ctx, OpIpfwAdd, tooltext.IpfwText(set, rules), set, rules, func(f *firewall) error {
		if set == 31 && len(rules) > 0 {
			return &kernel.CallError{Op: "ipfw", Subject: "31", Errno: syscall.EINVAL, Msg: "set 31 is the kernel's"}
		}
		for _, r := range rules {
			switch word, _, _ := strings.Cut(r.Body, " "); word {
			case "allow", "deny", "count", "pass", "skipto", "reset":
			default:
				return &kernel.CallError{Op: "ipfw", Subject: r.Body, Errno: syscall.EINVAL, Msg: "invalid action " + word}
			}
			f.ipfw[set] = append(f.ipfw[set], r)
			sort.SliceStable(f.ipfw[set], func(i, j int) bool { return f.ipfw[set][i].Number < f.ipfw[set][j].Number })
			v.s.dirty.put(ipfwKey+strconv.Itoa(set), f.ipfw[set])
		}
		return nil
	})
}

// IpfwDelete implements [kernel.Firewalls].
func (v *view) IpfwDelete(ctx context.Context, set int, number int) error {
	return v.ipfwCall(ctx, OpIpfwDelete, strconv.Itoa(number), set, []kernel.IpfwRule{{Number: number, Body: "count"}}, func(f *firewall) error {
		left := slices.DeleteFunc(slices.Clone(f.ipfw[set]), func(r kernel.IpfwRule) bool { return r.Number == number })
		if len(left) == len(f.ipfw[set]) {
			return &kernel.CallError{Op: "ipfw", Subject: strconv.Itoa(number), Errno: syscall.ENOENT, Msg: "no such rule", Err: kernel.ErrNotFound}
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

func (v *view) pfCall(ctx context.Context, op, anchor string, fn func(f *firewall) error) error {
	return v.do(ctx, op, anchor, anchor, func() error {
		switch {
		case !v.s.hasModule("pf"):
			return &kernel.CallError{Op: "pfctl", Subject: anchor, Errno: syscall.ENOENT, Msg: words.PfRemedy, Err: kernel.ErrUnsupported}
		case v.jailed():
			return &kernel.CallError{Op: "pfctl", Subject: anchor, Errno: syscall.EPERM}
		}
		if err := precheck.Anchor(anchor); err != nil {
			return err
		}
		return fn(&v.s.firewall)
	})
}

// PfStatus implements [kernel.Firewalls].
func (v *view) PfStatus(ctx context.Context) (kernel.PfStatus, error) {
	var s kernel.PfStatus
	err := v.pfCall(ctx, OpPfStatus, "main", func(*firewall) error {
		s = kernel.PfStatus{Enabled: !v.s.opts.PfDisabled, Anchors: slices.Clone(v.s.opts.PfAnchors)}
		return nil
	})
	return s, err
}

// PfAnchors implements [kernel.Firewalls].
func (v *view) PfAnchors(ctx context.Context, parent string) ([]string, error) {
	var out []string
	err := v.pfCall(ctx, OpPfAnchors, parent, func(f *firewall) error {
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

// PfRules implements [kernel.Firewalls].
func (v *view) PfRules(ctx context.Context, anchor string) ([]string, error) {
	var out []string
	err := v.pfCall(ctx, OpPfRules, anchor, func(f *firewall) error {
		out = slices.Clone(f.anchors[anchor])
		return nil
	})
	return out, err
}

// PfLoad implements [kernel.Firewalls]. As in pf.conf(5), translation comes before
// filtering; the rest of a line is not checked.
func (v *view) PfLoad(ctx context.Context, anchor, rules string) error {
	return v.pfCall(ctx, OpPfLoad, anchor, func(f *firewall) error {
		lines := tooltext.TextLines(rules)
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
			return &kernel.CallError{Op: "pfctl", Subject: anchor, Errno: syscall.EINVAL, Msg: "stdin:" + strconv.Itoa(i+1) + ": syntax error"}
		}
		if len(lines) == 0 {
			return f.flush(anchor)
		}
		f.anchors[anchor] = lines
		v.s.dirty.put(anchorKey+anchor, lines)
		return nil
	})
}

func (f *firewall) flush(anchor string) error {
	if _, ok := f.anchors[anchor]; ok {
		delete(f.anchors, anchor)
		f.k.dirty.drop(anchorKey + anchor)
	}
	return nil
}

// PfFlush implements [kernel.Firewalls].
func (v *view) PfFlush(ctx context.Context, anchor string) error {
	return v.pfCall(ctx, OpPfFlush, anchor, func(f *firewall) error { return f.flush(anchor) })
}

// PfKillStates implements [kernel.Firewalls]; no packet flows here, so there are no
// states.
func (v *view) PfKillStates(ctx context.Context, addr netip.Addr) (int, error) {
	return 0, v.pfCall(ctx, OpPfKill, addr.String(), func(*firewall) error { return nil })
}
