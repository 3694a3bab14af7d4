package kerneltest

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
)

var limitCases = []testCase{
	{name: "add, list and remove", need: needRACCT, run: limitRules},
	{name: "refused", need: needRACCT, run: limitRefused},
	{name: "what is in use", need: needRACCT, run: limitUsage},
	{name: "without racct", need: needNoRACCT, run: limitAbsent},
	{name: "CPUs of a jail", run: limitCPUs},
	{name: "CPUs of a jail that ended", run: limitCPUsGone},
}

// rule adds a rule of the suite's jail and removes it at the end of the case.
func (s *suite) rule(text string) {
	s.Helper()
	s.ok(s.Kernel.RctlAddRule(s.ctx, text))
	s.Cleanup(func() {
		err := s.Kernel.RctlRemoveRule(context.Background(), "jail:kerneltest")
		if err != nil && !errors.Is(err, kernel.ErrNotFound) {
			s.Error(err)
		}
	})
}

func (s *suite) rules() []string {
	s.Helper()
	got, err := s.Kernel.RctlGetRules(s.ctx, "jail:kerneltest")
	s.ok(err)
	slices.Sort(got)
	return got
}

func limitRules(s *suite) {
	for _, r := range []string{ // the jail need not be there
		"jail:kerneltest:memoryuse:deny=67108864", "jail:kerneltest:pcpu:deny=20", "jail:kerneltest:maxproc:deny=10/jail",
		"jail:kerneltest:maxproc:log=8/jail", "jail:kerneltest:maxproc:sigterm=9", "jail:kerneltest:readbps:throttle=10485760",
	} {
		s.rule(r)
	}
	want := []string{
		"jail:kerneltest:maxproc:deny=10", "jail:kerneltest:maxproc:log=8", "jail:kerneltest:maxproc:sigterm=9",
		"jail:kerneltest:memoryuse:deny=67108864", "jail:kerneltest:pcpu:deny=20", "jail:kerneltest:readbps:throttle=10485760",
	}
	if got := s.rules(); !slices.Equal(got, want) {
		s.Fatalf("got %q", got)
	}
	s.rule("jail:kerneltest:memoryuse:deny=1073741824")
	got, err := s.Kernel.RctlGetRules(s.ctx, "jail:kerneltest:memoryuse")
	s.ok(err)
	if !slices.Equal(got, []string{"jail:kerneltest:memoryuse:deny=1073741824"}) {
		s.Fatalf("a deny replaces the one before it: %q", got)
	}
	s.ok(s.Kernel.RctlRemoveRule(s.ctx, "jail:kerneltest:maxproc"))
	if got := s.rules(); len(got) != 3 {
		s.Fatalf("left: %q", got)
	}
	s.ok(s.Kernel.RctlRemoveRule(s.ctx, "jail:kerneltest"))
	s.fails(s.Kernel.RctlRemoveRule(s.ctx, "jail:kerneltest"), syscall.ESRCH, kernel.ErrNotFound)
	if got := s.rules(); len(got) != 0 {
		s.Fatalf("left: %q", got)
	}
}

func limitRefused(s *suite) {
	for rule, errno := range map[string]syscall.Errno{
		"jail:kerneltest:nosuch:deny=1":           syscall.EINVAL,
		"jail:kerneltest:memoryuse:nosuch=1":      syscall.EINVAL,
		"jail:kerneltest:memoryuse:deny":          syscall.EINVAL,
		"jail:kerneltest:memoryuse:deny=-5":       syscall.ERANGE,
		"jail:kerneltest:cputime:deny=20":         syscall.EOPNOTSUPP,
		"jail:kerneltest:readbps:deny=10":         syscall.EOPNOTSUPP,
		"jail:kerneltest:memoryuse:throttle=1024": syscall.EOPNOTSUPP,
	} {
		err := s.Kernel.RctlAddRule(s.ctx, rule)
		if !errors.Is(err, errno) {
			s.Errorf("%s: %v, want %v", rule, err, errno)
		}
	}
	if got := s.rules(); len(got) != 0 {
		s.Fatalf("refused and there: %q", got)
	}
}

