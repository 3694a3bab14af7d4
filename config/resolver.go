package config

import (
	"net/netip"
	"strings"
)

// ResolverMode says what happens to the jail's /etc/resolv.conf at start.
type ResolverMode uint8

// The modes.
const (
	ResolverCopy   ResolverMode = iota // the host's file is copied
	ResolverSkip                       // the jail's file is left alone
	ResolverManual                     // Entries are written
)

// A Resolver is the meaning of the resolver property.
type Resolver struct {
	Mode    ResolverMode
	Entries []string // servers, or whole lines of resolv.conf(5)
}

// String is /etc/resolv.conf, /dev/null or the entries joined by semicolons.
// libioc joins them with commas, which it then reads as one entry; iocage and
// libioc both read semicolons.
func (r Resolver) String() string {
	switch r.Mode {
	case ResolverCopy:
		return "/etc/resolv.conf"
	case ResolverSkip:
		return "/dev/null"
	}
	return strings.Join(r.Entries, ";")
}

// Lines are the lines of a resolv.conf(5) for ResolverManual.
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

// ParseResolver reads the property. Entries are separated by semicolons; where
// none of them is a whole line, commas separate too, since libioc saved lists
// that way and no name server's address has one. None words and /dev/null are
// ResolverSkip as in libioc; Effective.Resolver knows that iocage and legacy
// mean a copy.
func ParseResolver(text string) (Resolver, error) {
	switch {
	case text == "/etc/resolv.conf":
		return Resolver{Mode: ResolverCopy}, nil
	case text == "/dev/null" || isNone(text):
		return Resolver{Mode: ResolverSkip}, nil
	}
	r := Resolver{Mode: ResolverManual}
	for entry := range strings.SplitSeq(text, ";") {
		entry = strings.TrimSpace(entry)
		if !strings.ContainsAny(entry, " \t") {
			for server := range strings.SplitSeq(entry, ",") {
				if server = strings.TrimSpace(server); server != "" {
					r.Entries = append(r.Entries, server)
				}
			}
		} else {
			r.Entries = append(r.Entries, entry)
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
		return invalid("entry %q has a line end", e)
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
			return invalid("%q is no keyword of resolv.conf(5)", words[0])
		}
	}
	if _, err := netip.ParseAddr(server); err != nil {
		return invalid("name server %q is not an IP address", server)
	}
	return nil
}
