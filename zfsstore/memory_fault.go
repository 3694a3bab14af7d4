package zfsstore

import (
	"path"
	"slices"
)

// A Fault makes calls fail that would succeed.
type Fault struct {
	// Op is the zfs subcommand, such as "create", "list" or "send"; "" is any.
	Op string
	// Dataset is a path.Match pattern for the dataset that the operation is
	// asked for, where * matches no slash; "" is any.
	Dataset string
	// Nth is which matching call fails, counted from 1 and from the call of
	// Fail; 0 is every one.
	Nth int
	// Err is what the failed call's *Error wraps.
	Err error
	// After lets the operation have its effect before it fails: a process
	// that was killed, or whose answer was lost.
	After bool
}

// A Call is an operation that a Memory was asked for.
type Call struct {
	Op      string
	Dataset string
	Args    []string // the command line that zfs(8) would have been given
}

// maxCalls bounds what a process that runs for days keeps of its calls.
const maxCalls = 1 << 16

type faults struct {
	set   []*fault
	calls []Call
}

type fault struct {
	Fault
	seen int
}

// begin records a call and returns the fault that strikes it, if any.
func (f *faults) begin(op, dataset string, args []string) *Fault {
	if len(f.calls) == maxCalls {
		f.calls = slices.Delete(f.calls, 0, maxCalls/2)
	}
	f.calls = append(f.calls, Call{Op: op, Dataset: dataset, Args: slices.Clone(args)})
	var found *Fault
	for _, one := range f.set {
		if one.Op != "" && one.Op != op {
			continue
		}
		if ok, _ := path.Match(one.Dataset, dataset); one.Dataset != "" && !ok {
			continue
		}
		one.seen++
		if found == nil && (one.Nth == 0 || one.Nth == one.seen) {
			found = &one.Fault
		}
	}
	return found
}

// Fail adds a fault and returns a function that takes it away.
func (m *Memory) Fail(f Fault) (remove func()) {
	one := &fault{Fault: f}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults.set = append(m.faults.set, one)
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.faults.set = slices.DeleteFunc(m.faults.set, func(o *fault) bool { return o == one })
	}
}

// Calls returns the operations asked for since the Memory was made or since
// ForgetCalls, in order, refused ones included. Of more than 65536 the newest
// are kept, 32768 at least.
func (m *Memory) Calls() []Call {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.faults.calls)
}

// ForgetCalls empties the list that Calls returns.
func (m *Memory) ForgetCalls() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults.calls = nil
}
