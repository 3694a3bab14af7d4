//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/jailparam"
)

// system is the running kernel.
type system struct {
	ifStack // the host's

	mountMu sync.Mutex // one mount below a jail's root at a time

	vnetMu sync.Mutex
	vnets  map[int]*vnetSockets // sockets in the network stacks of jails, by jid
}

func open() (kernel.Kernel, error) {
	k := &system{vnets: map[int]*vnetSockets{}}
	k.ifStack.k = k
	return k, nil
}

// In takes the sockets of a re-executed child if the program enabled that, see
// Main, and otherwise the base system's tools inside the jail.
func (k *system) In(id kernel.Identity) kernel.Network {
	if childEnabled.Load() {
		return ifStack{k: k, id: id}
	}
	return netTools{k: k, id: id}
}

func (k *system) Features(ctx context.Context) (kernel.Features, error) {
	if err := ctx.Err(); err != nil {
		return kernel.Features{}, err
	}
	var f kernel.Features
	var errs []error
	text := func(name string) string {
		s, err := k.SysctlString(ctx, name)
		errs = append(errs, err)
		return s
	}
	number := func(name string) int64 {
		n, err := k.SysctlInt(ctx, name)
		errs = append(errs, err)
		return n
	}
	// A feature that the kernel lacks has no node.
	optional := func(name string) int64 {
		n, err := k.SysctlInt(ctx, name)
		if !errors.Is(err, kernel.ErrNotFound) {
			errs = append(errs, err)
		}
		return n
	}
	f.OSRelease = text("kern.osrelease")
	f.OSRelDate = int(number("kern.osreldate"))
	f.Machine = text("hw.machine")
	f.Arch = text("hw.machine_arch")
	f.VIMAGE = optional("kern.features.vimage") != 0
	f.RACCT = optional("kern.racct.enable") != 0
	f.Jailed = number("security.jail.jailed") != 0
	f.SecureLvl = int(number("kern.securelevel"))
	zfs, err := k.SysctlString(ctx, "vfs.zfs.version.module")
	if err == nil {
		f.ZFSVersion = zfsVersion(zfs)
	} else if !errors.Is(err, kernel.ErrNotFound) {
		errs = append(errs, err)
	}
	f.JailDesc = hasJailDescriptors()
	return f, errors.Join(errs...)
}

// zfsVersion takes the version out of zfs.ko's, such as "2.1.9-FreeBSD_g92e0d9d18"
// or "v2.2.0-FreeBSD_g95785196f".
func zfsVersion(s string) string {
	s, _, _ = strings.Cut(strings.TrimPrefix(s, "v"), "-")
	return s
}

// hasJailDescriptors calls jail_get(2) with the flag JAIL_GET_DESC without the
// parameter desc: kernels that know the flag miss it before they look for a jail
// or make a descriptor, others answer EINVAL. JAIL_USE_DESC alone would not do,
// FreeBSD 15 lets it pass there.
func hasJailDescriptors() bool {
	const getDesc = 0x40
	_, _, msg, errno := pairsCall(unix.SYS_JAIL_GET, nil, getDesc, jailparam.ErrMsgSize)
	return errno == syscall.ENOENT && msg == "missing desc"
}

func (k *system) BootID(ctx context.Context) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	// Random for each boot; a jail with a host of its own may not have it.
	if value, _, err := sysctlValue("kern.boot_id"); err == nil && len(value) > 0 {
		return hex.EncodeToString(value), nil
	}
	value, _, err := sysctlValue("kern.boottime")
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(value), nil
}
