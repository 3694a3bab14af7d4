package kernel

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
)

// checkIpfw refuses what would be read as more than one rule of one set.
func checkIpfw(set int, rules []IpfwRule) error {
	refuse := func(subject, msg string) error {
		return &CallError{Op: "ipfw", Subject: subject, Errno: syscall.EINVAL, Msg: msg}
	}
	if set < 0 || set > 31 {
		return refuse(strconv.Itoa(set), "sets are numbered 0 to 31")
	}
	for _, r := range rules {
		switch {
		case r.Number < 1 || r.Number > 65534:
			return refuse(strconv.Itoa(r.Number), "rules are numbered 1 to 65534")
		case strings.TrimSpace(r.Body) == "" || strings.ContainsAny(r.Body+r.Comment, "\n\x00") || strings.Contains(r.Body, "//"):
			return refuse(r.Body, "not one rule")
		}
	}
	return nil
}

// ipfwText is the file that ipfw(8) reads.
func ipfwText(set int, rules []IpfwRule) string {
	var b strings.Builder
	for _, r := range rules {
		fmt.Fprintf(&b, "add %d set %d %s", r.Number, set, r.Body)
		if r.Comment != "" {
			b.WriteString(" // " + r.Comment)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// parseIpfwList reads what "ipfw set N list" prints: "30001 allow ip from any
// to any // comment". Lines of dynamic rules and of disabled sets begin
// otherwise and are left out.
func parseIpfwList(text string) []IpfwRule {
	var list []IpfwRule
	for line := range strings.Lines(text) {
		number, body, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.Atoi(number)
		if err != nil {
			continue
		}
		body, comment, _ := strings.Cut(body, "//")
		list = append(list, IpfwRule{Number: n, Body: strings.TrimSpace(body), Comment: strings.TrimSpace(comment)})
	}
	return list
}

// checkAnchor refuses a path that pfctl(8) would cut or take for another.
func checkAnchor(anchor string) error {
	e := &CallError{Op: "pfctl", Subject: anchor, Errno: syscall.EINVAL}
	switch {
	case len(anchor) > pfAnchorMax:
		e.Errno, e.Msg = syscall.ENAMETOOLONG, "an anchor has at most 63 bytes"
	case anchor == "" || anchor[0] == '/' || strings.HasSuffix(anchor, "/") || strings.Contains(anchor, "//"):
		e.Msg = "not the path of an anchor"
	case strings.ContainsAny(anchor, "*\"\n\x00") || anchor[0] == '-':
		e.Msg = "an anchor's name has no asterisk, quote or control character"
	default:
		return nil
	}
	return e
}

// parsePfStatus reads the first line of "pfctl -s info".
func parsePfStatus(info string) bool {
	for line := range strings.Lines(info) {
		if rest, ok := strings.CutPrefix(line, "Status: "); ok {
			return strings.HasPrefix(rest, "Enabled")
		}
	}
	return false
}

// parsePfAnchorLines keeps the lines of a ruleset that evaluate anchors.
func parsePfAnchorLines(text string) []string {
	var lines []string
	for _, line := range textLines(text) {
		word, _, _ := strings.Cut(line, " ")
		if word == "anchor" || strings.HasSuffix(word, "-anchor") {
			lines = append(lines, line)
		}
	}
	return lines
}

func textLines(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// parsePfStates finds the states of an address in what "pfctl -vv -ss" prints:
// a line of the state and, further below, "id: N creatorid: M".
func parsePfStates(text string, addr netip.Addr) []string {
	var ids []string
	ours := false
	for line := range strings.Lines(text) {
		if line[0] != ' ' && line[0] != '\t' {
			ours = false
			for _, word := range strings.Fields(line) {
				ours = ours || hasAddr(word, addr)
			}
			continue
		}
		f := strings.Fields(line)
		if ours && len(f) >= 4 && f[0] == "id:" && f[2] == "creatorid:" {
			ids = append(ids, f[1]+"/"+f[3])
			ours = false
		}
	}
	return ids
}

// hasAddr tells whether a word of a state is this address with a port:
// 192.0.2.12:80, (198.51.100.1:8080), 2001:db8::1[80].
func hasAddr(word string, addr netip.Addr) bool {
	word = strings.Trim(word, "()")
	if addr.Is4() {
		word, _, _ = strings.Cut(word, ":")
	} else {
		word, _, _ = strings.Cut(word, "[")
	}
	a, err := netip.ParseAddr(word)
	return err == nil && a == addr.WithZone("")
}
