package tooltext

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/libioc/go-libioc/kernel"
)

// IpfwText returns the file that ipfw(8) reads.
func IpfwText(set int, rules []kernel.IpfwRule) string {
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

// ParseIpfwList reads what "ipfw set N list" prints: "30001 allow ip from any
// to any // comment". Lines of dynamic rules and of disabled sets begin
// otherwise and are left out.
func ParseIpfwList(text string) []kernel.IpfwRule {
	var list []kernel.IpfwRule
	for line := range strings.Lines(text) {
		number, body, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.Atoi(number)
		if err != nil {
			continue
		}
		body, comment, _ := strings.Cut(body, "//")
		list = append(list, kernel.IpfwRule{Number: n, Body: strings.TrimSpace(body), Comment: strings.TrimSpace(comment)})
	}
	return list
}

// ParsePfStatus reads the first line of "pfctl -s info".
func ParsePfStatus(info string) bool {
	_, status, _ := strings.Cut("\n"+info, "\nStatus: ")
	return strings.HasPrefix(status, "Enabled")
}

// ParsePfAnchorLines keeps the lines of a ruleset that evaluate anchors.
func ParsePfAnchorLines(text string) []string {
	var lines []string
	for _, line := range TextLines(text) {
		word, _, _ := strings.Cut(line, " ")
		if word == "anchor" || strings.HasSuffix(word, "-anchor") {
			lines = append(lines, line)
		}
	}
	return lines
}

// TextLines returns the lines of a text without blank ones.
func TextLines(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// ParsePfStates finds the states of an address in what "pfctl -vv -ss" prints:
// a line of the state and, further below, "id: N creatorid: M".
func ParsePfStates(text string, addr netip.Addr) []string {
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

// hasAddr reports whether a word of a state is this address with a port:
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
