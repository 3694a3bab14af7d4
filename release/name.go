package release

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ErrName: the text is not a release name, for errors.Is.
var ErrName = errors.New("not a release name")

// NameError tells which text is not a release name and why. errors.Is(err, ErrName).
type NameError struct {
	Text   string
	Reason string
}

// Error quotes the text and gives the reason.
func (e *NameError) Error() string {
	return fmt.Sprintf("%q is %v: %s", e.Text, ErrName, e.Reason)
}

// Is reports whether target is ErrName.
func (e *NameError) Is(target error) bool { return target == ErrName }

// Branch is the part of a release name between the version and the patch
// level, as newvers.sh spells it: "RELEASE", "STABLE", "CURRENT", "RC2".
type Branch string

// Branches of FreeBSD's release process. ALPHA, BETA and RC carry a number.
const (
	BranchCurrent    Branch = "CURRENT"
	BranchPrerelease Branch = "PRERELEASE"
	BranchAlpha      Branch = "ALPHA"
	BranchBeta       Branch = "BETA"
	BranchRC         Branch = "RC"
	BranchRelease    Branch = "RELEASE"
	BranchStable     Branch = "STABLE"
)

// branchOrder is the order in time of branches with the same version number:
// 14.1-PRERELEASE becomes BETA, RC, RELEASE, and stable/14 is named 14.1-STABLE
// only afterwards.
var branchOrder = map[Branch]int{
	BranchCurrent: 1, BranchPrerelease: 2, BranchAlpha: 3, BranchBeta: 4, BranchRC: 5, BranchRelease: 6, BranchStable: 7,
}

// split gives "RC" and 2 for RC2.
func (b Branch) split() (Branch, int) {
	stem := strings.TrimRight(string(b), "0123456789")
	n, err := strconv.Atoi(string(b)[len(stem):])
	if err != nil { // no number
		return b, 0
	}
	return Branch(stem), n
}

// Name is the name of a release: "13.2-RELEASE", pinned to a patch level
// "13.2-RELEASE-p4", or a name of the operator's own ("golden"). As in libioc, a
// name without a patch level floats: it means the newest one there is. Names
// are values and compare with ==. The zero Name is no name.
type Name struct {
	base   string // everything but the patch level
	patch  int
	pinned bool
}

// maxNameLen keeps a name usable as a component of a ZFS dataset's name
// (ZFS_MAX_DATASET_NAME_LEN is 256, its parents included).
const maxNameLen = 128

// ParseName reads a release name. It may have letters, digits and "._-" but
// begins with a letter or digit, so it is one component of a path and of a
// dataset. A final "-p" and digits is the patch level. The error is a
// *[NameError].
func ParseName(s string) (Name, error) {
	bad := func(reason string) (Name, error) { return Name{}, &NameError{Text: s, Reason: reason} }
	switch {
	case s == "":
		return bad("it is empty")
	case len(s) > maxNameLen:
		return bad(fmt.Sprintf("it is longer than %d bytes", maxNameLen))
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && (i == 0 || c != '.' && c != '_' && c != '-') {
			return bad(fmt.Sprintf("character %q at position %d", c, i))
		}
	}
	n := Name{base: s}
	if i := strings.LastIndex(s, "-p"); i >= 0 && digits(s[i+2:]) {
		patch, err := strconv.Atoi(s[i+2:])
		if err != nil || patch > 1<<20 {
			return bad("the patch level is too large")
		}
		if strconv.Itoa(patch) != s[i+2:] {
			return bad("the patch level has leading zeros")
		}
		if i == 0 {
			return bad("nothing before the patch level")
		}
		n = Name{base: s[:i], patch: patch, pinned: true}
		if j := strings.LastIndex(n.base, "-p"); j >= 0 && digits(n.base[j+2:]) {
			return bad("two patch levels")
		}
	}
	return n, nil
}

// MustParseName is ParseName for constants; it panics on an error.
func MustParseName(s string) Name {
	n, err := ParseName(s)
	if err != nil {
		panic(err)
	}
	return n
}

