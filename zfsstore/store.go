package zfsstore

import (
	"context"
	"io"
	"time"
)

// A Store is a host's ZFS pools and datasets.
//
// Implementations are safe for concurrent use. Get, List, Pools, Send and Receive
// end with ctx. Every other method is a change: with a ctx that has ended it is not
// begun, and one that has begun is done to its end, whatever becomes of ctx, and its
// own result is returned. Refusals are *[Error] values that match one of the
// Err sentinels of this package with errors.Is; each method names those it is
// expected to return. ErrPermission and ErrNoPool may come from every method.
//
// Dataset names are ZFS's own: "pool/path" for file systems and volumes,
// "pool/path@name" for snapshots, without leading or trailing slash.
type Store interface {
	// Get reads one file system, volume or snapshot. It returns ErrNotFound or
	// ErrInvalidName.
	Get(ctx context.Context, name string, opts GetOptions) (Dataset, error)

	// List reads root and everything below it, in one process however many
	// datasets there are. An empty root lists all pools. The order is that of
	// zfs-list(8): by name, each dataset followed by its snapshots, oldest first.
	// It returns ErrNotFound if root does not exist.
	List(ctx context.Context, root string, opts ListOptions) ([]Dataset, error)

	// Pools lists the imported pools by name. It is not an error if there are none.
	Pools(ctx context.Context) ([]Pool, error)

	// Create makes a file system, or a volume if opts.VolumeSize is set, and
	// mounts a file system unless its canmount, mountpoint or jailed property
	// or opts.NoMount says otherwise. It returns ErrExists, ErrParentNotFound,
	// ErrNoPool, ErrInvalidName, ErrInvalidProperty or ErrNoSpace. With
	// opts.Parents an existing dataset is not an error, as with zfs-create(8) -p.
	Create(ctx context.Context, name string, opts CreateOptions) error

	// Destroy removes a dataset or a snapshot; file systems are unmounted
	// first. It returns ErrNotFound, ErrHasChildren (children or snapshots,
	// and opts.Recursive is off), ErrHasDependents (clones outside, and
	// opts.Dependents is off), ErrBusy (in use, held or being sent), ErrReplaced
	// (the guid is not opts.GUID) or ErrIsPool. A recursive destroy that fails has removed what it could.
	Destroy(ctx context.Context, name string, opts DestroyOptions) error

	// Snapshot makes the snapshot "dataset@name", atomically for the whole
	// subtree if opts.Recursive. It returns ErrExists, ErrNotFound,
	// ErrInvalidName or ErrInvalidProperty.
	Snapshot(ctx context.Context, name string, opts SnapshotOptions) error

	// Rollback restores a dataset to the snapshot "dataset@name". It
	// returns ErrNotFound, ErrNewerSnapshots (and opts.Recent is off) or
	// ErrHasDependents (a newer snapshot has clones and opts.Dependents is off).
	Rollback(ctx context.Context, snapshot string, opts RollbackOptions) error

	// Clone makes target a writable copy of snapshot, and mounts it as Create
	// does. It returns ErrNotFound, ErrExists, ErrParentNotFound, ErrNoPool,
	// ErrCrossPool, ErrInvalidName or ErrInvalidProperty.
	Clone(ctx context.Context, snapshot, target string, opts CloneOptions) error

	// Promote makes a clone the owner of its origin, so that the dataset it was
	// cloned from can be destroyed. It returns ErrNotFound, ErrNotClone or
	// ErrExists (both have a snapshot of the same name).
	Promote(ctx context.Context, name string) error

	// Rename moves a dataset with all below it, or renames a snapshot; to is a
	// whole name in both cases. It returns ErrNotFound, ErrExists,
	// ErrParentNotFound, ErrBusy, ErrCrossPool, ErrNoPool or ErrInvalidName.
	Rename(ctx context.Context, from, to string, opts RenameOptions) error

	// Set sets properties, native or user. It returns ErrNotFound,
	// ErrInvalidProperty, or ErrBusy when a changed mountpoint is in use.
	Set(ctx context.Context, name string, properties map[string]string) error

	// Inherit clears a property so that it is inherited or has its default,
	// for the whole subtree if recursive. It is not an
	// error if it is not set. It returns ErrNotFound or ErrInvalidProperty.
	Inherit(ctx context.Context, name, property string, recursive bool) error

	// Mount mounts a file system at its mountpoint. It returns ErrNotFound,
	// ErrMounted, ErrNoMountpoint (none, legacy or canmount=off), ErrJailed or
	// ErrWrongType.
	Mount(ctx context.Context, name string) error

	// Unmount unmounts a file system, and those below it that inherit their
	// mountpoint from it; though in use if force is set. It returns
	// ErrNotFound, ErrNotMounted, ErrBusy or ErrWrongType.
	Unmount(ctx context.Context, name string, force bool) error

	// Send starts to send a snapshot and returns the stream. A refusal comes
	// from Send itself where it is known in time, else from Read instead of
	// io.EOF: ErrNotFound, ErrWrongType. The stream must be closed, read to
	// its end or not; ctx ends it too.
	Send(ctx context.Context, snapshot string, opts SendOptions) (io.ReadCloser, error)

	// Receive makes a dataset or a snapshot of one from a stream of Send. It
	// returns ErrExists (a full stream onto an existing dataset), ErrNotFound
	// (an incremental one without its dataset), ErrStream (not a stream, cut
	// short or damaged), ErrModified or ErrParentNotFound. After an error the
	// target is as before.
	Receive(ctx context.Context, target string, r io.Reader, opts ReceiveOptions) error

	// Jail attaches a dataset to a jail, given by jid or name (zfs-jail(8)),
	// until Unjail or the jail's end. It returns ErrNotFound, ErrNoJail,
	// ErrExists (attached already) or, on other systems, ErrUnsupported.
	Jail(ctx context.Context, jail, dataset string) error

	// Unjail detaches what Jail attached. It returns ErrNotFound (no such
	// dataset, or not attached), ErrNoJail or ErrUnsupported.
	Unjail(ctx context.Context, jail, dataset string) error

	// Hold keeps a snapshot from being destroyed until the hold with the same
	// tag is released. It returns ErrNotFound, or ErrExists for a tag in use.
	Hold(ctx context.Context, snapshot, tag string, recursive bool) error

	// Release ends a hold. It returns ErrNotFound if there is no such
	// snapshot or it has no such tag.
	Release(ctx context.Context, snapshot, tag string, recursive bool) error
}

