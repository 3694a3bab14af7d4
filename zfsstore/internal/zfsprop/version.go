package zfsprop

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Rules are those of one version of OpenZFS.
type Rules struct {
	SetExit   int               // exit status of a refused zfs set
	HeldWords string            // refusal to destroy a held snapshot; %s is its name
	Natives   map[string]Native // by name
	Order     []string          // their names in zfs-get's order
}

// version has the differences between the versions of OpenZFS that FreeBSD has:
// 2.1.9 is in 13.2, 2.4 in 15.1.
type version struct {
	name       string
	setExit    int
	heldWords  string
	properties []Native          // rows added to natives
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
		properties: []Native{
			{"prefetch", "all", Editable | Inherits | OnFS, "none | metadata | all"},
			{"direct", "standard", Editable | Inherits | OnFS, "disabled | standard | always"},
			{"longname", "off", Editable | Inherits | OnFS, "on | off"},
			{"defaultuserquota", "0", NoSource | Editable | OnFS, "<size> | none"},
			{"defaultgroupquota", "0", NoSource | Editable | OnFS, "<size> | none"},
			{"defaultprojectquota", "0", NoSource | Editable | OnFS, "<size> | none"},
			{"defaultuserobjquota", "0", NoSource | Editable | OnFS, "<size> | none"},
			{"defaultgroupobjquota", "0", NoSource | Editable | OnFS, "<size> | none"},
			{"defaultprojectobjquota", "0", NoSource | Editable | OnFS, "<size> | none"},
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

// Of returns the rules of the newest known version that v is at least, or of
// the oldest one known.
func Of(v string) Rules {
	found := versions[0]
	for _, known := range versions {
		if atLeast(v, known.name) {
			found = known
		}
	}
	rules := Rules{SetExit: found.setExit, HeldWords: found.heldWords, Natives: make(map[string]Native)}
	for _, p := range slices.Concat(natives, found.properties) {
		p.Default = cmp.Or(found.defaults[p.Name], p.Default)
		p.values = cmp.Or(found.values[p.Name], p.values)
		rules.Natives[p.Name] = p
		rules.Order = append(rules.Order, p.Name)
	}
	return rules
}
