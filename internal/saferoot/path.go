package saferoot

import "strings"

// split returns the components of a path, without "." and empty ones. It rejects
// paths that could leave the root. The root itself has no components.
func split(rel string) ([]string, error) {
	refuse := func(component, reason string) error {
		return &EscapeError{Path: rel, Component: component, Reason: reason}
	}
	if rel == "" {
		return nil, refuse("", ReasonInvalid)
	}
	if strings.HasPrefix(rel, "/") {
		return nil, refuse("/", ReasonAbsolute)
	}
	var parts []string
	for part := range strings.SplitSeq(rel, "/") {
		switch {
		case part == "" || part == ".":
			continue
		case part == "..":
			return nil, refuse(strings.Join(append(parts, part), "/"), ReasonDotDot)
		case strings.IndexByte(part, 0) >= 0 || !localName(part):
			return nil, refuse(strings.Join(append(parts, part), "/"), ReasonInvalid)
		}
		parts = append(parts, part)
	}
	return parts, nil
}

func join(parts []string) string {
	if len(parts) == 0 {
		return "."
	}
	return strings.Join(parts, "/")
}
