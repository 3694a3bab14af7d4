package tooltext

import (
	"strconv"
	"strings"
)

// ParseRctlRules splits what rctl_get_rules(2) returns: rules with commas
// between and after them.
func ParseRctlRules(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' })
}

// ParseRctlUsage reads what rctl_get_racct(2) returns, "cputime=12,pcpu=0,...".
// An amount that does not fit, or a part without one, is not text of the kernel
// and is left out.
func ParseRctlUsage(text string) map[string]uint64 {
	usage := map[string]uint64{}
	for part := range strings.SplitSeq(text, ",") {
		name, amount, ok := strings.Cut(part, "=")
		if !ok || name == "" {
			continue
		}
		if n, err := strconv.ParseUint(amount, 10, 64); err == nil {
			usage[name] = n
		} else if _, err := strconv.ParseInt(amount, 10, 64); err == nil {
			// The kernel prints a signed number; a counter that ran below zero
			// means nothing is used.
			usage[name] = 0
		}
	}
	return usage
}
