package kernel

import (
	"context"
	"net/netip"
)

// IpfwRule is one rule of ipfw(8).
type IpfwRule struct {
	Number int // 1 to 65534; several rules may share one
	// Body is what follows the number: "allow ip from any to any layer2 out".
	// The kernel prints some words in another way than they were given.
	Body string
	// Comment tells whose rule it is; empty is none.
	Comment string
}

// PfStatus is the state of pf(4) on the host.
type PfStatus struct {
	Enabled bool
	// Anchors are the lines of the main ruleset that evaluate anchors, in the
	// kernel's own words: `nat-anchor "ioc/*" all`, `anchor "ioc/*" all`.
	Anchors []string
}

// Firewalls are the host's packet filters, by ipfw(8) and pfctl(8): their
// rules are compiled by those programs, and the form the kernel takes differs
// from release to release. Each call runs one or two processes.
//
// Nothing here loads a module or switches a filter on: that is the
// administrator's to do. Without the module every method fails with
// ErrUnsupported.
type Firewalls interface {
	// IpfwRules lists the rules of one set, 0 to 31, in the kernel's words.
	IpfwRules(ctx context.Context, set int) ([]IpfwRule, error)
	// IpfwAdd adds rules to a set in one go, each behind those that have its
	// number. A rule that ipfw(8) does not understand is EINVAL; those before it
	// are there then.
	IpfwAdd(ctx context.Context, set int, rules ...IpfwRule) error
	// IpfwDelete deletes all rules of the number in the set; ErrNotFound when
	// there is none.
	IpfwDelete(ctx context.Context, set int, number int) error

	// PfStatus tells whether pf is on and which anchors its ruleset has.
	PfStatus(ctx context.Context) (PfStatus, error)
	// PfAnchors lists the anchors right below one that have rules, as
	// "parent/name".
	PfAnchors(ctx context.Context, parent string) ([]string, error)
	// PfRules lists translation and filter rules of an anchor, in the kernel's
	// words; none for an anchor that is not there.
	PfRules(ctx context.Context, anchor string) ([]string, error)
	// PfLoad replaces the rules of an anchor by this text of pf.conf(5), all or
	// nothing: EINVAL for text that pfctl(8) refuses. Anchors have at most 63
	// bytes, ENAMETOOLONG.
	PfLoad(ctx context.Context, anchor, rules string) error
	// PfFlush empties an anchor; one that is not there is no error.
	PfFlush(ctx context.Context, anchor string) error
	// PfKillStates ends the connections that pf forwards to or from an address,
	// both halves of each, and returns how many states there were.
	PfKillStates(ctx context.Context, addr netip.Addr) (int, error)
}
