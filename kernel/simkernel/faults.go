package simkernel

import (
	"slices"
	"sync"

	"github.com/libioc/go-libioc/host/fault"
)

// callsKept is how many calls are remembered; older ones are dropped.
const callsKept = 1 << 16

// calls records calls and makes some of them fail.
type calls struct {
	faults fault.List

	mu    sync.Mutex
	list  []Call
	forks int
}

// Call is one call that a [Kernel] received.
type Call struct {
	Op   string // one of OpJailSet, OpNmount, ...
	Args string // the arguments as text
}

func (c Call) String() string {
	if c.Args == "" {
		return c.Op
	}
	return c.Op + " " + c.Args
}

// Fail makes calls fail: those whose Op is f.Op and whose Args f.Match matches.
// The error that such a call returns is a *kernel.JailError or
// *kernel.CallError, as from the real kernel, and wraps f.Err; it has the fields
// that a refusal with that errno has. An f.Err of one of the two types is
// returned unchanged. The test fails at once if f can never strike. The returned
// function removes the fault.
func (s *Kernel) Fail(tb fault.TB, f fault.Fault) (remove func()) {
	tb.Helper()
	return s.s.calls.faults.Add(tb, knownOps, f)
}

// Calls returns the calls so far in their order, the newest 65536 at least
// half of them kept when there were more.
func (s *Kernel) Calls() []Call {
	c := &s.s.calls
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.list)
}

// ResetCalls forgets the calls and forks so far.
func (s *Kernel) ResetCalls() {
	c := &s.s.calls
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list, c.forks = nil, 0
}

// Forks is how many commands Run has started: each is a fork(2) of the caller.
func (s *Kernel) Forks() int {
	c := &s.s.calls
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.forks
}

// enter records a call. The returned errors are injected ones: err to return in
// place of the call's effect, after to return once it has had it.
func (c *calls) enter(op, subject, args string) (after, err error) {
	c.mu.Lock()
	if len(c.list) >= callsKept {
		c.list = slices.Clone(c.list[callsKept/2:])
	}
	c.list = append(c.list, Call{op, args})
	c.mu.Unlock()
	f := c.faults.Strike(op, args)
	switch {
	case f == nil:
		return nil, nil
	case f.After:
		return injected(op, subject, f.Err), nil
	}
	return nil, injected(op, subject, f.Err)
}

func (c *calls) forked() {
	c.mu.Lock()
	c.forks++
	c.mu.Unlock()
}
