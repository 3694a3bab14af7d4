package simzfs

import (
	"slices"

	"github.com/libioc/go-libioc/host/fault"
)

// The operations, as [Call] and a [fault.Fault] name them.
const (
	OpGet      = "get"
	OpList     = "list"
	OpPools    = "zpool list"
	OpCreate   = "create"
	OpDestroy  = "destroy"
	OpSnapshot = "snapshot"
	OpRollback = "rollback"
	OpClone    = "clone"
	OpPromote  = "promote"
	OpRename   = "rename"
	OpSet      = "set"
	OpInherit  = "inherit"
	OpMount    = "mount"
	OpUnmount  = "unmount"
	OpSend     = "send"
	OpReceive  = "receive"
	OpJail     = "jail"
	OpUnjail   = "unjail"
	OpHold     = "hold"
	OpRelease  = "release"
)

var operations = []string{
	OpGet, OpList, OpPools, OpCreate, OpDestroy, OpSnapshot, OpRollback, OpClone, OpPromote, OpRename,
	OpSet, OpInherit, OpMount, OpUnmount, OpSend, OpReceive, OpJail, OpUnjail, OpHold, OpRelease,
}

// A Call is one call of a Store's method.
type Call struct {
	Op      string   // one of the Op constants
	Dataset string   // as in Error.Dataset
	Args    []string // the command line that zfs(8) would have been given
}

// maxCalls limits how many calls a long-running process keeps.
const maxCalls = 1 << 16

func (z *Store) record(c *change) {
	if len(z.calls) == maxCalls {
		z.calls = slices.Delete(z.calls, 0, maxCalls/2)
	}
	z.calls = append(z.calls, Call{Op: c.op, Dataset: c.target, Args: slices.Clone(c.args)})
}

// Fail adds a fault, whose Op is one of the Op constants and whose Match is a
// pattern for the dataset, and returns a function that removes it again. The
// failed operation's error is a *[zfsstore.Error] that wraps the fault's. A
// fault that could never strike fails the test, see [fault.List.Add].
func (z *Store) Fail(tb fault.TB, f fault.Fault) (remove func()) {
	tb.Helper()
	return z.faults.Add(tb, operations, f)
}

// Calls returns the calls since the Store was made or since ForgetCalls, in order,
// including refused ones. Once there are more than 65536, older ones are dropped;
// at least the newest 32768 are kept.
func (z *Store) Calls() []Call {
	z.mu.Lock()
	defer z.mu.Unlock()
	return slices.Clone(z.calls)
}

// ForgetCalls empties the list that Calls returns.
func (z *Store) ForgetCalls() {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.calls = nil
}
