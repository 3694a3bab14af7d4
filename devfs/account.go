package devfs

import (
	"strconv"
	"strings"
)

// AccountID returns the number of a user or group, given the bytes of passwd(5) or
// group(5), as devfs(8) finds the user and group of a rule. A name of digits is its
// own number. It reports false for a name that the file does not have.
func AccountID(file []byte, name string) (uint32, bool) {
	if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		return uint32(n), true
	}
	for line := range strings.SplitSeq(string(file), "\n") {
		fields := strings.Split(line, ":")
		if len(fields) < 3 || fields[0] != name || name == "" || name[0] == '#' {
			continue
		}
		if n, err := strconv.ParseUint(fields[2], 10, 32); err == nil {
			return uint32(n), true
		}
	}
	return 0, false
}
