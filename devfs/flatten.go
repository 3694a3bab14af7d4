package devfs

import (
	"cmp"
	"slices"
	"strings"
)

// Flatten returns the rules of a ruleset to load into the kernel: in the order in
// which it would apply them, with includes replaced by the rules they include, at
// any depth, and with Number 0. An empty list must not be used for a jail, as an
// empty ruleset shows it every device.
//
// Errors are rs.Err, *NotFoundError, *SyntaxError for a ruleset with a line that could
// not be read or two rules of the same number, and *IncludeError for a cycle, or
// for an include under a path condition of rules that have one themselves.
func (s *Set) Flatten(rs Ruleset) ([]Rule, error) { return s.flatten(rs, nil) }

func (s *Set) flatten(rs Ruleset, outer []Ruleset) ([]Rule, error) {
	chain := append(outer[:len(outer):len(outer)], rs)
	if slices.ContainsFunc(outer, func(have Ruleset) bool { return have.Position == rs.Position && have.Name == rs.Name }) {
		return nil, &IncludeError{Chain: names(chain), Reason: "includes itself"}
	}
	if rs.Err != nil {
		return nil, rs.Err
	}
	ordered, err := rs.kernelOrder()
	if err != nil {
		return nil, err
	}
	var flat []Rule
	for _, rule := range ordered {
		include := rule.Include
		rule.Include, rule.Number = Ref{}, 0
		if rule.acts() {
			flat = append(flat, rule) // the kernel acts first, then includes
		}
		if include == (Ref{}) {
			continue
		}
		next, err := s.find(include, rs.Name)
		if err != nil {
			return nil, err
		}
		included, err := s.flatten(next, chain)
		if err != nil {
			return nil, err
		}
		for _, in := range included {
			in, ok := in.under(rule)
			if !ok {
				return nil, &IncludeError{Chain: names(append(chain, next)), Reason: "two conditions on the path or type of one device"}
			}
			flat = append(flat, in)
		}
	}
	return flat, nil
}

func names(chain []Ruleset) (list []string) {
	for _, rs := range chain {
		list = append(list, rs.Name)
	}
	return list
}

// kernelOrder numbers all rules and sorts them as devfs(4) does: a rule without a
// number gets the highest so far plus 100.
func (rs Ruleset) kernelOrder() ([]Rule, error) {
	rules := slices.Clone(rs.Rules)
	refuse := func(rule Rule, reason string) error {
		return &SyntaxError{File: rs.Position.File, Line: rs.Position.Line, Text: rule.String(), Reason: reason}
	}
	highest := 0
	used := map[uint16]bool{}
	for i := range rules {
		rule := &rules[i]
		if rule.Number == 0 {
			if highest+100 > 1<<16-1 {
				return nil, refuse(*rule, "rule number beyond 65535")
			}
			rule.Number = uint16(highest + 100)
		}
		if used[rule.Number] {
			return nil, refuse(*rule, "rule number used twice")
		}
		used[rule.Number] = true
		highest = max(highest, int(rule.Number))
	}
	slices.SortStableFunc(rules, func(a, b Rule) int { return cmp.Compare(a.Number, b.Number) })
	return rules, nil
}

// acts reports whether the rule does something besides including.
func (r Rule) acts() bool {
	return r.Visibility != Keep || r.User != "" || r.Group != "" || r.HasMode
}

// under adds the conditions of the rule that includes r.
func (r Rule) under(outer Rule) (_ Rule, ok bool) {
	paths := r.Path == "" || outer.Path == "" || r.Path == outer.Path
	types := r.Types == 0 || outer.Types == 0 || r.Types == outer.Types
	r.Path, r.Types = cmp.Or(r.Path, outer.Path), cmp.Or(r.Types, outer.Types)
	return r, paths && types
}

// Extend returns the rules of a base ruleset followed by more rules, each of
// them once.
func Extend(base []Rule, more ...[]Rule) []Rule {
	rules := slices.Clone(base)
	for _, list := range more {
		for _, rule := range list {
			if !slices.Contains(rules, rule) {
				rules = append(rules, rule)
			}
		}
	}
	return rules
}

// ForDHCP returns the rule that dhclient(8) needs: it shows /dev/bpf and its link
// /dev/bpf0, which "path bpf" would not match.
func ForDHCP() []Rule { return unhide("bpf*") }

// ForVMM returns the rules that bhyve(8) needs: they show virtual machines and
// their null modem consoles.
func ForVMM() []Rule { return unhide("vmm", "vmm/*", "nmdm*") }

// ForZFS returns the rules that show the volumes of the datasets of a jail: below
// /dev/zvol every directory down to each dataset, and its contents. A name that is
// not valid for a dataset is a *SyntaxError.
func ForZFS(datasets ...string) ([]Rule, error) {
	paths := []string{"zvol"}
	for _, dataset := range datasets {
		if !datasetName(dataset) || len("zvol/"+dataset+"/*") > MaxPath {
			return nil, &SyntaxError{Text: dataset, Reason: "not a dataset name valid in a rule"}
		}
		path := "zvol"
		for part := range strings.SplitSeq(dataset, "/") {
			path += "/" + part
			paths = append(paths, path)
		}
		paths = append(paths, path+"/*")
	}
	return Extend(nil, unhide(paths...)), nil
}

// ForSharedMemory returns the rule that shows /dev/shm, the directory that FreeBSD's
// Linux modules make for a tmpfs(5).
func ForSharedMemory() []Rule { return unhide("shm") }

// ForZFSControl returns the rule that shows /dev/zfs, which zfs(8) needs.
func ForZFSControl() []Rule { return unhide("zfs") }

func unhide(paths ...string) []Rule {
	rules := make([]Rule, len(paths))
	for i, path := range paths {
		rules[i] = Rule{Path: path, Visibility: Unhide}
	}
	return rules
}

// datasetName reports whether zfs(8) accepts a name; such a name is never a
// pattern of fnmatch(3).
func datasetName(s string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.: "
	for part := range strings.SplitSeq(s, "/") {
		if part == "" || part == "." || part == ".." || strings.Trim(part, letters) != "" {
			return false
		}
	}
	return true
}
