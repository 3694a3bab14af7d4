package kernel

import "context"

// Limits is what a jail may use: rctl(2) and the CPUs of cpuset(2).
//
// Rules and filters have the form of rctl(8) with plain
// numbers: "jail:NAME:RESOURCE:ACTION=AMOUNT/PER"; in a filter any part may be
// empty or left out. The subject of a jail is its full name, never its jid.
//
// Every method of rctl(2) fails with ENOSYS and ErrUnsupported when kern.racct.enable is
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

	// CpusetGet returns the numbers of the CPUs that the jail's processes may
	// use, in order, as cpuset(1) -g -j shows them. ErrNotFound for a jail that
	// has ended, ErrStale for a jid that is another jail's now.
	CpusetGet(ctx context.Context, id Identity) ([]int, error)
	// CpusetSet binds the jail and its descendants to these CPUs, at once and
	// for the processes to come, as cpuset(1) -l -j does. EINVAL for a CPU that
	// the jail's parent may not use, EDEADLK for none at all or when a child
	// jail would have none left.
	CpusetSet(ctx context.Context, id Identity, cpus []int) error
}
