package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/libioc/go-libioc/internal/shellwords"
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
	Checks []ProbeCheck
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

// ProbeCheck is one condition of a Probe.
type ProbeCheck struct {
	Kind string   // "tcp", "exec", "file" or "process"
	Text string   // what follows the equals sign
	Argv []string // of exec
}

func (c ProbeCheck) String() string { return c.Kind + "=" + shellwords.Quote(c.Text) }

// String returns the text form, without times.
func (p Probe) String() string {
	words := make([]string, len(p.Checks))
	for i, c := range p.Checks {
		words[i] = c.String()
	}
	return strings.Join(words, " ")
}

// ParseProbe reads the text form. The empty text and none have no checks. Errors
// are *PropertyError with an empty Key, wrapping ErrInvalidValue.
func ParseProbe(text string) (Probe, error) {
	var p Probe
	refuse := func(format string, args ...any) (Probe, error) {
		return Probe{}, &PropertyError{Value: text, Reason: fmt.Sprintf(format, args...), Err: ErrInvalidValue}
	}
	if isNone(strings.TrimSpace(text)) {
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
		c := ProbeCheck{Kind: key, Text: value}
		switch key {
		case "tcp":
			_, _, err = c.TCP()
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
			p.Interval, err = ParseDuration(value)
		case "timeout":
			p.Timeout, err = ParseDuration(value)
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

// TCP reads the text of a tcp check: "5432", "192.0.2.5:5432" or "[2001:db8::5]:5432". The
// address is empty if there is none. An error says what is not a port or an address.
func (c ProbeCheck) TCP() (address string, port int, err error) {
	s := c.Text
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
