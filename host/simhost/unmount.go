package simhost

import (
	"context"
	"errors"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// machine is the kernel of a simulated host. On a real host the mount table also
// decides what zfs(8) sees as mounted, so unmounting a ZFS file system by the kernel
// unmounts it in the store here.
type machine struct {
	*simkernel.Kernel
	h *Host
}

// Getfsstat implements [kernel.Mounts]. On a real host a path leads to a file system
// exactly while the mount table has it there, so a change of mounts is not seen half-way.
func (k machine) Getfsstat(ctx context.Context) ([]kernel.Mounted, error) {
	k.h.ZFS.Settle()
	return k.Kernel.Getfsstat(ctx)
}

// UnmountFSID implements [kernel.Mounts].
func (k machine) UnmountFSID(ctx context.Context, id kernel.FSID, flags kernel.MountFlags) error {
	table, err := k.Kernel.Getfsstat(ctx)
	if err != nil {
		return err
	}
	for i, m := range table {
		if m.FSID != id || m.Type != "zfs" || !k.h.mountedBy(m) {
			continue
		}
		// zfs-unmount(8) also unmounts those below, unmount(2) does not.
		for _, other := range table[i+1:] {
			if len(other.Path) > len(m.Path) && other.Path[:len(m.Path)+1] == m.Path+"/" {
				return &kernel.CallError{Op: "unmount", Subject: id.String(), Errno: syscall.EBUSY}
			}
		}
		err := k.h.ZFS.Unmount(ctx, m.From, flags&kernel.MntForce != 0)
		if errors.Is(err, zfsstore.ErrBusy) {
			return &kernel.CallError{Op: "unmount", Subject: id.String(), Errno: syscall.EBUSY}
		}
		return err
	}
	return k.Kernel.UnmountFSID(ctx, id, flags)
}

// mountedBy reports whether the store has mounted the file system.
func (h *Host) mountedBy(m kernel.Mounted) bool {
	for _, d := range h.ZFS.Mounts() {
		if d.Dataset == m.From && d.Path == m.Path {
			return true
		}
	}
	return false
}
