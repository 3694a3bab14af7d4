package zfsstore

import (
	"fmt"
	"strings"
)

// maxName is ZFS_MAX_DATASET_NAME_LEN less its terminating zero.
const maxName = 255

// nameWords returns what ZFS has to say against a name (zfs_namecheck.c), or
// "" if it is well formed. Names of snapshots hold one '@'.
func nameWords(name string, snapshot bool) string {
	switch {
	case len(name) > maxName:
		return "name is too long"
	case strings.HasPrefix(name, "/"):
		return "leading slash in name"
	case strings.HasSuffix(name, "/"), strings.LastIndexByte(name, '/') > strings.IndexByte(name, '@') && strings.Contains(name, "@"):
		return "trailing slash in name"
	}
	if strings.HasPrefix(name, "-") {
		return "invalid character - in name"
	}
	for _, c := range []byte(name) {
		if c != '/' && c != '@' && !nameChar(c) {
			return fmt.Sprintf("invalid character %c in name", c)
		}
	}
	switch strings.Count(name, "@") {
	case 0:
		if snapshot {
			return "missing '@' delimiter in snapshot name"
		}
	case 1:
		if !snapshot {
			return "snapshot delimiter '@' is not expected here"
		}
	default:
		return "multiple '@' and/or '#' delimiters in name"
	}
	for component := range strings.SplitSeq(strings.Replace(name, "@", "/", 1), "/") {
		switch component {
		case "":
			return "empty component or misplaced '@' or '#' delimiter in name"
		case ".":
			return "self reference, '.' is found in name"
		case "..":
			return "parent reference, '..' is found in name"
		}
	}
	return ""
}

func nameChar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.IndexByte("-_.: ", c) >= 0
}

// splitName splits the name of a snapshot at its '@'; snap is "" for others.
func splitName(name string) (dataset, snap string) {
	dataset, snap, _ = strings.Cut(name, "@")
	return dataset, snap
}

// parentName returns the name of the dataset above, "" for a pool.
func parentName(name string) string {
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		return name[:i]
	}
	return ""
}

// poolName returns the first component of a name.
func poolName(name string) string {
	dataset, _ := splitName(name)
	pool, _, _ := strings.Cut(dataset, "/")
	return pool
}

// within reports whether name is root or below it.
func within(name, root string) bool {
	return name == root || strings.HasPrefix(name, root) && (name[len(root)] == '/' || name[len(root)] == '@')
}
