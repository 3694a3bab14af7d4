// Package fault describes failures to inject into a simulated host: a call of
// the simulated ZFS (zfsstore/simzfs) or of the simulated kernel
// (kernel/simkernel) that fails although it could succeed. Both take the same
// [Fault].
package fault

import (
	"path"
	"slices"
	"strings"
	"sync"
)

// A Fault makes calls fail that would succeed.
type Fault struct {
	// Op is the operation that fails, one of the names that the simulator
	// documents; "" is any.
	Op string
	// Match is a pattern for the target of the call, such as a dataset or the
	// arguments of a system call; "" is any. It must match the whole target.
	// The syntax is that of [path.Match], except that a slash is a character
	// like any other: * and ? match it too. "*web*" is thus every target that
	// contains web.
	Match string
	// Nth is which of the matching calls fails, counted from 1 and from the
	// time the fault was added; 0 is every one. Calls that fail by another
	// fault count too.
	Nth int
	// Err is the cause of the failure. The simulator wraps it in the error
	// type that the real host returns.
	Err error
	// After lets the call have its effect before it fails, as if the process
	// had been killed then, or its answer had been lost.
	After bool
}

// TB is the part of [testing.TB] that is needed to reject a wrong fault.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
}

// A List holds the faults of one simulator. The zero List is empty and ready
// to use. Its methods may be called by several goroutines at once.
type List struct {
	mu     sync.Mutex
	faults []*counted
}

type counted struct {
	Fault
	seen int // the matching calls so far
}

// Add adds f and returns a function that removes it again. It calls tb.Fatalf
// if f could never strike as meant: its Op is neither "" nor one of known, its
// Match is malformed, its Nth is negative, or its Err is nil.
func (l *List) Add(tb TB, known []string, f Fault) (remove func()) {
	tb.Helper()
	switch _, err := path.Match(f.Match, ""); {
	case f.Op != "" && !slices.Contains(known, f.Op):
		tb.Fatalf("fault: unknown operation %q; known are %s", f.Op, strings.Join(known, ", "))
	case err != nil:
		tb.Fatalf("fault: malformed pattern %q", f.Match)
	case f.Nth < 0:
		tb.Fatalf("fault: negative Nth %d", f.Nth)
	case f.Err == nil:
		tb.Fatalf("fault: no error to fail %q with", f.Op)
	default:
		one := &counted{Fault: f}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.faults = append(l.faults, one)
		return func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.faults = slices.DeleteFunc(l.faults, func(o *counted) bool { return o == one })
		}
	}
	return func() {}
}

// Strike counts a call and returns the fault that makes it fail, or nil. If
// several do, it returns the one added first.
func (l *List) Strike(op, target string) *Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found *Fault
	for _, one := range l.faults {
		if !one.matches(op, target) {
			continue
		}
		one.seen++
		if found == nil && (one.Nth == 0 || one.Nth == one.seen) {
			f := one.Fault
			found = &f
		}
	}
	return found
}

func (f *Fault) matches(op, target string) bool {
	if f.Op != "" && f.Op != op {
		return false
	}
	if f.Match == "" {
		return true
	}
	// path.Match treats only the slash differently.
	noSlash := strings.NewReplacer("/", "\x00").Replace
	ok, _ := path.Match(noSlash(f.Match), noSlash(target))
	return ok
}