// Type is the kind of a dataset, spelled as zfs-list(8) spells it.
type Type string

// The types of datasets a Store knows.
const (
	Filesystem Type = "filesystem"
	Volume     Type = "volume"
	Snapshot   Type = "snapshot"
)

// A Dataset is a file system, volume or snapshot as it was when it was read.
// Sizes are bytes. Fields that do not apply to the type are zero.
type Dataset struct {
	Name       string
	Type       Type
	GUID       uint64    // never changes, not by rename or promote; a received snapshot keeps it
	CreateTXG  uint64    // transaction group of creation: orders snapshots of one pool
	Creation   time.Time // to the second
	Origin     string    // snapshot this is a clone of, "" if it is not a clone
	Clones     []string  // of a snapshot: the datasets cloned from it
	Mountpoint string    // absolute path in force, the pool's altroot included; "" if none or legacy
	Mounted    bool
	Used       uint64 // by this dataset and all below it
	Available  uint64
	Referenced uint64

	// Properties holds the properties that were asked for, by name. User
	// properties are those with a colon in their name; one that is not set is
	// absent, an empty value is present.
	Properties map[string]Property
}

// A Property is a property's value and where it comes from.
type Property struct {
	Value  string // as zfs-get(8) -p prints it: sizes as bytes, times as seconds
	Source Source
}

// Source says where a property's value comes from: SourceLocal,
// SourceDefault, SourceReceived, SourceTemporary, SourceNone (a read-only
// property), or "inherited from pool/path".
type Source string

