package kernel

import (
	"errors"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/kernel/internal/words"
)

// Remedy says what an administrator can do about an error of this package on
// the kernel that f describes, in words to follow the error's own; "" if the
// features do not explain the error.
func (f Features) Remedy(err error) string {
	var je *JailError
	var ce *CallError
	switch {
	case errors.As(err, &je):
		if name, ok := strings.CutPrefix(je.Msg, "unknown parameter: "); ok {
			return f.paramRemedy(name)
		}
	case errors.As(err, &ce):
		if strings.HasPrefix(ce.Op, "rctl_") && errors.Is(err, ErrUnsupported) {
			return "rctl " + words.RctlRemedy
		}
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

// paramRemedy is how to get a kernel that knows the jail parameter.
func (f Features) paramRemedy(name string) string {
	plain, _ := words.StripNo(name)
	root, _, _ := strings.Cut(plain, ".")
	const older = "needs FreeBSD 15"
	switch {
	case root == "vnet" && !f.VIMAGE:
		return "vnet needs a kernel with options VIMAGE, as GENERIC is from FreeBSD 12 on"
	case root == "zfs" || plain == "allow.mount.zfs":
		return plain + " needs the kernel module zfs: kldload zfs, and zfs_load=\"YES\" in loader.conf(5)"
	case strings.HasPrefix(plain, "allow.mount."):
		fs := strings.TrimPrefix(plain, "allow.mount.")
		return plain + " needs the file system's kernel module: kldload " + fs
	case strings.HasPrefix(root, "sysv"):
		return plain + " needs the kernel module " + root + ": kldload " + root
	case root == "linux":
		return plain + " needs the kernel module linux64: kldload linux64"
	case plain == "allow.vmm" || plain == "allow.vmm_ppt":
		return plain + " needs the kernel module vmm: kldload vmm"
	case root == "mac":
		return plain + " needs the kernel module mac_do: kldload mac_do"
	case (root == "meta" || root == "env") && f.OSRelDate < 1500000:
		return plain + " " + older
	}
	return ""
}
