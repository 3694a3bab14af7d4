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

// String returns the form that unmount(2) takes with MNT_BYFSID.
func (id FSID) String() string { return fmt.Sprintf("FSID:%d:%d", id.Val[0], id.Val[1]) }

// IsZero reports whether the id names no file system.
func (id FSID) IsZero() bool { return id == FSID{} }

// MountOption is one option of nmount(2): a name alone ("ro", "nosuid",
// "nocache") or, with Value, a name and its text ("size", "1m").
type MountOption struct {
	Name  string `json:"name"`
	Value string `json:"value,omitempty"`
}

// MountRequest holds the arguments of one nmount(2).
type MountRequest struct {
	Type string `json:"type"` // "nullfs", "devfs", "fdescfs", "tmpfs", ...
	From string `json:"from"` // source path, dataset or a plain word
	// Path is where to mount, absolute. It must exist.
	Path string `json:"path"`
	// Below, if not empty, is a jail's root: every component of Path after it
	// must be a real directory; the last one may be a file. For a symbolic link
	// on the way Nmount fails with ErrEscape and mounts nothing.
	Below string `json:"below,omitempty"`
	// Guarded are the real paths of directories that jails can write to. For a
	// symbolic link or ".." in one of them on the way to the source, Nmount
	// fails with ErrEscape; elsewhere both are followed. If something else was
	// mounted than was found that way, it is unmounted again.
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
	// Nmount mounts a file system and returns it. Errors are *CallError:
	// ErrNotFound for a missing source or target, which is the Subject, ErrEscape, ErrEmptyRuleset,
	// and the kernel's errno and errmsg; FreeBSD 13 reports EINVAL "Invalid
	// fstype" for a missing path. An empty Type or Path is not sent, so that the
	// kernel reports it. A devfs without a ruleset counts as one with an empty
	// ruleset.
	Nmount(ctx context.Context, req MountRequest) (Mounted, error)

	// Unmount unmounts the file system that was mounted last at the path. It
	// fails with EINVAL and ErrNotFound if nothing is mounted there, and with
	// EBUSY if it is in use.
	Unmount(ctx context.Context, path string, flags MountFlags) error

	// UnmountFSID unmounts the file system with the id. No path is looked up, so
	// nothing inside a jail can redirect it. It fails with ENOENT and ErrNotFound
	// if there is no such file system.
	UnmountFSID(ctx context.Context, id FSID, flags MountFlags) error

	// Getfsstat lists every mounted file system in the order of mounting.
	Getfsstat(ctx context.Context) ([]Mounted, error)
}
