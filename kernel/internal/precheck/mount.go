package precheck

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/internal/pathname"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/abi"
)

// MountSource returns the path that must exist for a mount of this type, or "": layered
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

// Mount refuses what the kernel would cut short at a NUL.
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

// Below returns the components of path below the directory root. It is not ok
// if path is not below root or contains "..".
func Below(root, path string) (components []string, ok bool) {
	if !filepath.IsAbs(root) || !filepath.IsAbs(path) {
		return nil, false
	}
	if slices.Contains(strings.Split(path, "/"), "..") {
		return nil, false
	}
	rest, ok := pathname.Cut(filepath.Clean(path), filepath.Clean(root))
	if !ok || rest == "" {
		return nil, ok
	}
	return strings.Split(rest[1:], "/"), true
}

// Escapes returns the error for a source that a jail can redirect.
func Escapes(r kernel.MountRequest, link string) error {
	return &kernel.CallError{
		Op: "nmount", Subject: r.Path, Err: kernel.ErrEscape,
		Msg: "the source " + r.From + " leads through " + link + ", which a jail can change",
	}
}

// AtOrBelow reports whether a clean path is one of the directories or below one.
func AtOrBelow(path string, dirs []string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool { return pathname.Within(path, dir) })
}

// Ruleset returns the number of the ruleset that a devfs mount asks for, or 0,
// which has no rules, if it names none. valid reports whether the kernel will
// accept the number.
func Ruleset(r kernel.MountRequest) (number uint16, valid bool) {
	for i := len(r.Options) - 1; i >= 0; i-- {
		if r.Options[i].Name == "ruleset" {
			n, err := strconv.ParseUint(r.Options[i].Value, 10, 16)
			return uint16(n), err == nil
		}
	}
	return 0, true
}

// MayBeEmpty reports whether a mount needs no look at the rules: it is not devfs,
// the caller permits it, or it only updates what is mounted.
func MayBeEmpty(r kernel.MountRequest) bool {
	return r.Type != "devfs" || r.AllowEmptyRuleset || r.Flags&kernel.MntUpdate != 0
}