func limitUsage(s *suite) {
	s.jail("kerneltest")
	s.rule("jail:kerneltest:maxproc:deny=" + strconv.Itoa(50))
	usage, err := s.Kernel.RctlGetRacct(s.ctx, "jail:kerneltest")
	s.ok(err)
	for _, name := range []string{"cputime", "memoryuse", "maxproc", "openfiles", "wallclock", "pcpu", "readbps", "writeiops"} {
		if _, ok := usage[name]; !ok {
			s.Errorf("%s is missing", name)
		}
	}
	equal(s, "maxproc of a jail without processes", usage["maxproc"], 0)
}

func limitAbsent(s *suite) {
	const rule = "jail:kerneltest:maxproc:deny=10"
	refused := s.Kernel.RctlAddRule(s.ctx, rule)
	s.fails(refused, syscall.ENOSYS, kernel.ErrUnsupported)
	equal(s, "remedy", s.f.Remedy(refused), "rctl needs kern.racct.enable=1 in loader.conf(5) and a reboot")
	s.fails(s.Kernel.RctlRemoveRule(s.ctx, rule), syscall.ENOSYS, kernel.ErrUnsupported)
	_, err := s.Kernel.RctlGetRules(s.ctx, "jail")
	s.fails(err, syscall.ENOSYS, kernel.ErrUnsupported)
	_, err = s.Kernel.RctlGetRacct(s.ctx, "jail:kerneltest")
	s.fails(err, syscall.ENOSYS, kernel.ErrUnsupported)
}

func (s *suite) cpus(id kernel.Identity) []int {
	s.Helper()
	got, err := s.Kernel.CpusetGet(s.ctx, id)
	s.ok(err)
	return got
}

func limitCPUs(s *suite) {
	top := s.jail("kerneltest", kernel.Int("children.max", 2))
	all := s.cpus(top)
	n, err := s.Kernel.SysctlInt(s.ctx, "hw.ncpu")
	s.ok(err)
	equal(s, "CPUs of a new jail", len(all), int(n))
	if !slices.IsSorted(all) {
		s.Fatalf("not in order: %v", all)
	}
	one := all[len(all)-1:]
	s.ok(s.Kernel.CpusetSet(s.ctx, top, one))
	if got := s.cpus(top); !slices.Equal(got, one) {
		s.Fatalf("bound to %v, got %v", one, got)
	}
	child := s.jail("kerneltest.child")
	if got := s.cpus(child); !slices.Equal(got, one) {
		s.Fatalf("a child has %v, its parent %v", got, one)
	}
	s.refuses(s.Kernel.CpusetSet(s.ctx, top, nil), syscall.EDEADLK, "")
	s.refuses(s.Kernel.CpusetSet(s.ctx, top, []int{255}), syscall.EINVAL, "")
	s.refuses(s.Kernel.CpusetSet(s.ctx, top, []int{-1}), syscall.EINVAL, "")
	s.refuses(s.Kernel.CpusetSet(s.ctx, top, []int{4096}), syscall.EINVAL, "")
	if len(all) > 1 {
		s.refuses(s.Kernel.CpusetSet(s.ctx, child, all[:1]), syscall.EINVAL, "")
		s.ok(s.Kernel.CpusetSet(s.ctx, child, one))
		s.refuses(s.Kernel.CpusetSet(s.ctx, top, all[:1]), syscall.EDEADLK, "")
	}
	s.ok(s.Kernel.CpusetSet(s.ctx, top, all))
	if got := s.cpus(top); !slices.Equal(got, all) {
		s.Fatalf("bound to %v, got %v", all, got)
	}
}

func limitCPUsGone(s *suite) {
	id := s.jail("kerneltest")
	other := id
	other.Name = "kerneltest2"
	s.fails(s.Kernel.CpusetSet(s.ctx, other, []int{0}), kernel.ErrStale)
	_, err := s.Kernel.CpusetGet(s.ctx, other)
	s.fails(err, kernel.ErrStale)
	s.ok(s.Kernel.JailRemove(s.ctx, id))
	s.fails(s.Kernel.CpusetSet(s.ctx, id, []int{0}), kernel.ErrNotFound, syscall.ESRCH)
	_, err = s.Kernel.CpusetGet(s.ctx, id)
	s.fails(err, kernel.ErrNotFound, syscall.ESRCH)
}
