package kernel

import (
	"errors"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/kernel/internal/words"
)

// Remedy returns what an administrator can do about an error of this package on
// the kernel that f describes, as text to follow the error's own. It is "" if the
// features do not explain the error.
func (f Features) Remedy(err error) string {
	if e, ok := errors.AsType[*JailError](err); ok {
		if name, ok := strings.CutPrefix(e.Msg, "unknown parameter: "); ok {
			return f.paramRemedy(name)
		}
	} else if e, ok := errors.AsType[*CallError](err); ok && strings.HasPrefix(e.Op, "rctl_") && errors.Is(err, ErrUnsupported) {
		return "rctl " + words.RctlRemedy
	}
	if errors.Is(err, syscall.EPERM) {
		switch {
		case f.Jailed:
			return "this process is itself in a jail; run it on the host, or give its jail children.max and the permission"
		case f.SecureLvl > 0:
			return "kern.securelevel may forbid it; it can be lowered only by a reboot, see security(7)"
		}
	}
	return ""
}

// paramRemedy returns how to get a kernel that knows a jail parameter.
func (f Features) paramRemedy(name string) string {
	plain, _ := words.StripNo(name)
	root, _, _ := strings.Cut(plain, ".")
	switch {
	case root == "vnet" && !f.VIMAGE:
		return "vnet needs a kernel with options VIMAGE, as GENERIC is from FreeBSD 12 on"
	case root == "zfs" || plain == "allow.mount.zfs":
		return plain + " needs the kernel module zfs: kldload zfs, and zfs_load=\"YES\" in loader.conf(5)"
	case strings.HasPrefix(plain, "allow.mount."):
		return plain + " needs the file system's kernel module: kldload " + ParamModule(plain)
	case ParamModule(plain) != "":
		module := ParamModule(plain)
		return plain + " needs the kernel module " + module + ": kldload " + module
	case (root == "meta" || root == "env") && f.OSRelDate < 1500000:
		return plain + " needs FreeBSD 15"
	}
	return ""
}
