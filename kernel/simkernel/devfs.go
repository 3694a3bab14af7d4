package simkernel

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
)

// devfs is the rule subsystem of devfs(5).
type devfs struct {
	k    *machine
	sets map[uint16][]kernel.DevfsRule
}

func devfsKey(n uint16) string { return "ruleset/" + strconv.Itoa(int(n)) }

// init loads the rulesets of /etc/defaults/devfs.rules.
func (d *devfs) init(k *machine) {
	*d = devfs{k: k, sets: map[uint16][]kernel.DevfsRule{}}
	if k.opts.NoRulesets {
		return
	}
	unhide := func(paths ...string) (rules []kernel.DevfsRule) {
		for _, p := range paths {
			rules = append(rules, kernel.DevfsRule{Path: p, Unhide: true})
		}
		return rules
	}
	include := func(sets ...uint16) (rules []kernel.DevfsRule) {
		for _, n := range sets {
			rules = append(rules, kernel.DevfsRule{Include: n})
		}
		return rules
	}
	for n, rules := range map[uint16][]kernel.DevfsRule{
		1: {{Hide: true}},
		2: unhide("null", "zero", "crypto", "random", "urandom"),
		3: unhide("ptyp*", "ptyq*", "ptyr*", "ptys*", "ptyP*", "ptyQ*", "ptyR*", "ptyS*", "ptyl*", "ptym*",
			"ptyn*", "ptyo*", "ptyL*", "ptyM*", "ptyN*", "ptyO*", "ttyp*", "ttyq*", "ttyr*", "ttys*", "ttyP*",
			"ttyQ*", "ttyR*", "ttyS*", "ttyl*", "ttym*", "ttyn*", "ttyo*", "ttyL*", "ttyM*", "ttyN*", "ttyO*",
			"ptmx", "pts", "pts/*", "fd", "fd/*", "stdin", "stdout", "stderr"),
		4: append(include(1, 2, 3), unhide("fuse", "zfs")...),
		5: append(include(1, 2, 3, 4), unhide("pf")...),
	} {
		for i := range rules {
			rules[i].Number = uint16(100 * (i + 1))
		}
		d.set(n, rules)
	}
}

func (d *devfs) set(n uint16, rules []kernel.DevfsRule) {
	if len(rules) == 0 {
		delete(d.sets, n)
		d.k.dirty.drop(devfsKey(n))
		return
	}
	d.sets[n] = rules
	d.k.dirty.put(devfsKey(n), rules)
}

func (d *devfs) load(key string, value []byte) error {
	n, err := strconv.ParseUint(strings.TrimPrefix(key, "ruleset/"), 10, 16)
	if err != nil {
		return err
	}
	var rules []kernel.DevfsRule
	if err := json.Unmarshal(value, &rules); err != nil {
		return err
	}
	d.sets[uint16(n)] = rules
	return nil
}

func rulesetSubject(n uint16) string { return "ruleset " + strconv.Itoa(int(n)) }

func devfsError(n uint16, e syscall.Errno, msg string) error {
	return &kernel.CallError{Op: "devfs", Subject: rulesetSubject(n), Errno: e, Msg: msg}
}

// DevfsRulesets implements [kernel.Rulesets].
func (v *view) DevfsRulesets(ctx context.Context) ([]uint16, error) {
	var out []uint16
	err := v.do(ctx, OpDevfsRulesets, "", "", func() error {
		for n := range v.s.devfs.sets {
			out = append(out, n)
		}
		slices.Sort(out)
		return nil
	})
	return out, err
}

// DevfsRules implements [kernel.Rulesets].
func (v *view) DevfsRules(ctx context.Context, ruleset uint16) ([]kernel.DevfsRule, error) {
	var out []kernel.DevfsRule
	err := v.do(ctx, OpDevfsRules, rulesetSubject(ruleset), strconv.Itoa(int(ruleset)), func() error {
		out = slices.Clone(v.s.devfs.sets[ruleset])
		return nil
	})
	return out, err
}

// DevfsAddRule implements [kernel.Rulesets].
func (v *view) DevfsAddRule(ctx context.Context, ruleset uint16, rule kernel.DevfsRule) error {
	return v.do(ctx, OpDevfsAdd, rulesetSubject(ruleset), fmt.Sprintf("%d %+v", ruleset, rule), func() error {
		d := &v.s.devfs
		rules := slices.Clone(d.sets[ruleset])
		switch {
		case v.jailed():
			return devfsError(ruleset, syscall.EPERM, "")
		case ruleset == 0:
			return devfsError(0, syscall.EIO, "this devfs has no ruleset")
		case len(rule.Path) > 199:
			return devfsError(ruleset, syscall.ENAMETOOLONG, "the pattern is longer than 199 bytes")
		case rule.Hide && rule.Unhide:
			return devfsError(ruleset, syscall.EINVAL, "hide and unhide in one rule")
		case rule.Include != 0 && len(d.sets[rule.Include]) == 0:
			return &kernel.CallError{Op: "devfs", Subject: "ruleset " + strconv.Itoa(int(rule.Include)), Errno: syscall.ESRCH, Msg: "the included ruleset is missing", Err: kernel.ErrNotFound}
		}
		if rule.Number == 0 {
			last := 0
			if len(rules) > 0 {
				last = int(rules[len(rules)-1].Number)
			}
			if last+100 > 65535 {
				return devfsError(ruleset, syscall.ERANGE, "no rule number left")
			}
			rule.Number = uint16(last + 100)
		}
		i, taken := slices.BinarySearchFunc(rules, rule.Number, func(r kernel.DevfsRule, n uint16) int { return int(r.Number) - int(n) })
		if taken {
			return &kernel.CallError{Op: "devfs", Subject: fmt.Sprintf("ruleset %d rule %d", ruleset, rule.Number), Errno: syscall.EEXIST, Err: kernel.ErrExists}
		}
		d.set(ruleset, slices.Insert(rules, i, rule))
		return nil
	})
}

// DevfsDeleteRules implements [kernel.Rulesets].
func (v *view) DevfsDeleteRules(ctx context.Context, ruleset uint16) error {
	return v.do(ctx, OpDevfsDelete, rulesetSubject(ruleset), strconv.Itoa(int(ruleset)), func() error {
		if v.jailed() {
			return devfsError(ruleset, syscall.EPERM, "")
		}
		if len(v.s.devfs.sets[ruleset]) > 0 {
			v.s.devfs.set(ruleset, nil)
		}
		return nil
	})
}

// DevfsApply implements [kernel.Rulesets].
func (v *view) DevfsApply(ctx context.Context, path string, ruleset uint16) error {
	return v.do(ctx, OpDevfsApply, path, fmt.Sprintf("%s %d", path, ruleset), func() error {
		at, _, e := v.namei(path)
		switch {
		case e != 0:
			return pathError("devfs", path, e)
		case at.m.Type != "devfs" || at.rel != "/":
			return &kernel.CallError{Op: "devfs", Subject: path, Errno: syscall.ENOTTY, Msg: "no devfs is mounted there"}
		case v.jailed():
			return &kernel.CallError{Op: "devfs", Subject: path, Errno: syscall.EPERM}
		}
		v.s.applyRuleset(at.m, ruleset)
		v.s.dirty.put(at.m.key(), at.m)
		return nil
	})
}
