package simkernel

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/abi"
	"github.com/libioc/go-libioc/kernel/internal/refusal"
)

// Cpus are the CPUs that a jail may use: its own choice, else its parent's.
func (pr *prison) cpus(k *machine) []int {
	for p := pr; p != nil; p = p.parent {
		if p.CPUs != nil {
			return p.CPUs
		}
	}
	text, _ := k.view(k.jails.host, nil).sysctlText("hw.ncpu")
	n, err := strconv.Atoi(text)
	if err != nil {
		n = 1
	}
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// cpusetJail finds the jail with the errors of cpuset(2).
func (v *view) cpusetJail(op string, id kernel.Identity) (*prison, error) {
	named := id
	named.Name = v.fullName(id.Name)
	pr, err := v.s.jails.check(op, named)
	switch {
	case pr == nil && err == nil, pr != nil && (!pr.alive() || !pr.below(v.me)):
		return nil, refusal.Cpuset(op, id.String(), syscall.ESRCH)
	case v.s.jails.byJID[id.JID] == nil:
		return nil, refusal.Cpuset(op, id.String(), syscall.ESRCH)
	}
	return pr, err
}

// CpusetGet implements [kernel.Limits].
func (v *view) CpusetGet(ctx context.Context, id kernel.Identity) ([]int, error) {
	var out []int
	err := v.do(ctx, OpCpusetGet, id.String(), id.String(), func() error {
		pr, err := v.cpusetJail(OpCpusetGet, id)
		if err == nil {
			out = slices.Clone(pr.cpus(v.s))
		}
		return err
	})
	return out, err
}

// CpusetSet implements [kernel.Limits].
func (v *view) CpusetSet(ctx context.Context, id kernel.Identity, cpus []int) error {
	const op = OpCpusetSet
	return v.do(ctx, op, id.String(), fmt.Sprint(id, " ", cpus), func() error {
		if _, errno := abi.NewCPUMask(cpus); errno != 0 {
			return refusal.Cpuset(op, id.String(), errno)
		}
		pr, err := v.cpusetJail(op, id)
		if err != nil {
			return err
		}
		want := sortedCPUs(cpus)
		if len(want) == 0 {
			return refusal.Cpuset(op, id.String(), syscall.EDEADLK)
		}
		allowed := pr.parent.cpus(v.s)
		for _, n := range want {
			if !slices.Contains(allowed, n) {
				return refusal.Cpuset(op, id.String(), syscall.EINVAL)
			}
		}
		// A descendant keeps what it shares with the new set, cpuset(2).
		rest := func(p *prison) []int {
			return slices.DeleteFunc(slices.Clone(p.CPUs), func(n int) bool { return !slices.Contains(want, n) })
		}
		stuck := false
		pr.walk(func(p *prison) bool {
			stuck = stuck || p.CPUs != nil && len(rest(p)) == 0
			return true
		})
		if stuck {
			return refusal.Cpuset(op, id.String(), syscall.EDEADLK)
		}
		pr.walk(func(p *prison) bool {
			if p.CPUs != nil {
				p.CPUs = rest(p)
				v.s.dirty.put(p.key(), p)
			}
			return true
		})
		pr.CPUs = want
		v.s.dirty.put(pr.key(), pr)
		return nil
	})
}

// sortedCPUs is the list in order, each number once.
func sortedCPUs(cpus []int) []int {
	list := slices.Clone(cpus)
	slices.Sort(list)
	return slices.Compact(list)
}
