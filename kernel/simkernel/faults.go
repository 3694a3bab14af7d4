package simkernel

import (
	"strings"
	"sync"
)

// callsKept is how many calls are remembered; older ones are dropped.
const callsKept = 1 << 16

// calls records calls and makes some of them fail.
type calls struct {
	mu    sync.Mutex
	list  []Call
	rules []*fault
	forks int
}

// Call is one call that a [Kernel] received.
type Call struct {
	Op   string // "jail_set", "nmount", "SIOCIFCREATE2", "run", ...
	Args string // the arguments as text
}

func (c Call) String() string {
	if c.Args == "" {
		return c.Op
	}
	return c.Op + " " + c.Args
}

type fault struct {
	op, match string
	nth       int
	err       error
	after     bool
}

// Fail makes calls fail with err: those whose Op is op ("" for any) and whose
// arguments contain match. nth counts the matching calls from now: 1 is the
// next one, 2 the one after it, and 0 is all of them. With after, the call has
// its effect and fails nevertheless, like an answer that got lost. The returned
// function takes the fault back.
func (s *Kernel) Fail(op, match string, nth int, err error, after bool) (cancel func()) {
	c := &s.s.calls
	f := &fault{op, match, nth, err, after}
	c.mu.Lock()
	c.rules = append(c.rules, f)
	c.mu.Unlock()
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.drop(f)
	}
}

func (c *calls) drop(f *fault) {
	kept := c.rules[:0]
	for _, r := range c.rules {
		if r != f {
			kept = append(kept, r)
		}
	}
	clear(c.rules[len(kept):])
	c.rules = kept
}

// Calls returns the calls so far in their order, the newest 65536 at least
// half of them kept when there were more.
func (s *Kernel) Calls() []Call {
	c := &s.s.calls
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Call(nil), c.list...)
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

// enter records a call. err is a fault before it, after one behind it.
func (c *calls) enter(op, args string) (after, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.list) >= callsKept {
		c.list = append(c.list[:0:0], c.list[callsKept/2:]...)
	}
	c.list = append(c.list, Call{op, args})
	for _, f := range append([]*fault(nil), c.rules...) {
		if f.op != "" && f.op != op || !strings.Contains(args, f.match) {
			continue
		}
		if f.nth > 1 {
			f.nth--
			continue
		}
		if f.nth == 1 {
			c.drop(f)
		}
		if f.after {
			return f.err, nil
		}
		return nil, f.err
	}
	return nil, nil
}

func (c *calls) forked() {
	c.mu.Lock()
	c.forks++
	c.mu.Unlock()
}
