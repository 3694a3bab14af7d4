package mirror

import (
	"regexp"
	"strings"
)

var (
	listingLink = regexp.MustCompile(`a href="([A-Za-z0-9_.\-]+)/"`)
	tableRow    = regexp.MustCompile(`(?is)<tr[^>]*>(.*?)</tr>`)
	tableCell   = regexp.MustCompile(`(?is)<td[^>]*>(.*?)</td>`)
	htmlTag     = regexp.MustCompile(`(?s)<[^>]*>`)
)

// ParseListing reads the directory index of a mirror (nginx, Apache): each
// directory, `a href="NAME/"`, in the index's order and once, without
// "ISO-IMAGES" and the parent.
func ParseListing(page []byte) []string {
	var names []string
	seen := map[string]bool{"": true, ".": true, "..": true, "ISO-IMAGES": true}
	for _, m := range listingLink.FindAllSubmatch(page, -1) {
		if name := string(m[1]); !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}

// ParseUnsupported reads FreeBSD's page of unsupported releases
// (FreeBSDUnsupported): each table row names a branch and a release. A branch
// "stable/12" becomes "12-STABLE"; a release is returned unless it is "n/a".
func ParseUnsupported(page []byte) []string {
	var names []string
	seen := map[string]bool{"": true}
	add := func(name string) {
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	for _, row := range tableRow.FindAllSubmatch(page, -1) {
		cells := tableCell.FindAllSubmatch(row[1], 3)
		if len(cells) < 2 {
			continue
		}
		if major, ok := strings.CutPrefix(cellText(cells[0][1]), "stable/"); ok && major != "" {
			add(major + "-STABLE")
		}
		if name := cellText(cells[1][1]); !strings.EqualFold(name, "n/a") {
			add(name)
		}
	}
	return names
}

func cellText(cell []byte) string {
	text := strings.ReplaceAll(string(htmlTag.ReplaceAll(cell, nil)), "&nbsp;", " ")
	return strings.TrimSpace(text)
}
