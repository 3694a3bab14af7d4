package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// RestartPolicy says when the supervisor of package fleet starts a jail again. Its text
// form is one word and settings:
//
//	failure backoff=1s max=5m tries=10
//
// never, the default, leaves the jail alone. failure stops and starts it when its
// health probe fails, its last process has ended or it has ended otherwise than by
// Stop, see [jail.Jail.Ended], whether the supervisor saw that or not. always also
// starts it when it does not run any more, whoever stopped it since the supervisor
// began, unless Supervisor.Hold was called.
type RestartPolicy struct {
	When RestartWhen
	// Backoff is the pause before the first try; each further try doubles it, up
	// to Max. Defaults: 1 s and 5 minutes.
	Backoff, Max time.Duration
	// Tries is the number of restarts after which the jail is given up. They are
	// counted from zero again when the jail has been well for Max, its configuration
	// was changed, or it was held and released. Default 10.
	Tries int
}

// RestartWhen is the first word of a RestartPolicy.
type RestartWhen string

// When a jail is started again.
const (
	RestartNever   RestartWhen = "never"
	RestartFailure RestartWhen = "failure"
	RestartAlways  RestartWhen = "always"
)

// ParseRestartPolicy reads the text form; the empty text and none mean never.
// Errors are *PropertyError wrapping ErrInvalidValue.
func ParseRestartPolicy(text string) (RestartPolicy, error) {
	p := RestartPolicy{When: RestartNever, Backoff: time.Second, Max: 5 * time.Minute, Tries: 10}
	words := strings.Fields(text)
	if len(words) == 0 || len(words) == 1 && (words[0] == "none" || words[0] == "-") {
		return p, nil
	}
	refuse := func(format string, args ...any) (RestartPolicy, error) {
		return RestartPolicy{}, &PropertyError{Value: text, Reason: fmt.Sprintf(format, args...), Err: ErrInvalidValue}
	}
	switch p.When = RestartWhen(words[0]); p.When {
	case RestartNever, RestartFailure, RestartAlways:
	default:
		return refuse("%q is not never, failure or always", words[0])
	}
	for _, word := range words[1:] {
		key, value, _ := strings.Cut(word, "=")
		var err error
		switch key {
		case "backoff":
			p.Backoff, err = ParseDuration(value)
		case "max":
			p.Max, err = ParseDuration(value)
		case "tries":
			if p.Tries, err = strconv.Atoi(value); err == nil && (p.Tries < 1 || p.Tries > 1_000_000) {
				err = fmt.Errorf("not 1 to 1000000")
			}
		default:
			return refuse("unknown setting %q", key)
		}
		if err != nil {
			return refuse("%s: %v", word, err)
		}
	}
	p.Max = max(p.Max, p.Backoff)
	return p, nil
}

// Delay returns the pause before a try, counted from zero.
func (p RestartPolicy) Delay(try int) time.Duration {
	d := p.Backoff
	for range try {
		if d >= p.Max/2 {
			return p.Max
		}
		d *= 2
	}
	return min(d, p.Max)
}

// Restarts reports whether the jail is started again when it has ended by itself.
func (p RestartPolicy) Restarts() bool { return p.When == RestartFailure || p.When == RestartAlways }
