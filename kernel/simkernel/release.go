package simkernel

import "strings"

// release has the differences between FreeBSD releases, as recorded.
type release struct {
	prefix    string // of the release's name
	osreldate int
	zfs       string // version of zfs.ko

	sysv        bool // System V IPC in the kernel
	jailDesc    bool // flags of jail descriptors are known, jail(2)
	meta        bool // parameters meta and env
	deadJIDFree bool // a dying jail's jid can be taken; JAIL_DYING is ignored in jail_set
	// jidKnowsParent: an update by jid is checked against the jail's parent, and a rename may
	// name that. 15 takes the caller's jail for it.
	jidKnowsParent  bool
	childSysctls    bool // security.jail.children.* inside a jail
	missingIsENOENT bool // nmount of a missing path; else EINVAL "Invalid fstype"
	bridgeSetsMTU   bool // bridge addm sets the member's MTU to the bridge's
	gptid           bool // geom(4) makes gptid in devfs
	allow           []string
}

// releases is the one table of differences.
var releases = []release{
	{
		prefix: "13.2-RELEASE", osreldate: 1302001, zfs: "2.1.9",
		sysv: true, jidKnowsParent: true,
	},
	{
		prefix: "15.1-RELEASE", osreldate: 1501000, zfs: "2.4.2",
		jailDesc: true, meta: true, deadJIDFree: true, childSysctls: true,
		missingIsENOENT: true, bridgeSetsMTU: true, gptid: true,
		allow: []string{
			"allow.adjtime", "allow.extattr", "allow.nfsd", "allow.routing", "allow.setaudit",
			"allow.settime", "allow.unprivileged_parent_tampering",
		},
	},
}

func findRelease(name string) (release, bool) {
	for _, r := range releases {
		if rest, ok := strings.CutPrefix(name, r.prefix); ok && (rest == "" || rest[0] == '-') {
			return r, true
		}
	}
	return release{}, false
}
