package kernel

import (
	"context"
	"fmt"
)

// MountFlags are the MNT_* flags of nmount(2) and unmount(2) in the kernel's
// numbers.
type MountFlags uint64

// The flags this library uses.
const (
	MntRdOnly MountFlags = 0x1
	MntNoExec MountFlags = 0x4
	MntNoSuid MountFlags = 0x8
	MntUpdate MountFlags = 0x10000
	MntForce  MountFlags = 0x80000
)

// FSID identifies a mounted file system until it is unmounted.
type FSID struct {
	Val [2]int32 `json:"val"`
}

// String is the form that unmount(2) takes with MNT_BYFSID.
func (id FSID) String() string { return fmt.Sprintf("FSID:%d:%d", id.Val[0], id.Val[1]) }

// IsZero tells whether no file system is named.
func (id FSID) IsZero() bool { return id == FSID{} }

// MountOption is one option of nmount(2): a name alone ("ro", "nosuid",
// "nocache") or, with Value, a name and its text ("size", "1m").
type MountOption struct {
	Name  string `json:"name"`
	Value string `json:"value,omitempty"`
}

// MountRequest is one nmount(2).
type MountRequest struct {
	Type string `json:"type"` // "nullfs", "devfs", "fdescfs", "tmpfs", ...
	From string `json:"from"` // source path, dataset or a plain word
	// Path is where to mount, absolute. It must exist.
	Path string `json:"path"`
	// Below, if not empty, is a jail's root: every component of Path after it
	// must be a real directory (for a file mount the last one a file). A
	// symbolic link on the way is ErrEscape and nothing is mounted.
	Below string `json:"below,omitempty"`
	// Guarded are directories that jails can write to, by their real paths. A
	// symbolic link or ".." that is met at or below one of them on the way to a
	// source path is ErrEscape; elsewhere both are followed. What was mounted
	// has to be what was found so, or it is unmounted again.
	Guarded []string      `json:"guarded,omitempty"`
	Options []MountOption `json:"options,omitempty"`
	Flags   MountFlags    `json:"flags,omitempty"`
	// AllowEmptyRuleset permits devfs with a ruleset that has no rules, which
	// shows every device of the host.
	AllowEmptyRuleset bool `json:"allow_empty_ruleset,omitempty"`
}

// Mounted is one mounted file system as getfsstat(2) reports it.
type Mounted struct {
	FSID  FSID       `json:"fsid"`
	Type  string     `json:"type"`
	From  string     `json:"from"`
	Path  string     `json:"path"` // real path, symbolic links resolved
	Flags MountFlags `json:"flags"`
}

// Mounts is nmount(2), unmount(2) and getfsstat(2).
type Mounts interface {
	// Nmount mounts and returns what is now mounted. Errors are *CallError:
	// ErrNotFound for a missing source or target, ErrEscape, ErrEmptyRuleset,
	// and the kernel's errno and errmsg; FreeBSD 13 says EINVAL "Invalid fstype"
	// for a missing path. An empty Type or Path is not sent, so that the kernel
	// refuses it in its own words. For devfs no ruleset counts as an empty one.
	Nmount(ctx context.Context, req MountRequest) (Mounted, error)

	// Unmount takes away the file system mounted last at the path. What is not
	// mounted is EINVAL and ErrNotFound; one in use is EBUSY.
	Unmount(ctx context.Context, path string, flags MountFlags) error

	// UnmountFSID takes away the file system with that id; no path is looked
	// up, so nothing inside a jail can redirect it. ENOENT and ErrNotFound when
	// it is gone.
	UnmountFSID(ctx context.Context, id FSID, flags MountFlags) error

	// Getfsstat lists every mounted file system in the order of mounting.
	Getfsstat(ctx context.Context) ([]Mounted, error)
}
