package zfsstore

import (
	"strconv"
	"strings"
)

// version is what differs between the versions of OpenZFS that FreeBSD has:
// 2.1.9 is in 13.2, 2.4 in 15.1.
type version struct {
	name       string
	setExit    int               // exit status of a refused zfs set
	heldWords  string            // %s is the snapshot
	properties []nativeProperty  // rows added to nativeProperties
	defaults   map[string]string // defaults changed
	values     map[string]string // values changed
}

var versions = []version{
	{
		name:      "2.1.9",
		setExit:   1,
		heldWords: "dataset is busy",
	},
	{
		name:      "2.4",
		setExit:   255,
		heldWords: "it's being held. Run 'zfs holds -r %s' to see holders.",
		properties: []nativeProperty{
			{"prefetch", "all", editable | inherits | onFS, "none | metadata | all"},
			{"direct", "standard", editable | inherits | onFS, "disabled | standard | always"},
			{"longname", "off", editable | inherits | onFS, "on | off"},
			{"defaultuserquota", "0", noSource | editable | onFS, "<size> | none"},
			{"defaultgroupquota", "0", noSource | editable | onFS, "<size> | none"},
			{"defaultprojectquota", "0", noSource | editable | onFS, "<size> | none"},
			{"defaultuserobjquota", "0", noSource | editable | onFS, "<size> | none"},
			{"defaultgroupobjquota", "0", noSource | editable | onFS, "<size> | none"},
			{"defaultprojectobjquota", "0", noSource | editable | onFS, "<size> | none"},
		},
		defaults: map[string]string{
			"compression":      "on",
			"xattr":            "sa",
			"filesystem_limit": "none",
			"snapshot_limit":   "none",
			"filesystem_count": "none",
			"snapshot_count":   "none",
			"relatime":         "on",
		},
		values: map[string]string{
			"checksum":             "on | off | fletcher2 | fletcher4 | sha256 | sha512 | skein | edonr | blake3",
			"dedup":                "on | off | verify | sha256[,verify] | sha512[,verify] | skein[,verify] | edonr,verify | blake3[,verify]",
			"recordsize":           "512 to 16M, power of 2",
			"snapdir":              "disabled | hidden | visible",
			"special_small_blocks": "0 to 16M",
			"volblocksize":         "512 to 16M, power of 2",
		},
	},
}

// atLeast reports whether the version string a is b or later.
func atLeast(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range y {
		n := 0
		if i < len(x) {
			n, _ = strconv.Atoi(x[i])
		}
		if m, _ := strconv.Atoi(y[i]); n != m {
			return n > m
		}
	}
	return true
}

// findVersion returns the newest known version that v is at least, or the
// oldest one known.
func findVersion(v string) version {
	found := versions[0]
	for _, known := range versions {
		if atLeast(v, known.name) {
			found = known
		}
	}
	return found
}
