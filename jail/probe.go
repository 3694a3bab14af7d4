package jail

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/internal/shellwords"
)

// Keys of this library that libioc and iocage do not know. They are user.*
// properties, so that those programs still load the jail.
const (
	// ReadyKey says when a started jail is ready for those that depend on it.
	ReadyKey = "user.ready"
	// HealthKey says what has to be true while the jail runs, see [Jail.Healthy].
	HealthKey = "user.health"
)

// Probe is how to find out whether a jail does its work. Its text form is words
// as sh(1) would split them, without any expansion:
//
//	tcp=5432                     a port of the jail takes connections
//	tcp=192.0.2.5:5432           of one of its addresses
//	exec="/usr/local/bin/pg_isready -q"
//	                             a command in the jail exits with 0; no shell
//	file=/var/run/nginx.pid      that file exists in the jail
//	process=nginx                a process of that name runs in the jail
//	interval=1s timeout=60s failures=3
//
// All checks have to succeed. Times have a unit as in 500ms, 10s, 2m; a number
// alone is seconds.
type Probe struct {
	Checks []Check
	// Interval is the time between two attempts; default 1 s for ready, 10 s for
	// health. The first attempts of ready follow each other faster.
	Interval time.Duration
	// Timeout is how long a ready probe waits altogether, default 60 s, and how
	// long one attempt of a health probe may take, default 5 s.
	Timeout time.Duration
	// Failures is how many attempts of a health probe in a row have to fail before
	// the jail is unhealthy; default 3.
	Failures int
}

// Check is one condition of a Probe.
type Check struct {
	Kind string   // "tcp", "exec", "file" or "process"
	Text string   // what follows the equals sign
	Argv []string // of exec
}

func (c Check) String() string { return c.Kind + "=" + shellwords.Quote(c.Text) }

// String returns the text form, without times.
func (p Probe) String() string {
	words := make([]string, len(p.Checks))
	for i, c := range p.Checks {
		words[i] = c.String()
	}
	return strings.Join(words, " ")
}

// ParseProbe reads the text form. The empty text and none have no checks. Errors
// are *config.PropertyError with an empty Key, wrapping config.ErrInvalidValue.
func ParseProbe(text string) (Probe, error) {
	var p Probe
	refuse := func(format string, args ...any) (Probe, error) {
		return Probe{}, &config.PropertyError{Value: text, Reason: fmt.Sprintf(format, args...), Err: config.ErrInvalidValue}
	}
	if t := strings.TrimSpace(text); t == "" || t == "none" || t == "-" {
		return p, nil
	}
	words, err := shellwords.Split(text)
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
			_, _, err = splitTCP(value)
		case "exec":
			if c.Argv, err = shellwords.Split(value); err != nil || len(c.Argv) == 0 {
				err = errors.New("not a command")
			}
		case "file":
			if !strings.HasPrefix(value, "/") {
				err = errors.New("not absolute")
			}
		case "process":
		case "interval":
			p.Interval, err = config.ParseDuration(value)
		case "timeout":
			p.Timeout, err = config.ParseDuration(value)
		case "failures":
			if p.Failures, err = strconv.Atoi(value); err != nil || p.Failures < 1 || p.Failures > 1000 {
				err = errors.New("not 1 to 1000")
			}
		default:
			return refuse("unknown check %q", key)
		}
		if err != nil {
			return refuse("%s: %v", word, err)
		}
		if key != "interval" && key != "timeout" && key != "failures" {
			p.Checks = append(p.Checks, c)
		}
	}
	if len(p.Checks) == 0 {
		return refuse("nothing to check")
	}
	return p, nil
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
		return "", 0, fmt.Errorf("%q is not a port", number)
	}
	if address == "" && number != s {
		return "", 0, fmt.Errorf("no address before the colon")
	}
	return address, port, nil
}

// ReadyProbe returns the probe of the property user.ready, with defaults for the
// times that it leaves open. A value that is not a probe is an ErrConfig.
func (j *Jail) ReadyProbe() (Probe, error) {
	return j.probe(ReadyKey, Probe{Interval: time.Second, Timeout: time.Minute, Failures: 1})
}

// HealthProbe returns the probe of the property user.health in the same way.
func (j *Jail) HealthProbe() (Probe, error) {
	return j.probe(HealthKey, Probe{Interval: 10 * time.Second, Timeout: 5 * time.Second, Failures: 3})
}

func (j *Jail) probe(key string, defaults Probe) (Probe, error) {
	p, err := ParseProbe(config.NewKey[string](key).Of(j.Effective()))
	if err != nil {
		if wrong, ok := errors.AsType[*config.PropertyError](err); ok {
			wrong.Key = key
		}
		return p, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	p.Interval = cmp.Or(p.Interval, defaults.Interval)
	p.Timeout = cmp.Or(p.Timeout, defaults.Timeout)
	p.Failures = cmp.Or(p.Failures, defaults.Failures)
	return p, nil
}
