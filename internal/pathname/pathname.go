// Package pathname compares slash-separated names: paths, and the names of ZFS
// datasets. It looks at text only; no link is resolved and nothing is cleaned.
package pathname

import "strings"

// Within reports whether name is dir or below it. Whole components are
// compared: /jails/webmail is not within /jails/web.
func Within(name, dir string) bool {
	_, ok := Cut(name, dir)
	return ok
}

// Cut returns what follows dir in a name within it: "" for dir itself, else
// text that begins with a slash. A slash at the end of dir is ignored, so that
// every absolute path is within "/".
func Cut(name, dir string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(name, strings.TrimSuffix(dir, "/"))
	if !ok || rest != "" && rest[0] != '/' {
		return "", false
	}
	return rest, true
}
