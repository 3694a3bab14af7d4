package words

import "strings"

// StripNo takes "no" off the last component: allow.mount.nozfs, nopersist.
func StripNo(name string) (string, bool) {
	i := strings.LastIndexByte(name, '.') + 1
	if !strings.HasPrefix(name[i:], "no") || len(name) == i+2 {
		return name, false
	}
	return name[:i] + name[i+2:], true
}

// Negate puts "no" before the last component of a dotted name.
func Negate(name string) string {
	i := strings.LastIndexByte(name, '.') + 1
	return name[:i] + "no" + name[i:]
}
