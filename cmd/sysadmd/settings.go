package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/libioc/go-libioc/sysadm"
)

// settings are the settings of the configuration file, which has key = value lines.
type settings struct {
	listen      []listener
	metrics     string
	users       string
	certificate string
	key         string
	state       string // directory of the daemon's own files
	exec        bool
	extended    bool
	origins     []string
	proxies     []netip.Prefix
	mirror      string
	allowHTTP   bool   // of the mirror
	level       string // of the log
	grace       time.Duration
	limits      sysadm.Limits
}

// listener is one address: host:port, or unix:/path.
type listener struct {
	address string
	dialect sysadm.Dialect
	plain   bool // without TLS; only for this machine itself
	tls     bool // asked for by name, as -demo needs it
}

func defaults() settings {
	return settings{
		listen: []listener{
			{address: "127.0.0.1:12150", plain: true},
			{address: "127.0.0.1:12151", plain: true},
		},
		metrics: "127.0.0.1:12152",
		users:   "/usr/local/etc/sysadmd.users",
		state:   "/var/db/sysadmd",
		level:   "info",
		grace:   10 * time.Minute,
	}
}

// readSettings reads a configuration file over the defaults. Unknown keys and
// values are errors: a misspelt limit must not mean no limit.
func readSettings(path string) (settings, error) {
	s := defaults()
	data, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	seen := map[string]bool{}
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if !ok {
			return s, fmt.Errorf("%s:%d: not key = value", path, n)
		}
		if key == "listen" && !seen[key] {
			s.listen = nil
		}
		seen[key] = true
		if err := s.set(key, value); err != nil {
			return s, fmt.Errorf("%s:%d: %s: %w", path, n, key, err)
		}
	}
	return s, s.check()
}

func (s *settings) set(key, value string) (err error) {
	field := map[string]any{
		"listen": &s.listen, "origins": &s.origins, "trusted_proxies": &s.proxies,
		"metrics": &s.metrics, "users": &s.users, "certificate": &s.certificate, "key": &s.key,
		"state": &s.state, "mirror": &s.mirror, "log": &s.level,
		"exec": &s.exec, "allow_http": &s.allowHTTP, "extended_events": &s.extended,
		"grace": &s.grace, "action_time": &s.limits.Action, "job_time": &s.limits.Job,
		"token_idle": &s.limits.TokenIdle, "token_life": &s.limits.TokenLife,
		"connections": &s.limits.Connections, "connections_before_login": &s.limits.BeforeLogin, "actions": &s.limits.Actions, "jobs": &s.limits.Jobs,
		"jobs_per_user": &s.limits.JobsPerUser, "event_queue": &s.limits.Queue,
	}
	switch field := field[key].(type) {
	case *[]listener:
		l, err := parseListener(value)
		*field = append(*field, l)
		return err
	case *[]string:
		*field = strings.Fields(value)
	case *[]netip.Prefix:
		*field, err = parseNetworks(value)
	case *string:
		*field = value
	case *bool:
		if *field = value == "yes"; value != "yes" && value != "no" {
			return fmt.Errorf("%q is neither yes nor no", value)
		}
	case *time.Duration:
		if *field, err = time.ParseDuration(value); err == nil && *field <= 0 {
			err = fmt.Errorf("%s is not a positive duration", value)
		}
	case *int:
		if *field, err = strconv.Atoi(value); err == nil && *field <= 0 {
			err = fmt.Errorf("%s is not a positive number", value)
		}
	default:
		return fmt.Errorf("unknown setting")
	}
	return err
}

// parseNetworks reads addresses and networks such as 192.0.2.0/28.
func parseNetworks(text string) (list []netip.Prefix, err error) {
	for _, word := range strings.Fields(text) {
		if addr, err := netip.ParseAddr(word); err == nil && addr.Zone() == "" {
			addr = addr.Unmap()
			list = append(list, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		network, err := netip.ParsePrefix(word)
		if err != nil {
			return nil, fmt.Errorf("%q is neither an address nor a network", word)
		}
		list = append(list, network)
	}
	return list, nil
}

// parseListener reads "ADDRESS [DIALECT] [plain|tls]".
func parseListener(text string) (l listener, err error) {
	words := strings.Fields(text)
	if len(words) == 0 {
		return l, fmt.Errorf("no address")
	}
	l.address = words[0]
	for _, w := range words[1:] {
		switch w {
		case "plain":
			l.plain = true
		case "tls":
			l.tls = true
		default:
			l.dialect, err = sysadm.ParseDialect(w)
		}
		if err != nil {
			return l, err
		}
	}
	if l.plain && l.tls {
		return l, fmt.Errorf("plain and tls exclude each other")
	}
	l.plain = l.plain || strings.HasPrefix(l.address, "unix:")
	return l, nil
}

// check rejects settings that would send passwords over a network in clear text, or
// take a release from one without being told to.
func (s *settings) check() error {
	for _, l := range s.listen {
		if l.plain && !local(l.address) {
			return fmt.Errorf("%s: plain is for addresses of this machine only (127.0.0.0/8, ::1, unix:)", l.address)
		}
	}
	if s.metrics != "" && !local(s.metrics) {
		return fmt.Errorf("%s: metrics have no login, so they are for this machine only", s.metrics)
	}
	if scheme, _, ok := strings.Cut(s.mirror, "://"); ok && strings.EqualFold(scheme, "http") && !s.allowHTTP {
		return fmt.Errorf("mirror: %s: http is not authenticated; it needs allow_http = yes", s.mirror)
	}
	if (s.certificate == "") != (s.key == "") {
		return fmt.Errorf("certificate and key belong together")
	}
	return nil
}

func local(address string) bool {
	if strings.HasPrefix(address, "unix:") {
		return true
	}
	name, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(name)
	return ip != nil && ip.IsLoopback()
}
