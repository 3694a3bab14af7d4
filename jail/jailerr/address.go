package jailerr

import (
	"fmt"
	"strings"
	"time"
)

// AddressError is a jail that got no address within the time it has.
type AddressError struct {
	Interface string // in the jail
	Method    string // dhcp or slaac
	After     time.Duration
	Output    string // the end of what the program wrote
}

func (e *AddressError) Error() string {
	text := fmt.Sprintf("no address for %s by %s within %s", e.Interface, e.Method, e.After.Round(time.Millisecond))
	if out := strings.TrimSpace(e.Output); out != "" {
		text += ": " + out
	}
	return text
}

// Timeout returns true, as with net.Error.
func (e *AddressError) Timeout() bool { return true }
