package kernel

import (
	"context"
	"iter"
	"log/slog"
	"strconv"
)

// SetFlags are the flags of jail_set(2). The numbers are the kernel's.
type SetFlags uint32

// Flags of JailSet. JailAttach is not among them: this library never attaches
// its own process.
const (
	JailCreate  SetFlags = 0x01 // make a new jail, EEXIST if it is there
	JailUpdate  SetFlags = 0x02 // change one, ENOENT if it is not there
	JailSetDead SetFlags = 0x08 // JAIL_DYING; without meaning on FreeBSD 15
)

// GetFlags are the flags of jail_get(2).
type GetFlags uint32

// JailDying makes JailGet and JailList see dying jails too.
const JailDying GetFlags = 0x08

// Identity names one life of one jail. A jid is given again after the jail has
// gone, on FreeBSD 15 even while it is dying; so whoever keeps a jid over time
// keeps the whole identity and the kernel is asked before anything is done.
type Identity struct {
	JID  int    `json:"jid"`
	Name string `json:"name"` // full dotted name
	// Incarnation is the jail's cpuset.id, which never changes during its life
	// and which no two living jails share. The kernel gives it again once the
	// jail has gone; it tells lives apart only together with jid and name.
	Incarnation uint64 `json:"incarnation"`
}

// IsZero tells whether the identity names no jail.
func (id Identity) IsZero() bool { return id.JID == 0 && id.Name == "" }

func (id Identity) String() string { return id.Name + " (jid " + strconv.Itoa(id.JID) + ")" }

// LogValue logs the name and the jid.
func (id Identity) LogValue() slog.Value {
	return slog.GroupValue(slog.String("name", id.Name), slog.Int("jid", id.JID))
}

// ByName and ByJID are the keys of JailGet.
func ByName(name string) Param { return String("name", name) }

// ByJID selects a jail by its jid.
func ByJID(jid int) Param { return Int("jid", jid) }

// ByLastJID selects the first jail with a jid above the given one.
func ByLastJID(jid int) Param { return Int("lastjid", jid) }

// ParamType is the kernel's type of a jail parameter, as security.jail.param
// tells it (libjail does the same, jail_getid(3)).
type ParamType uint8

// The parameter types.
const (
	ParamInvalid ParamType = iota
	ParamBool
	ParamInt
	ParamUlong
	ParamString
	ParamJailsys
	ParamAddr4 // array of 4-byte addresses
	ParamAddr6 // array of 16-byte addresses
	ParamRaw   // anything else: bytes
)

// ParamInfo describes one parameter that the running kernel knows.
type ParamInfo struct {
	Name     string // as jail(8) writes it: "allow.mount.zfs", "ip4"
	Type     ParamType
	Size     int  // bytes of a fixed size, the maximum with NUL of a string
	Writable bool // may be set by JailUpdate
	Settable bool // may be set at creation
}

// Jails is jail(2).
type Jails interface {
	// JailSet creates or changes a jail and returns its jid. Parameters unknown
	// to the table of well-known ones are looked up in security.jail.param.
	//
	// A new jail without path would be the host's own root: JailSet refuses it
	// unless path is given on purpose. Errors are *JailError; ErrExists,
	// ErrNotFound and ErrDying are recognised.
	//
	// Change a nested jail by its full name. By jid, FreeBSD 15 judges the change
	// against the caller's jail and not the parent: it may get more than its parent
	// has, and a dotted name is EINVAL "cannot change jail's parent".
	JailSet(ctx context.Context, flags SetFlags, params ...Param) (jid int, err error)

	// JailGet reads the wanted parameters of the jail that key selects (ByName,
	// ByJID, ByLastJID). Errors are *JailError; no such jail is ErrNotFound, a
	// dying one asked for without JailDying is ErrDying too.
	JailGet(ctx context.Context, flags GetFlags, key Param, want ...string) (Params, error)

	// JailList reads the wanted parameters of every jail in order of jid, with
	// jid and name always among them. It is one jail_get(2) per jail. A jail
	// that ends meanwhile may or may not be in the list; an error ends it.
	JailList(ctx context.Context, flags GetFlags, want ...string) iter.Seq2[Params, error]

	// JailIdentify returns the identity of the jail that key selects.
	JailIdentify(ctx context.Context, flags GetFlags, key Param) (Identity, error)

	// JailRemove removes the jail and its descendants, if the jid still is the
	// jail that the identity names, else ErrStale. It does not wait: processes
	// get SIGKILL and the jail may stay dying, jail_remove(2). A jid that is
	// not there is EINVAL, as in the kernel, and ErrNotFound; a dying jail is
	// no error.
	JailRemove(ctx context.Context, id Identity) error

	// JailSetOwned creates a jail, as JailSet with JailCreate does, that ends
	// with the result's Close. Where the kernel has jail descriptors
	// (Features.JailDesc) it ends as well when this process does, so that a
	// crash leaves no one-shot jail. The parameter persist is needed as ever.
	JailSetOwned(ctx context.Context, params ...Param) (*OwnedJail, error)

	// JailEvents tells of every jail that the caller sees: first JailThere for
	// each that is there, then each change, whoever made it. It waits in
	// kevent(2) on FreeBSD 15 (EVFILT_JAIL) and looks once a second on 13 and
	// 14. What happens between two looks is merged: several changes are one
	// JailChanged, and a jail made and removed again is not told of. A rename is
	// the end of one identity and the start of another. Nothing is buffered for
	// a slow reader; the next look has the truth. The last pair has the error
	// that ended it: the context's, or a refused call's.
	JailEvents(ctx context.Context) iter.Seq2[JailEvent, error]

	// JailParams lists the parameters that the running kernel knows.
	JailParams(ctx context.Context) ([]ParamInfo, error)
}
