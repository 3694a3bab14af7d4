package jail

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/libioc/go-libioc/config"
)

// Keys of this library that libioc and iocage do not know. They are user.*
// properties, so that those programs still load the jail.
const (
	// ReadyKey says when a started jail is ready for those that depend on it.
	ReadyKey = "user.ready"
	// HealthKey says what has to be true while the jail runs, for [Supervise].
	HealthKey = "user.health"
	// RestartKey says when [Supervise] starts a jail again.
	RestartKey = "user.restart"
)

// Probe tells whether a jail does what it is there for. Its text form is words
// as sh(1) would split them, without any expansion:
//
//	tcp=5432                     a port of the jail takes connections
//	tcp=192.0.2.5:5432           of one of its addresses
//	exec="/usr/local/bin/pg_isready -q"
//	                             a command in the jail exits with 0; no shell
//	file=/var/run/nginx.pid      there is a file of that path in the jail
//	process=nginx                a process of that name runs in the jail
//	interval=1s timeout=60s failures=3
//
// All checks have to succeed. Times have a unit as in 500ms, 10s, 2m; a number
// alone is seconds.
type Probe struct {
	Checks []Check
	// Interval is the time between two attempts; default 1 s for ready, 10 s for
	// health. The first attempts of ready come quicker.
	Interval time.Duration
	// Timeout of ready is how long is waited altogether, default 60 s. Of health
	// it is how long one attempt may take, default 5 s.
	Timeout time.Duration
	// Failures is how many attempts of health in a row have to fail; default 3.
	Failures int
}

// Check is one thing that a Probe looks at.
type Check struct {
	Kind string   // "tcp", "exec", "file" or "process"
	Text string   // what stood behind the equals sign
	Argv []string // of exec
}

func (c Check) String() string { return c.Kind + "=" + quoteWord(c.Text) }

// String is the text form, without times.
func (p Probe) String() string {
	words := make([]string, len(p.Checks))
	for i, c := range p.Checks {
		words[i] = c.String()
	}
	return strings.Join(words, " ")
}

// maxProbeTime bounds the times of a probe.
const maxProbeTime = 24 * time.Hour

// ParseProbe reads the text form. The empty text and none are no checks. Errors
// are *config.PropertyError with an empty Key, wrapping config.ErrInvalidValue.
func ParseProbe(text string) (Probe, error) {
	var p Probe
	refuse := func(format string, args ...any) (Probe, error) {
		return Probe{}, &config.PropertyError{Value: text, Reason: fmt.Sprintf(format, args...), Err: config.ErrInvalidValue}
	}
	if t := strings.TrimSpace(text); t == "" || t == "none" || t == "-" {
		return p, nil
	}
	words, err := splitWords(text)
	if err != nil {
		return refuse("%v", err)
	}
	for _, word := range words {
		key, value, ok := strings.Cut(word, "=")
		if !ok || value == "" {
			return refuse("%q is not KEY=VALUE", word)
		}
		c := Check{Kind: key, Text: value}
		switch key {
		case "tcp":
			if _, _, err := splitTCP(value); err != nil {
				return refuse("tcp=%s: %v", value, err)
			}
		case "exec":
			if c.Argv, err = splitWords(value); err != nil || len(c.Argv) == 0 {
				return refuse("exec=%s is no command", value)
			}
		case "file":
			if !strings.HasPrefix(value, "/") {
				return refuse("file=%s is not absolute", value)
			}
		case "process":
		case "interval", "timeout":
			d, err := parseSeconds(value)
			if err != nil {
				return refuse("%s=%s: %v", key, value, err)
			}
			if key == "interval" {
				p.Interval = d
			} else {
				p.Timeout = d
			}
			continue
		case "failures":
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 || n > 1000 {
				return refuse("failures=%s is not 1 to 1000", value)
			}
			p.Failures = n
			continue
		default:
			return refuse("unknown check %q", key)
		}
		p.Checks = append(p.Checks, c)
	}
	if len(p.Checks) == 0 {
		return refuse("nothing to check")
	}
	return p, nil
}

// parseSeconds reads "90", "1.5s", "2m".
func parseSeconds(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if n, numErr := strconv.Atoi(s); numErr == nil {
		if n > int(maxProbeTime/time.Second) {
			return 0, fmt.Errorf("more than %v", maxProbeTime)
		}
		d, err = time.Duration(n)*time.Second, nil
	}
	switch {
	case err != nil:
		return 0, fmt.Errorf("no time such as 10s")
	case d < time.Millisecond || d > maxProbeTime:
		return 0, fmt.Errorf("not between 1ms and %v", maxProbeTime)
	}
	return d, nil
}

// splitTCP reads "5432", "192.0.2.5:5432" or "[2001:db8::5]:5432".
func splitTCP(s string) (address string, port int, err error) {
	number := s
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		address, number = s[:i], s[i+1:]
		if strings.HasPrefix(address, "[") && strings.HasSuffix(address, "]") {
			address = address[1 : len(address)-1]
		}
	}
	port, err = strconv.Atoi(number)
	if err != nil || port < 1 || port > 65535 {
		return "", 0, fmt.Errorf("%q is no port", number)
	}
	if address == "" && number != s {
		return "", 0, fmt.Errorf("no address before the colon")
	}
	return address, port, nil
}

// probe is the property's probe with a default for what it leaves open.
func (j *Jail) probe(key string, standard Probe) (Probe, error) {
	p, err := ParseProbe(j.effective().String(key))
	if err != nil {
		if wrong, ok := errors.AsType[*config.PropertyError](err); ok {
			wrong.Key = key
		}
		return p, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if p.Interval == 0 {
		p.Interval = standard.Interval
	}
	if p.Timeout == 0 {
		p.Timeout = standard.Timeout
	}
	if p.Failures == 0 {
		p.Failures = standard.Failures
	}
	return p, nil
}
