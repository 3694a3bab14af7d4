package devfs

import (
	"slices"
	"strconv"
)

// autoPrefix is the prefix of the names of rulesets that Ensure appends, as in
// libioc.
const autoPrefix = "iocage_auto_"

// Set is the rulesets of all files of a host.
type Set struct {
	system []*File
	user   *File
}

// NewSet joins the system's files, which are never changed, and the user's file,
// to which Ensure appends. As when rc.subr(8) loads the files, the later of two
// rulesets of one number counts.
func NewSet(system []*File, user *File) *Set {
	return &Set{system: slices.Clone(system), user: user}
}

func (s *Set) files() []*File { return append(slices.Clone(s.system), s.user) }

// Rulesets returns all rulesets that take effect, in the order of the files, with
// those that could not be read.
//
// A name in an include is that of the last ruleset before, as rc.subr(8) has it: where
// the name belongs to another ruleset later, the include is returned with its number.
func (s *Set) Rulesets() []Ruleset {
	all, _ := s.read()
	return all
}

// read returns the rulesets that take effect, and the numbers of the names at the
// end of the files.
func (s *Set) read() ([]Ruleset, map[string]uint16) {
	last := map[string]uint16{}
	for _, f := range s.files() {
		for _, rs := range f.rulesets {
			if rs.Name != "" && rs.Number != 0 {
				last[rs.Name] = rs.Number
			}
		}
	}
	now := map[string]uint16{}
	var all []Ruleset
	for _, f := range s.files() {
		for _, rs := range f.rulesets {
			rs = rs.clone()
			if rs.Name != "" && rs.Number != 0 {
				now[rs.Name] = rs.Number
			}
			rs.resolve(now, last)
			all = slices.DeleteFunc(all, func(have Ruleset) bool {
				return have.Number != 0 && have.Number == rs.Number
			})
			all = append(all, rs)
		}
	}
	return all, last
}

// resolve gives includes the meaning that their names have where the ruleset is.
func (rs *Ruleset) resolve(now, last map[string]uint16) {
	for i := range rs.Rules {
		include := &rs.Rules[i].Include
		if include.Name == "" {
			continue
		}
		number, known := now[include.Name]
		switch {
		case !known && rs.Err == nil:
			rs.Err = &NotFoundError{Ruleset: include.Name, From: rs.Name}
		case known && number != last[include.Name]:
			*include = Ref{Number: number}
		}
	}
}

// Lookup returns a ruleset by its number or name, as in a jail's property
// devfs_ruleset; of several the last. It may be one that could not be read, see
// Ruleset.Err. Errors are *NotFoundError.
func (s *Set) Lookup(ruleset string) (Ruleset, error) {
	if n, err := strconv.ParseUint(ruleset, 10, 16); err == nil {
		return s.find(Ref{Number: uint16(n)}, "")
	}
	all, _ := s.read()
	for _, rs := range slices.Backward(all) {
		if rs.Name != "" && rs.Name == ruleset {
			return rs, nil
		}
	}
	return s.find(Ref{Name: ruleset}, "") // its number may be another's by now
}

func (s *Set) find(ref Ref, from string) (Ruleset, error) {
	all, last := s.read()
	number := ref.Number
	if ref.Name != "" {
		number = last[ref.Name]
	}
	missing := &NotFoundError{Ruleset: ref.String(), From: from}
	for _, rs := range all {
		switch {
		case rs.Number != 0 && rs.Number == number:
			return rs, nil
		case rs.Number == 0 && missing.Unread == nil:
			missing.Unread = rs.Err
		}
	}
	return Ruleset{}, missing
}

// FindEqual returns the first ruleset with exactly these rules in this order.
// Includes by name and by number are equal.
func (s *Set) FindEqual(rules []Rule) (Ruleset, bool) {
	want := s.byNumber(rules)
	for _, rs := range s.Rulesets() {
		if rs.Err == nil && slices.Equal(s.byNumber(rs.Rules), want) {
			return rs, true
		}
	}
	return Ruleset{}, false
}

// byNumber replaces names of known rulesets in includes with their numbers.
func (s *Set) byNumber(rules []Rule) []Rule {
	list := slices.Clone(rules)
	for i, rule := range list {
		if rule.Include.Name == "" {
			continue
		}
		if rs, err := s.find(rule.Include, ""); err == nil {
			list[i].Include = Ref{Number: rs.Number}
		}
	}
	return list
}

// EnsureOptions restrict the number of a new ruleset.
type EnsureOptions struct {
	// Minimum is the lowest number to use, such as iocage's
	// min_dyn_devfs_ruleset, 1000. 0 is no limit.
	Minimum uint16
	// InUse are numbers in use in the kernel, from "devfs rule showsets" or its
	// ioctl; a new ruleset gets none of them.
	InUse []uint16
}

// NextNumber returns the number for a new ruleset: one more than the highest of
// all files, at least the minimum, and not in use. If there is none up to 65535,
// it is the lowest unused one. Errors are ErrNumbers.
func (s *Set) NextNumber(opts EnsureOptions) (uint16, error) {
	const last = 1<<16 - 1
	taken := map[int]bool{}
	highest := 0
	for _, f := range s.files() {
		for _, rs := range f.rulesets {
			taken[int(rs.Number)] = true
			highest = max(highest, int(rs.Number))
		}
	}
	for _, n := range opts.InUse {
		taken[int(n)] = true
	}
	lowest := max(int(opts.Minimum), 1)
	for _, first := range []int{max(highest+1, lowest), lowest} {
		for n := first; n <= last; n++ {
			if !taken[n] {
				return uint16(n), nil
			}
		}
	}
	return 0, ErrNumbers
}

// Ensure returns the ruleset with exactly these rules. If no file has one, it
// appends one to the user's file, named iocage_auto_<number>, and created is
// true: the file must then be saved and the ruleset loaded. Errors are ErrNumbers
// and *SyntaxError, also for an empty list of rules.
func (s *Set) Ensure(rules []Rule, opts EnsureOptions) (rs Ruleset, created bool, err error) {
	if len(rules) == 0 {
		return Ruleset{}, false, &SyntaxError{Reason: "a ruleset without rules shows every device"}
	}
	if rs, ok := s.FindEqual(rules); ok {
		return rs, false, nil
	}
	for {
		number, err := s.NextNumber(opts)
		if err != nil {
			return Ruleset{}, false, err
		}
		name := autoPrefix + strconv.Itoa(int(number))
		if _, err := s.find(Ref{Name: name}, ""); err == nil {
			opts.InUse = append(slices.Clone(opts.InUse), number) // its name is in use
			continue
		}
		if err := s.user.Append(Ruleset{Name: name, Number: number, Rules: rules}); err != nil {
			return Ruleset{}, false, err
		}
		rs, err := s.find(Ref{Number: number}, "")
		return rs, err == nil, err
	}
}

// User returns the user's file, to be saved after Ensure.
func (s *Set) User() *File { return s.user }
