package kernel

import (
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Flags of unmount(2) and getfsstat(2) that are not for callers.
const (
	mntByFSID = 0x8000000
	mntNoWait = 2
)

// mountErrMsgSize is what mount(8) gives the kernel for its message.
const mountErrMsgSize = 255

// pairs are the options of nmount(2) for a request, in the order that mount(8)
// sends them. Empty fields are left out.
func (r MountRequest) pairs() []pair {
	var list []pair
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
			list = append(list, newPair(o.Name, nil))
			continue
		}
		list = append(list, textPair(o.Name, o.Value))
	}
	return list
}

// optionsWithText always have a value, so that an empty one is said to be
// wrong instead of being taken for a flag.
var optionsWithText = []string{"from", "target", "ruleset", "size", "inodes", "maxfilesize", "uid", "gid", "mode"}

// source is the path that must exist for a mount of this type, or "": layered
// file systems name a folder or file, others name a device or any word.
func (r MountRequest) source() string {
	from := r.From
	for _, o := range r.Options {
		if o.Name == "target" || o.Name == "from" {
			from = o.Value
		}
	}
	switch r.Type {
	case "nullfs", "unionfs":
		return from
	case "devfs", "fdescfs", "procfs", "linprocfs", "linsysfs", "tmpfs", "zfs", "mqueuefs":
		return ""
	}
	if strings.HasPrefix(from, "/") {
		return from
	}
	return ""
}

// check refuses what the kernel would cut short at a NUL.
func (r MountRequest) check() *CallError {
	for _, p := range r.pairs() {
		if strings.IndexByte(cString(p.name), 0) < 0 && strings.IndexByte(string(p.value), 0) >= 0 &&
			strings.IndexByte(string(p.value), 0) != len(p.value)-1 {
			return &CallError{Op: "nmount", Subject: r.Path, Errno: syscall.EINVAL, Msg: "option " + cString(p.name) + " holds a NUL"}
		}
	}
	if name, msg := checkPairs(r.pairs()); msg != "" {
		return &CallError{Op: "nmount", Subject: r.Path, Errno: syscall.EINVAL, Msg: strings.TrimSpace(name + " " + msg)}
	}
	return nil
}

// below splits path into the folder root and the components after it. It is
// not ok when path is not under root or leaves it by a "..".
func below(root, path string) (components []string, ok bool) {
	if !filepath.IsAbs(root) || !filepath.IsAbs(path) {
		return nil, false
	}
	root = filepath.Clean(root)
	for part := range strings.SplitSeq(path, "/") {
		if part == ".." {
			return nil, false
		}
	}
	path = filepath.Clean(path)
	if path == root {
		return nil, true
	}
	rest, ok := strings.CutPrefix(path, strings.TrimSuffix(root, "/")+"/")
	if !ok {
		return nil, false
	}
	return strings.Split(rest, "/"), true
}

// escapes is the refusal of a source that a jail can point elsewhere.
func (r MountRequest) escapes(link string) error {
	return &CallError{
		Op: "nmount", Subject: r.Path, Err: ErrEscape,
		Msg: "the source " + r.From + " leads through " + link + ", which a jail can change",
	}
}

// atOrBelow tells whether a clean path is one of the directories or below one.
func atOrBelow(path string, dirs []string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool {
		rest, ok := strings.CutPrefix(path, dir)
		return ok && (rest == "" || rest[0] == '/')
	})
}
