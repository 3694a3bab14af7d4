package kernel

import (
	"context"
	"iter"
	"log/slog"
	"strconv"
)

// SetFlags are the flags of jail_set(2). The numbers are the kernel's.
type SetFlags uint32

// Flags of JailSet. There is no JAIL_ATTACH: this library never attaches its own
// process.
const (
	JailCreate  SetFlags = 0x01 // create a jail; EEXIST if it exists
	JailUpdate  SetFlags = 0x02 // change one; ENOENT if it does not exist
	JailSetDead SetFlags = 0x08 // JAIL_DYING; ignored by FreeBSD 15
)

// GetFlags are the flags of jail_get(2).
type GetFlags uint32

// JailDying includes dying jails in JailGet and JailList.
const JailDying GetFlags = 0x08

// Identity identifies one run of one jail. A jid is reused once the jail is gone,
// on FreeBSD 15 even while it is dying. A program that keeps a jid for some time
// therefore keeps the whole identity, and methods that take one ask the kernel
// before they act.
type Identity struct {
	JID  int    `json:"jid"`
	Name string `json:"name"` // full dotted name
	// Incarnation is the jail's cpuset.id. It does not change while the jail
	// exists, and no two living jails share it. The kernel reuses it later, so
	// only jid, name and incarnation together identify a run.
	Incarnation uint64 `json:"incarnation"`
}

// IsZero reports whether the identity names no jail.
func (id Identity) IsZero() bool { return id.JID == 0 && id.Name == "" }

func (id Identity) String() string { return id.Name + " (jid " + strconv.Itoa(id.JID) + ")" }

// LogValue logs the name and the jid.
func (id Identity) LogValue() slog.Value {
	return slog.GroupValue(slog.String("name", id.Name), slog.Int("jid", id.JID))
}

// ByName selects a jail by its full name, as the key of JailGet.
func ByName(name string) Param { return String("name", name) }

// ByJID selects a jail by its jid.
func ByJID(jid int) Param { return Int("jid", jid) }

// ByLastJID selects the first jail with a jid above the given one.
func ByLastJID(jid int) Param { return Int("lastjid", jid) }

// ParamType is the type of a jail parameter, as reported by security.jail.param.
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
	// JailSet creates or changes a jail and returns its jid. Types of
	// parameters that are not well known are looked up in security.jail.param.
	//
	// The root of a new jail without path would be the host's own; JailSet
	// refuses to create one. Errors are *JailError and may be ErrExists,
	// ErrNotFound or ErrDying.
	//
	// Change a nested jail by its full name. By jid, FreeBSD 15 checks the change
	// against the caller's jail and not the parent: the jail may get more than its
	// parent has, and a dotted name is EINVAL "cannot change jail's parent".
	JailSet(ctx context.Context, flags SetFlags, params ...Param) (jid int, err error)

	// JailGet reads the wanted parameters of the jail that key selects (ByName,
	// ByJID, ByLastJID). Errors are *JailError: ErrNotFound if there is no such
	// jail, and also ErrDying for a dying one without JailDying.
	JailGet(ctx context.Context, flags GetFlags, key Param, want ...string) (Params, error)

	// JailList reads the wanted parameters of every jail, and always jid and
	// name, in order of jid. It makes one jail_get(2) per jail. A jail that ends
	// in the meantime may or may not be listed. The list ends after an error.
	JailList(ctx context.Context, flags GetFlags, want ...string) iter.Seq2[Params, error]

	// JailIdentify returns the identity of the jail that key selects.
	JailIdentify(ctx context.Context, flags GetFlags, key Param) (Identity, error)

	// JailRemove removes the jail and its descendants. If the jid belongs to
	// another jail than the identity names, it fails with ErrStale. It does not
	// wait: processes get SIGKILL and the jail may stay dying, jail_remove(2). A
	// jid that does not exist is EINVAL, as in the kernel, and ErrNotFound; a
	// dying jail is no error.
	JailRemove(ctx context.Context, id Identity) error

	// JailSetOwned creates a jail, as JailSet with JailCreate does, that ends
	// when the result is closed. Where the kernel has jail descriptors
	// (Features.JailDesc) the jail also ends with this process, so that a crash
	// leaves no one-shot jail. The parameter persist is required.
	JailSetOwned(ctx context.Context, params ...Param) (*OwnedJail, error)

	// JailEvents reports every jail that the caller can see: first JailThere for
	// each existing one, then each change, whoever makes it. It waits in
	// kevent(2) on FreeBSD 15 (EVFILT_JAIL) and polls once a second on 13 and
	// 14. Changes between two polls are merged: several are one JailChanged, and
	// a jail created and removed between polls is not reported. A rename is the
	// end of one identity and the start of another. Nothing is buffered for a
	// slow reader; the next poll reports the current state. The last pair holds
	// the error that ended the sequence: that of the context or of a call.
	JailEvents(ctx context.Context) iter.Seq2[JailEvent, error]

	// JailParams lists the parameters that the running kernel knows.
	JailParams(ctx context.Context) ([]ParamInfo, error)
}
