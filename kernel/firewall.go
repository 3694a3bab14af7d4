package kernel

import (
	"context"
	"net/netip"
)

// IpfwRule is one rule of ipfw(8).
type IpfwRule struct {
	Number int // 1 to 65534; several rules may share one
	// Body is what follows the number: "allow ip from any to any layer2 out".
	// The kernel may print it in other words than it was given.
	Body string
	// Comment says whose rule it is; it may be empty.
	Comment string
}

// PfStatus is the state of pf(4) on the host.
type PfStatus struct {
	Enabled bool
	// Anchors are the lines of the main ruleset that evaluate anchors, as the
	// kernel prints them: `nat-anchor "ioc/*" all`, `anchor "ioc/*" all`.
	Anchors []string
}

// Firewalls are the host's packet filters. Their rules go through ipfw(8) and
// pfctl(8), because the form that the kernel takes differs between releases. Each
// call runs one or two processes.
//
// No method loads a module or enables a filter; that is up to the administrator.
// Without the module every method fails with ErrUnsupported.
type Firewalls interface {
	// IpfwRules lists the rules of one set, 0 to 31, as the kernel prints them.
	IpfwRules(ctx context.Context, set int) ([]IpfwRule, error)
	// IpfwAdd adds rules to a set with one process, each after those with the
	// same number. A rule that ipfw(8) does not understand is EINVAL; the rules
	// before it have been added then.
	IpfwAdd(ctx context.Context, set int, rules ...IpfwRule) error
	// IpfwDelete deletes all rules with the number in the set; ErrNotFound if
	// there are none.
	IpfwDelete(ctx context.Context, set int, number int) error

	// PfStatus reports whether pf is on and which anchors its ruleset has.
	PfStatus(ctx context.Context) (PfStatus, error)
	// PfAnchors lists the anchors directly below parent that have rules, as
	// "parent/name".
	PfAnchors(ctx context.Context, parent string) ([]string, error)
	// PfRules lists the translation and filter rules of an anchor, as the kernel
	// prints them. An anchor that does not exist has none.
	PfRules(ctx context.Context, anchor string) ([]string, error)
	// PfLoad replaces the rules of an anchor by a text in the form of pf.conf(5),
	// or changes nothing: EINVAL for a text that pfctl(8) refuses, ENAMETOOLONG
	// for an anchor of more than 63 bytes.
	PfLoad(ctx context.Context, anchor, rules string) error
	// PfFlush removes all rules of an anchor. It is not an error if the anchor has none.
	PfFlush(ctx context.Context, anchor string) error
	// PfKillStates ends the connections that pf forwards to or from an address,
	// both halves of each, and returns the number of states removed.
	PfKillStates(ctx context.Context, addr netip.Addr) (int, error)
}
