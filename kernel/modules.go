package kernel

import (
	"context"
	"strings"

	"github.com/libioc/go-libioc/kernel/internal/words"
)

// Modules are kernel modules, kldload(2). They provide file systems and the jail
// parameters that belong to them.
type Modules interface {
	// ModuleLoaded reports whether the kernel has a module, loaded from a file or
	// built in, modfind(2). Names are as in kldstat(8) -m: "tmpfs", "linux64".
	ModuleLoaded(ctx context.Context, name string) (bool, error)
	// ModuleLoad loads a module and what it needs from the kernel's module path
	// ("tmpfs" or "tmpfs.ko"). It is not an error if the module is loaded. Errors are
	// *CallError: ENOENT and ErrNotFound if there is no such file, ENOEXEC for a
	// module of another kernel, EPERM in a jail and with kern.securelevel above 0.
	ModuleLoad(ctx context.Context, name string) error
}

// ParamModule returns the module that provides a jail parameter which the kernel
// does not know, or "". "allow.mount.fdescfs" is part of fdescfs, for example.
func ParamModule(param string) string {
	plain, _ := words.StripNo(param)
	root, _, _ := strings.Cut(plain, ".")
	switch {
	case strings.HasPrefix(plain, "allow.mount."):
		return strings.TrimPrefix(plain, "allow.mount.")
	case root == "zfs":
		return "zfs"
	case strings.HasPrefix(root, "sysv"):
		return root
	case root == "linux":
		return "linux64"
	case plain == "allow.vmm" || plain == "allow.vmm_ppt":
		return "vmm"
	case root == "mac":
		return "mac_do"
	}
	return ""
}
