package abi

import (
	"slices"

	"github.com/libioc/go-libioc/kernel"
)

// Flags of unmount(2) and getfsstat(2) that are not for callers.
const (
	MntByFSID = 0x8000000
	MntNoWait = 2
)

// MountErrMsgSize is the size of the buffer that mount(8) passes for the message.
const MountErrMsgSize = 255

// MountPairs returns the options of nmount(2) for a request, in the order in which
// mount(8) sends them. Empty fields are left out.
func MountPairs(r kernel.MountRequest) []Pair {
	var list []Pair
	if r.Type != "" {
		list = append(list, textPair("fstype", r.Type))
	}
	if r.Path != "" {
		list = append(list, textPair("fspath", r.Path))
	}
	if r.From != "" {
		list = append(list, textPair("from", r.From))
	}
	for _, o := range r.Options {
		if o.Value == "" && !slices.Contains(optionsWithText, o.Name) {
			list = append(list, NewPair(o.Name, nil))
			continue
		}
		list = append(list, textPair(o.Name, o.Value))
	}
	return list
}

// optionsWithText always have a value, so that an empty one is an
// error instead of a flag.
var optionsWithText = []string{"from", "target", "ruleset", "size", "inodes", "maxfilesize", "uid", "gid", "mode"}
