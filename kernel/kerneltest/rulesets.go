package kerneltest

import (
	"context"
	"slices"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
)

// The rulesets that the suite makes and deletes.
const rulesetA, rulesetB = 60001, 60002

var rulesetCases = []testCase{
	{name: "add and list", run: rulesetAdd},
	{name: "refused", run: rulesetRefused},
	{name: "delete", run: rulesetDelete},
}

// ruleset makes a ruleset and deletes it at the end of the case.
func (s *suite) ruleset(n uint16, rules ...kernel.DevfsRule) {
	s.Helper()
	s.Cleanup(func() {
		if err := s.Kernel.DevfsDeleteRules(context.Background(), n); err != nil {
			s.Error(err)
		}
	})
	for _, r := range rules {
		s.ok(s.Kernel.DevfsAddRule(s.ctx, n, r))
	}
}

func rulesetAdd(s *suite) {
	uid, mode := uint32(1), uint16(0o640)
	want := []kernel.DevfsRule{
		{Number: 100, Hide: true},
		{Number: 150, Path: "pts/*", Unhide: true, UID: &uid, Mode: &mode},
		{Number: 200, Types: kernel.DevDisk, Hide: true},
		{Number: 300, Path: "bpf*", Unhide: true},
	}
	s.ruleset(rulesetA, kernel.DevfsRule{Hide: true}, kernel.DevfsRule{Types: kernel.DevDisk, Hide: true}, want[3], want[1])
	got, err := s.Kernel.DevfsRules(s.ctx, rulesetA)
	s.ok(err)
	equal(s, "number of rules", len(got), len(want))
	for i, w := range want {
		g := got[i]
		if g.Number != w.Number || g.Path != w.Path || g.Types != w.Types || g.Hide != w.Hide || g.Unhide != w.Unhide ||
			(g.UID == nil) != (w.UID == nil) || (g.Mode == nil) != (w.Mode == nil) || g.GID != nil || g.Include != 0 {
			s.Errorf("rule %d is %+v, want %+v", i, g, w)
		}
	}
	if got[1].UID != nil && *got[1].UID != uid || got[1].Mode != nil && *got[1].Mode != mode {
		s.Errorf("owner or mode of %+v", got[1])
	}
	s.ruleset(rulesetB, kernel.DevfsRule{Include: rulesetA})
	sets, err := s.Kernel.DevfsRulesets(s.ctx)
	s.ok(err)
	for _, n := range []uint16{rulesetA, rulesetB} {
		if !slices.Contains(sets, n) {
			s.Errorf("ruleset %d is not listed in %v", n, sets)
		}
	}
}

func rulesetRefused(s *suite) {
	s.ruleset(rulesetA, kernel.DevfsRule{Number: 10, Hide: true})
	err := s.Kernel.DevfsAddRule(s.ctx, rulesetA, kernel.DevfsRule{Number: 10, Hide: true})
	s.fails(err, syscall.EEXIST)
	err = s.Kernel.DevfsAddRule(s.ctx, rulesetA, kernel.DevfsRule{Include: rulesetB})
	s.fails(err, syscall.ESRCH)
	dir := s.mkdir("dir")
	if s.Kernel.DevfsApply(s.ctx, dir, rulesetA) == nil {
		s.Error("applied to what is not devfs")
	}
}

func rulesetDelete(s *suite) {
	s.ruleset(rulesetA, kernel.DevfsRule{Hide: true}, kernel.DevfsRule{Path: "null", Unhide: true})
	s.ok(s.Kernel.DevfsDeleteRules(s.ctx, rulesetA))
	rules, err := s.Kernel.DevfsRules(s.ctx, rulesetA)
	s.ok(err)
	equal(s, "rules left", len(rules), 0)
	sets, err := s.Kernel.DevfsRulesets(s.ctx)
	s.ok(err)
	if slices.Contains(sets, rulesetA) {
		s.Errorf("the ruleset is still there: %v", sets)
	}
	s.ok(s.Kernel.DevfsDeleteRules(s.ctx, rulesetA)) // deleting none is no error
}
