// Package zfsname checks and splits the names of datasets and snapshots.
package zfsname

import "strings"

// maxName is ZFS_MAX_DATASET_NAME_LEN less its terminating zero.
const maxName = 255

// Unquotable are characters that no name has, and that would make the names in
// a message ambiguous. They are refused before zfs(8) is run.
const Unquotable = "'\x00\t\n"

// Words returns the words of ZFS against a name, or "" if it is well formed,
// checked in the order in which zfs_validate_name of libzfs and
// entity_namecheck of zfs_namecheck.c look. Names of snapshots hold one '@'.
func Words(name string, snapshot bool) string {
	switch {
	case strings.ContainsAny(name, Unquotable):
		return "invalid character in name"
	case !snapshot && strings.Contains(name, "@"):
		return "snapshot delimiter '@' is not expected here"
	case snapshot && !strings.Contains(name, "@"):
		return "missing '@' delimiter in snapshot name"
	case strings.Contains(name, "#"):
		return "bookmark delimiter '#' is not expected here"
	case strings.Contains(name, "%"):
		return "invalid character % in name"
	case len(name) > maxName:
		return "name is too long"
	case strings.HasPrefix(name, "/"):
		return "leading slash in name"
	case strings.HasPrefix(name, "-"):
		return "invalid character - in name" // an option to zfs(8)
	}
	found := false // the '@'
	for rest := name; ; {
		at := strings.IndexAny(rest, "/@")
		component := rest
		if at >= 0 {
			component = rest[:at]
		}
		if words := componentWords(component, at < 0 && rest != name && name[len(name)-len(rest)-1] == '/',
			at < 0 || rest[at] == '/'); words != "" {
			return words
		}
		switch {
		case at >= 0 && rest[at] == '@' && found:
			return "multiple '@' and/or '#' delimiters in name"
		case component == "":
			return "empty component or misplaced '@' or '#' delimiter in name"
		case at < 0:
			return ""
		case rest[at] == '/' && found:
			return "trailing slash in name"
		}
		found = found || rest[at] == '@'
		rest = rest[at+1:]
	}
}

// componentWords returns the words against one component: afterSlash is the last
// one, after a slash; dots are for one that names a dataset's whole component.
func componentWords(component string, afterSlash, dots bool) string {
	if component == "" && afterSlash {
		return "trailing slash in name"
	}
	for i := range len(component) {
		if !nameChar(component[i]) {
			return "invalid character '" + component[i:i+1] + "' in name"
		}
	}
	switch {
	case dots && component == ".":
		return "self reference, '.' is found in name"
	case dots && component == "..":
		return "parent reference, '..' is found in name"
	}
	return ""
}

func nameChar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.IndexByte("-_.: ", c) >= 0
}

// Split splits the name of a snapshot at its '@'; snap is "" for others.
func Split(name string) (dataset, snap string) {
	dataset, snap, _ = strings.Cut(name, "@")
	return dataset, snap
}

// Parent returns the name of the dataset above, "" for a pool.
func Parent(name string) string {
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		return name[:i]
	}
	return ""
}

// Pool returns the first component of a name.
func Pool(name string) string {
	dataset, _ := Split(name)
	pool, _, _ := strings.Cut(dataset, "/")
	return pool
}