// The sources other than inheritance.
const (
	SourceNone      Source = "-"
	SourceLocal     Source = "local"
	SourceDefault   Source = "default"
	SourceReceived  Source = "received"
	SourceTemporary Source = "temporary"
)

// AllProperties as the only element of GetOptions.Properties or
// ListOptions.Properties reads every native and user property.
const AllProperties = "all"

// GetOptions says what Get reads beside the fields of Dataset.
type GetOptions struct {
	// Properties names further properties, native or user. The default is none.
	Properties []string
}

// ListOptions says what List reads.
type ListOptions struct {
	// Types are the types wanted. The default is file systems and volumes.
	Types []Type
	// Depth is how many levels below the root are read: 1 is its children.
	// The default, 0, is the whole subtree. A snapshot is one level below its
	// dataset.
	Depth int
	// Properties names further properties, native or user. The default is none.
	Properties []string
}

// CreateOptions are the options of Create.
type CreateOptions struct {
	Properties map[string]string // native and user properties
	Parents    bool              // create missing ancestors, without Properties (-p)
	NoMount    bool              // leave a file system unmounted (-u)
	VolumeSize uint64            // bytes; not 0 makes a volume (-V)
}

// DestroyOptions are the options of Destroy.
type DestroyOptions struct {
	Recursive  bool // children and snapshots too; of a snapshot: of that name in the whole subtree (-r)
	Dependents bool // clones outside the subtree too (-R)
	Force      bool // unmount though in use (-f)
	Defer      bool // of a snapshot: destroy it with its last hold or clone (-d)

	// GUID, if it is not 0, is that of the dataset, not a snapshot, that is meant:
	// another one that has the name by then is ErrReplaced. The comparison and the
	// destroy are one, zfs-program(8), which only root of the host may run. Only
	// Recursive goes with it. Nothing is unmounted: a file system that is mounted is
	// ErrBusy. What was cloned outside, is held or is being sent leaves everything
	// there; a file system with snapshots that is mounted has lost them.
	GUID uint64
}

// SnapshotOptions are the options of Snapshot.
type SnapshotOptions struct {
	Recursive  bool              // of every descendant too, atomically (-r)
	Properties map[string]string // user properties (-o)
}

// RollbackOptions are the options of Rollback.
type RollbackOptions struct {
	Recent     bool // destroy newer snapshots (-r)
	Dependents bool // destroy newer snapshots and their clones (-R)
	Force      bool // with Dependents: unmount clones though in use (-f)
}

// CloneOptions are the options of Clone.
type CloneOptions struct {
	Properties map[string]string // native and user properties (-o)
	Parents    bool              // create missing ancestors (-p)
}

// RenameOptions are the options of Rename.
type RenameOptions struct {
	Parents   bool // create missing ancestors of the new name (-p)
	Recursive bool // of a snapshot: those of that name in the whole subtree (-r)
	NoUnmount bool // leave file systems mounted where they are (-u)
	Force     bool // unmount though in use (-f)
}

// SendOptions are the options of Send.
type SendOptions struct {
	From       string // snapshot the receiver has, "@name" or a whole name; "" sends all (-i)
	Recursive  bool   // the whole subtree with its snapshots and properties (-R)
	Properties bool   // the dataset's properties too (-p)
}

// ReceiveOptions are the options of Receive.
type ReceiveOptions struct {
	Force      bool              // roll the target back to its last snapshot, or replace it (-F)
	NoMount    bool              // leave received file systems unmounted (-u)
	Properties map[string]string // set on the target instead of what the stream says (-o)
}

// A Pool is an imported pool. Sizes are bytes.
type Pool struct {
	Name      string
	GUID      uint64
	Health    string // ONLINE, DEGRADED, FAULTED, OFFLINE, UNAVAIL or REMOVED (zpool-status(8))
	Size      uint64
	Allocated uint64
	Free      uint64
	Altroot   string // prefix of all mountpoints, "" if none
	ReadOnly  bool
}
