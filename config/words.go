package config

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// isNone reports whether text is one of libioc's none words: none, -, empty.
func isNone(text string) bool {
	return text == "" || text == "-" || len(text) == 4 && strings.EqualFold(text, "none")
}

// ParseBool reads the words for truth values in libioc, iocage and legacy: yes,
// true, on, 1 and no, false, off, 0, in any case.
func ParseBool(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "yes", "true", "on", "1":
		return true, nil
	case "no", "false", "off", "0":
		return false, nil
	}
	return false, invalid("expected yes, no, on, off, true, false, 1 or 0")
}

// parseInt reads an integer. libioc writes 1 and 0 of some numbers (priority,
// exec_timeout) as yes and no, so these are accepted.
func parseInt(text string, lo, hi int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil {
		if b, err := ParseBool(text); err == nil {
			text = boolText(formDigit, b, JSON)
		}
		n, err = strconv.Atoi(text)
	}
	if err != nil {
		// Python writes integral floats; libioc reads them.
		whole, zeros, found := strings.Cut(text, ".")
		if !found || strings.Trim(zeros, "0") != "" {
			return 0, invalid("expected an integer")
		}
		if n, err = strconv.Atoi(whole); err != nil {
			return 0, invalid("expected an integer")
		}
	}
	if n < lo || n > hi {
		return 0, invalid("expected an integer from %d to %d", lo, hi)
	}
	return n, nil
}

// splitList splits at commas, with \, as escape, and drops empty items and the
// blanks around items.
func splitList(text string) []string {
	if isNone(text) {
		return nil
	}
	var items []string
	var item strings.Builder
	flush := func() {
		if s := strings.TrimSpace(item.String()); s != "" {
			items = append(items, s)
		}
		item.Reset()
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && text[i+1] == ',':
			item.WriteByte(',')
			i++
		case c == ',':
			flush()
		default:
			item.WriteByte(c)
		}
	}
	flush()
	return items
}

func joinList(items []string) string {
	if len(items) == 0 {
		return "none"
	}
	if len(items) == 1 && isNone(items[0]) {
		return items[0] + "," // alone it would be an empty list
	}
	escaped := make([]string, len(items))
	for i, s := range items {
		escaped[i] = strings.ReplaceAll(s, ",", `\,`)
	}
	return strings.Join(escaped, ",")
}

// Jailsys is the kernel's tri-state of a subsystem, with its numbers
// (JAIL_SYS_DISABLE, JAIL_SYS_NEW, JAIL_SYS_INHERIT of sys/jail.h).
type Jailsys int

// The three states.
const (
	JailsysDisable Jailsys = 0
	JailsysNew     Jailsys = 1
	JailsysInherit Jailsys = 2
)

var jailsysWords = []string{JailsysDisable: "disable", JailsysNew: "new", JailsysInherit: "inherit"}

// String returns the state's word in jail(8).
func (j Jailsys) String() string {
	if j < 0 || int(j) >= len(jailsysWords) {
		return strconv.Itoa(int(j))
	}
	return jailsysWords[j]
}

// ParseJailsys reads disable, new or inherit. Early iocage wrote none for disable
// in ip4 and ip6, and its own migration reads it that way.
func ParseJailsys(text string) (Jailsys, error) {
	i := slices.Index(jailsysWords, strings.ToLower(text))
	if i < 0 && !strings.EqualFold(text, "none") {
		return 0, invalid("expected disable, new or inherit")
	}
	return Jailsys(max(i, 0)), nil
}

// A Ruleset is a devfs(8) ruleset, by number or by name in devfs.rules(5).
type Ruleset struct {
	Number int    // valid when Name is empty
	Name   string // without brackets
}

// String returns the number or the name.
func (r Ruleset) String() string {
	if r.Name != "" {
		return r.Name
	}
	return strconv.Itoa(r.Number)
}

var rulesetName = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)

// parseRuleset reads a number from 0 to 65535 or a ruleset's name.
func parseRuleset(text string) (Ruleset, error) {
	if n, err := strconv.ParseUint(text, 10, 16); err == nil {
		return Ruleset{Number: int(n)}, nil
	} else if n, err := parseInt(text, 0, 1); err == nil {
		return Ruleset{Number: n}, nil
	}
	if !rulesetName.MatchString(text) {
		return Ruleset{}, invalid("expected a number from 0 to 65535 or a ruleset's name")
	}
	return Ruleset{Name: text}, nil
}

// joined returns the items of a list, or none for an empty one.
func joined[T interface{ String() string }](list []T, separator string) string {
	if len(list) == 0 {
		return "none"
	}
	items := make([]string, len(list))
	for i, item := range list {
		items[i] = item.String()
	}
	return strings.Join(items, separator)
}
