package devfs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/libioc/go-libioc/internal/shellwords"
)

// Visibility is the effect of a rule on a device node.
type Visibility uint8

const (
	// Keep does not change the node.
	Keep Visibility = iota
	// Hide hides the node.
	Hide
	// Unhide shows the node.
	Unhide
)

// Type is a set of device types, with the bits of DEVFS dswflags.
type Type uint32

// The device types of devfs(8).
const (
	Tape Type = 1 << iota
	Disk
	TTY
	Mem
)

var typeNames = []string{"tape", "disk", "tty", "mem"}

// MaxPath is the length of the longest path pattern that the kernel accepts, in
// bytes (DEVFS_MAXPTRNLEN without the NUL).
const MaxPath = 199

// Ref names a ruleset by name or, with an empty name, by number.
type Ref struct {
	Name   string
	Number uint16
}

// String returns the name or number as text.
func (r Ref) String() string {
	if r.Name != "" {
		return r.Name
	}
	return strconv.Itoa(int(r.Number))
}

// Rule is one rule: conditions on a device, and actions. Without conditions it
// applies to every device. Rules are comparable.
type Rule struct {
	// Number orders the rules of a ruleset. 0 means the highest so far plus 100.
	Number uint16
	// Types is a condition: the device is of one of these types. 0 is no condition.
	Types Type
	// Path is a condition: the node's path below /dev matches this fnmatch(3)
	// pattern, in which * does not match a slash. Empty is no condition.
	Path string
	// Visibility, User, Group, Mode and Include are actions. User and Group are
	// names or numbers, empty for none.
	Visibility  Visibility
	User, Group string
	// Mode is set if HasMode; it may be 0.
	Mode    uint16
	HasMode bool
	// Include runs the rules of another ruleset. The zero Ref is none.
	Include Ref
}

// ParseRule reads a rule of devfs.rules(5): "add path 'bpf*' unhide". It
// understands a rule number, quotes of sh(1), a comment after the rule, and
// includes as "$name", "${name}" and number. The error is *SyntaxError.
func ParseRule(text string) (Rule, error) {
	r, reason := parseRule(text)
	if reason != "" {
		return Rule{}, &SyntaxError{Text: text, Reason: reason}
	}
	return r, nil
}

func parseRule(text string) (r Rule, reason string) {
	words, err := shellwords.SplitLine(text)
	if err != nil {
		return r, "unterminated quote"
	}
	if len(words) == 0 || words[0] != "add" {
		return r, `does not begin with "add"`
	}
	words = words[1:]
	if len(words) > 0 && words[0] != "" && strings.Trim(words[0], "0123456789") == "" {
		n, err := strconv.ParseUint(words[0], 10, 16)
		if err != nil {
			return r, "rule number beyond 65535"
		}
		r.Number = uint16(n)
		words = words[1:]
	}
	if len(words) == 0 {
		return r, "empty rule"
	}
	for len(words) > 0 {
		key := words[0]
		words = words[1:]
		if key == "hide" || key == "unhide" {
			if r.Visibility != Keep {
				return r, "more than one of hide and unhide"
			}
			r.Visibility = map[string]Visibility{"hide": Hide, "unhide": Unhide}[key]
			continue
		}
		if len(words) == 0 {
			return r, fmt.Sprintf("%q without a value", key)
		}
		if reason := r.set(key, words[0]); reason != "" {
			return r, reason
		}
		words = words[1:]
	}
	return r, ""
}

// set sets one keyword to its value, or returns why it cannot.
func (r *Rule) set(key, value string) (reason string) {
	twice, empty := false, value == "" || strings.ContainsAny(value, "\n\x00")
	switch key {
	case "path":
		if empty || len(value) > MaxPath {
			return "bad path pattern"
		}
		twice, r.Path = r.Path != "", value
	case "type":
		i := slices.Index(typeNames, value)
		if i < 0 {
			return "unknown device type"
		}
		r.Types |= 1 << i
	case "user", "group":
		if empty {
			return "bad " + key
		}
		name := map[string]*string{"user": &r.User, "group": &r.Group}[key]
		twice, *name = *name != "", value
	case "mode":
		n, err := strconv.ParseUint(value, 8, 16)
		if err != nil || n > 0o7777 {
			return "bad mode"
		}
		twice, r.Mode, r.HasMode = r.HasMode, uint16(n), true
	case "include":
		ref, ok := parseRef(value)
		if !ok {
			return "bad ruleset to include"
		}
		twice, r.Include = r.Include != Ref{}, ref
	default:
		return fmt.Sprintf("unknown keyword %q", key)
	}
	if twice {
		return fmt.Sprintf("more than one %q", key)
	}
	return ""
}

func parseRef(s string) (Ref, bool) {
	if name, ok := strings.CutPrefix(s, "$"); ok {
		if inner, ok := strings.CutPrefix(name, "{"); ok {
			if name, ok = strings.CutSuffix(inner, "}"); !ok {
				return Ref{}, false
			}
		}
		return Ref{Name: name}, validName(name)
	}
	n, err := strconv.ParseUint(s, 10, 16)
	return Ref{Number: uint16(n)}, err == nil && n > 0
}

// String returns the rule in its canonical form, which ParseRule reads back:
// conditions, then actions in the order of "devfs rule show".
func (r Rule) String() string {
	words := []string{"add"}
	put := func(s ...string) { words = append(words, s...) }
	if r.Number != 0 {
		put(strconv.Itoa(int(r.Number)))
	}
	for i, name := range typeNames {
		if r.Types&(1<<i) != 0 {
			put("type", name)
		}
	}
	if r.Path != "" {
		put("path", shellwords.Quote(r.Path))
	}
	switch r.Visibility {
	case Hide:
		put("hide")
	case Unhide:
		put("unhide")
	}
	if r.User != "" {
		put("user", shellwords.Quote(r.User))
	}
	if r.Group != "" {
		put("group", shellwords.Quote(r.Group))
	}
	if r.HasMode {
		put("mode", fmt.Sprintf("%04o", r.Mode))
	}
	switch {
	case r.Include.Name != "":
		put("include", "$"+r.Include.Name)
	case r.Include.Number != 0:
		put("include", r.Include.String())
	}
	return strings.Join(words, " ")
}
