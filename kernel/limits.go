package kernel

import "context"

// Limits is rctl(2). Rules and filters have the form of rctl(8) with plain
// numbers: "jail:NAME:RESOURCE:ACTION=AMOUNT/PER"; in a filter any part may be
// empty or left out. The subject of a jail is its full name, never its jid.
//
// Every method fails with ENOSYS and ErrUnsupported when kern.racct.enable is
// 0, which only loader.conf(5) can change.
type Limits interface {
	// RctlAddRule adds a rule. EOPNOTSUPP when the resource does not take the
	// action; ERANGE for a negative amount.
	RctlAddRule(ctx context.Context, rule string) error
	// RctlRemoveRule removes every rule that the filter matches; ESRCH and
	// ErrNotFound when there is none.
	RctlRemoveRule(ctx context.Context, filter string) error
	// RctlGetRules lists the rules that the filter matches.
	RctlGetRules(ctx context.Context, filter string) ([]string, error)
	// RctlGetRacct returns what a subject uses now, by resource: bytes, counts,
	// seconds or percent as rctl(8) lists them.
	RctlGetRacct(ctx context.Context, filter string) (map[string]uint64, error)
}
