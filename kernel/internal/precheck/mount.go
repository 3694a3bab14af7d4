package precheck

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/abi"
)

// source is the path that must exist for a mount of this type, or "": layered
// file systems name a folder or file, others name a device or any word.
func MountSource(r kernel.MountRequest) string {
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

// Check refuses what the kernel would cut short at a NUL.
func Mount(r kernel.MountRequest) *kernel.CallError {
	for _, p := range abi.MountPairs(r) {
		if strings.IndexByte(abi.CString(p.Name), 0) < 0 && strings.IndexByte(string(p.Value), 0) >= 0 &&
			strings.IndexByte(string(p.Value), 0) != len(p.Value)-1 {
			return &kernel.CallError{Op: "nmount", Subject: r.Path, Errno: syscall.EINVAL, Msg: "option " + abi.CString(p.Name) + " holds a NUL"}
		}
	}
	if name, msg := abi.CheckPairs(abi.MountPairs(r)); msg != "" {
		return &kernel.CallError{Op: "nmount", Subject: r.Path, Errno: syscall.EINVAL, Msg: strings.TrimSpace(name + " " + msg)}
	}
	return nil
}

// Below splits path into the folder root and the components after it. It is
// not ok when path is not under root or leaves it by a "..".
func Below(root, path string) (components []string, ok bool) {
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

// Escapes is the refusal of a source that a jail can point elsewhere.
func Escapes(r kernel.MountRequest, link string) error {
	return &kernel.CallError{
		Op: "nmount", Subject: r.Path, Err: kernel.ErrEscape,
		Msg: "the source " + r.From + " leads through " + link + ", which a jail can change",
	}
}

// AtOrBelow tells whether a clean path is one of the directories or below one.
func AtOrBelow(path string, dirs []string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool {
		rest, ok := strings.CutPrefix(path, dir)
		return ok && (rest == "" || rest[0] == '/')
	})
}

// ruleset is the number of the ruleset that a devfs mount asks for; none is 0,
// which has no rules. It is not valid when the kernel will refuse the text.
func Ruleset(r kernel.MountRequest) (number uint16, valid bool) {
	for i := len(r.Options) - 1; i >= 0; i-- {
		if r.Options[i].Name == "ruleset" {
			n, err := strconv.ParseUint(r.Options[i].Value, 10, 16)
			return uint16(n), err == nil
		}
	}
	return 0, true
}

// MayBeEmpty tells whether a mount needs no look at the rules: it is not devfs,
// the caller permits it, or it only updates what is mounted.
func MayBeEmpty(r kernel.MountRequest) bool {
	return r.Type != "devfs" || r.AllowEmptyRuleset || r.Flags&kernel.MntUpdate != 0
}
