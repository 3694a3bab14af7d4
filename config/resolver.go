package config

import (
	"net/netip"
	"strings"
)

// ResolverMode determines what happens to the jail's /etc/resolv.conf at start.
type ResolverMode uint8

// The modes.
const (
	ResolverCopy   ResolverMode = iota // the host's file is copied
	ResolverSkip                       // the jail's file is not changed
	ResolverManual                     // Entries are written
)

// A Resolver is the value of the resolver property.
type Resolver struct {
	Mode    ResolverMode
	Entries []string // servers, or whole lines of resolv.conf(5)
}

// String returns /etc/resolv.conf, /dev/null or the entries joined by semicolons.
// libioc itself joins them with commas and then reads them as one entry; iocage
// and libioc both read semicolons.
func (r Resolver) String() string {
	switch r.Mode {
	case ResolverCopy:
		return "/etc/resolv.conf"
	case ResolverSkip:
		return "/dev/null"
	}
	return strings.Join(r.Entries, ";")
}

// Lines returns the lines of a resolv.conf(5) for ResolverManual.
func (r Resolver) Lines() []string {
	lines := make([]string, len(r.Entries))
	for i, e := range r.Entries {
		if !strings.ContainsAny(e, " \t") {
			e = "nameserver " + e
		}
		lines[i] = e
	}
	return lines
}

// parseResolver reads the property. Entries are separated by semicolons. An entry
// that is not a whole line is also separated by commas, since libioc saved lists
// that way and no address of a name server has one. A none word or /dev/null is
// ResolverSkip as in libioc; in an Effective of iocage or legacy a none word is
// ResolverCopy.
func parseResolver(text string) (Resolver, error) {
	switch {
	case text == "/etc/resolv.conf":
		return Resolver{Mode: ResolverCopy}, nil
	case text == "/dev/null" || isNone(text):
		return Resolver{Mode: ResolverSkip}, nil
	}
	r := Resolver{Mode: ResolverManual}
	for entry := range strings.SplitSeq(text, ";") {
		parts := []string{entry}
		if entry = strings.TrimSpace(entry); !strings.ContainsAny(entry, " \t") {
			parts = strings.Split(entry, ",")
		}
		for _, e := range parts {
			if e = strings.TrimSpace(e); e != "" {
				r.Entries = append(r.Entries, e)
			}
		}
	}
	for _, e := range r.Entries {
		if err := checkResolverEntry(e); err != nil {
			return Resolver{}, err
		}
	}
	if len(r.Entries) == 0 {
		return Resolver{}, invalid("no entry")
	}
	return r, nil
}

func checkResolverEntry(e string) error {
	if strings.ContainsAny(e, "\n\r\x00") {
		return invalid("entry %q contains a newline", e)
	}
	words := strings.Fields(e)
	server := words[0]
	if len(words) > 1 {
		switch words[0] {
		case "search", "domain", "options", "sortlist":
			return nil
		case "nameserver":
			server = words[1]
		default:
			return invalid("unknown resolv.conf(5) keyword %q", words[0])
		}
	}
	if _, err := netip.ParseAddr(server); err != nil {
		return invalid("name server %q is not an IP address", server)
	}
	return nil
}
