package sysadm

import "fmt"

// Dialect is a published version of the class.
type Dialect uint8

// The dialects, newest first.
const (
	Dialect2017   Dialect = iota // June 2017, the last one; the default
	Dialect2016                  // August 2016 and February 2017
	Dialect201601                // January 2016: listjails only
)

var dialectNames = [...]string{"2017", "2016", "2016-01"}

// String returns "2017", "2016" or "2016-01", as in the argument "api".
func (d Dialect) String() string { return dialectNames[d] }

// ParseDialect is the inverse of [Dialect.String].
func ParseDialect(s string) (Dialect, error) {
	for d, name := range dialectNames {
		if s == name {
			return Dialect(d), nil
		}
	}
	return 0, fmt.Errorf("sysadm: unknown dialect %q (want 2017, 2016 or 2016-01)", s)
}
