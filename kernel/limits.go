package kernel

import "context"

// Limits are the resources that a jail may use: rctl(2) and the CPUs of cpuset(2).
//
// Rules and filters have the form of rctl(8) with plain numbers,
// "jail:NAME:RESOURCE:ACTION=AMOUNT/PER". In a filter any part may be empty or
// missing. The subject of a jail is its full name, never its jid.
//
// Every method of rctl(2) fails with ENOSYS and ErrUnsupported if
// kern.racct.enable is 0, which only loader.conf(5) can change.
type Limits interface {
	// RctlAddRule adds a rule. It fails with EOPNOTSUPP if the resource does not
	// take the action and with ERANGE for a negative amount.
	RctlAddRule(ctx context.Context, rule string) error
	// RctlRemoveRule removes every rule that the filter matches. It fails with
	// ESRCH and ErrNotFound if there are none.
	RctlRemoveRule(ctx context.Context, filter string) error
	// RctlGetRules lists the rules that the filter matches.
	RctlGetRules(ctx context.Context, filter string) ([]string, error)
	// RctlGetRacct returns the current usage of a subject by resource, in the
	// units of rctl(8): bytes, counts, seconds or percent.
	RctlGetRacct(ctx context.Context, filter string) (map[string]uint64, error)

	// CpusetGet returns the numbers of the CPUs that the jail's processes may
	// use, in order, as cpuset(1) -g -j shows them. It fails with ErrNotFound if the
	// jail has ended and with ErrStale if its jid belongs to another jail now.
	CpusetGet(ctx context.Context, id Identity) ([]int, error)
	// CpusetSet binds the jail and its descendants to these CPUs, for existing
	// and future processes, as cpuset(1) -l -j does. It fails with EINVAL for a
	// CPU that the jail's parent may not use, and with EDEADLK if the list is
	// empty or a child jail would have no CPU left.
	CpusetSet(ctx context.Context, id Identity, cpus []int) error
}