// ParseQualifiedName reads "source/13.2-RELEASE-p4" as libioc does: the source
// (the name of a root dataset) is empty when there is no slash.
func ParseQualifiedName(s string) (source string, n Name, err error) {
	source, rest, found := strings.Cut(s, "/")
	if !found {
		source, rest = "", s
	} else if _, err := ParseName(source); err != nil {
		return "", Name{}, &NameError{Text: s, Reason: "the source is not a name"}
	}
	n, err = ParseName(rest)
	return source, n, err
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// String gives the name as it was parsed.
func (n Name) String() string {
	if n.pinned {
		return n.base + "-p" + strconv.Itoa(n.patch)
	}
	return n.base
}

// IsZero reports whether n is the zero Name.
func (n Name) IsZero() bool { return n.base == "" }

// Base gives the name without patch level: the dataset's and the mirror
// directory's name.
func (n Name) Base() string { return n.base }

// Patch gives the patch level and whether the name is pinned to one.
func (n Name) Patch() (level int, pinned bool) { return n.patch, n.pinned }

// Pinned reports whether the name has a patch level.
func (n Name) Pinned() bool { return n.pinned }

// WithPatch gives the name pinned to a patch level; a negative one gives the
// floating name.
func (n Name) WithPatch(level int) Name {
	if level < 0 {
		return Name{base: n.base}
	}
	return Name{base: n.base, patch: level, pinned: true}
}

// Snapshot gives the name of the snapshot of the release's root that holds a
// patch level, as libioc names it: "p4".
func Snapshot(level int) string { return "p" + strconv.Itoa(level) }

// ParseSnapshot reads a snapshot's name; ok is false for other snapshots.
func ParseSnapshot(s string) (level int, ok bool) {
	if len(s) < 2 || s[0] != 'p' || !digits(s[1:]) {
		return 0, false
	}
	level, err := strconv.Atoi(s[1:])
	return level, err == nil
}

// version is what the base of a name says.
type version struct {
	major, minor int // -1 if absent
	branch       Branch
}

// version splits the base. HardenedBSD's and FreeBSD's names with one number
// ("13-STABLE") have minor -1.
func (n Name) version() version {
	if n.base == string(BranchCurrent) {
		return version{-1, -1, BranchCurrent}
	}
	numbers, branch, _ := strings.Cut(n.base, "-")
	first, second, dotted := strings.Cut(numbers, ".")
	v := version{minor: -1, branch: Branch(branch)}
	var err error
	if v.major, err = strconv.Atoi(first); err == nil && dotted {
		v.minor, err = strconv.Atoi(second)
	}
	if err != nil || branch == "" {
		return version{-1, -1, ""}
	}
	return v
}

// HasVersion reports whether the name begins with a version, so that Major,
// Minor and Branch mean something.
func (n Name) HasVersion() bool { return n.version().major >= 0 }

// Major gives 13 of 13.2-RELEASE, -1 of a name without a version.
func (n Name) Major() int { return n.version().major }

// Minor gives 2 of 13.2-RELEASE, -1 of "13-STABLE" and of a name without a version.
func (n Name) Minor() int { return n.version().minor }

// Branch gives RELEASE of 13.2-RELEASE, "" of a name without a version.
func (n Name) Branch() Branch { return n.version().branch }

// IsRelease reports whether freebsd-update(8) serves this branch at all: it
// has updates for ALPHA, BETA, RC and RELEASE.
func (n Name) IsRelease() bool {
	stem, _ := n.Branch().split()
	switch stem {
	case BranchAlpha, BranchBeta, BranchRC, BranchRelease:
		return true
	}
	return false
}

// Compare orders by version, branch and patch level and returns -1, 0 or 1.
// 13.2 comes before 13.10, BETA before RC, RC before RELEASE, RELEASE before
// STABLE of the same version; a floating name is the newest patch level. The bare
// "CURRENT" comes after all versions, names without a version after that, in
// the order of their text. Names are equal only if their text is.
func (n Name) Compare(m Name) int {
	v, w := n.version(), m.version()
	return cmp.Or(
		cmp.Compare(n.class(), m.class()),
		cmp.Compare(v.major, w.major),
		cmp.Compare(v.minor, w.minor),
		v.branch.compare(w.branch),
		strings.Compare(n.base, m.base),
		cmp.Compare(n.level(), m.level()),
	)
}

// level is the patch level in the order of names.
func (n Name) level() int {
	if n.pinned {
		return n.patch
	}
	return math.MaxInt
}

func (n Name) class() int {
	switch {
	case n.HasVersion():
		return 0
	case n.base == string(BranchCurrent):
		return 1
	}
	return 2
}

func (b Branch) compare(c Branch) int {
	bStem, bNum := b.split()
	cStem, cNum := c.split()
	if branchOrder[bStem]+branchOrder[cStem] == 0 { // neither is known
		return strings.Compare(string(b), string(c))
	}
	return cmp.Or(cmp.Compare(branchOrder[bStem], branchOrder[cStem]), cmp.Compare(bNum, cNum))
}

// MarshalText writes the name as String does.
func (n Name) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText reads what MarshalText wrote; empty text is the zero Name.
func (n *Name) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*n = Name{}
		return nil
	}
	parsed, err := ParseName(string(text))
	if err != nil {
		return err
	}
	*n = parsed
	return nil
}
