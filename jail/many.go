package jail

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"sync"
	"time"

	"github.com/libioc/go-libioc/events"
)

// ManyOptions say how one operation is run on many jails.
type ManyOptions struct {
	// Parallel is how many jails are worked on at once. The default is twice the
	// number of processors, at least 4.
	Parallel int
	// OnEvent is given every event of every jail as it comes, one at a time.
	// Head().Scope tells the jails apart.
	OnEvent func(events.IocEvent)
	// OnResult is given the result of each jail as it ends, one at a time, and
	// never during OnEvent.
	OnResult func(Result)
}

// Outcome is how one of many jails fared.
type Outcome uint8

// The outcomes.
const (
	// Done: the operation was done on this jail.
	Done Outcome = iota + 1
	// Passed: nothing had to be done; a start found it running, or a template.
	Passed
	// Failed: the operation failed, or was not begun because of another jail or
	// the context. Result.Err tells.
	Failed
	// RolledBack: the operation was done and undone again, because the jails it
	// was done for failed. Result.Err is why.
	RolledBack
)

func (o Outcome) String() string {
	switch o {
	case Done:
		return "done"
	case Passed:
		return "passed"
	case Failed:
		return "failed"
	case RolledBack:
		return "rolled back"
	}
	return "invalid"
}

// Result is how one jail fared.
type Result struct {
	Jail    *Jail
	Outcome Outcome
	Err     error // nil if Done or Passed
	// Dependency tells that the jail was not asked for: others depend on it.
	Dependency bool
	Events     []events.IocEvent
	Began      time.Time     // zero if nothing was begun
	Took       time.Duration // until it was done; of a start, until it was ready
	Note       string        // why it was passed over
}

// Results has one Result for each jail, in the order in which they ended.
type Results []Result

// Err joins the errors of all jails; nil if none failed.
func (r Results) Err() error {
	var all []error
	for _, one := range r {
		all = append(all, one.Err)
	}
	return errors.Join(all...)
}

// Failed are the results with an error.
func (r Results) Failed() Results {
	var out Results
	for _, one := range r {
		if one.Err != nil {
			out = append(out, one)
		}
	}
	return out
}

// Of is the result of the jail with this full name.
func (r Results) Of(fullName string) (Result, bool) {
	for _, one := range r {
		if one.Jail.fullName == fullName {
			return one, true
		}
	}
	return Result{}, false
}

// Select reads a list to its end, for the operations on many jails. Jails that
// could not be read are in it: an operation on one fails and says why. Foreign
// jails are left out. The error is that of the list itself.
func Select(list iter.Seq2[*Jail, error]) ([]*Jail, error) {
	var all []*Jail
	for j, err := range list {
		if j == nil {
			return all, err
		}
		if !j.foreign {
			all = append(all, j)
		}
	}
	return all, nil
}

// Each runs an operation on each of the jails, so many at once as the options
// say, without regard to dependencies:
//
//	jail.Each(ctx, jails, jail.ManyOptions{}, func(j *jail.Jail) *jail.Operation {
//		return j.Generator().Destroy(jail.DestroyOptions{})
//	})
//
// Each jail has its result whatever happens to the others. Jails that are not
// begun when the context ends fail with its error. Each jail's operation locks
// that jail and no other, so two calls of Each never wait for each other in a
// circle.
func Each(ctx context.Context, jails []*Jail, o ManyOptions, do func(*Jail) *Operation) Results {
	var nodes []*node
	for _, j := range jails {
		nodes = append(nodes, &node{jail: j, wanted: true})
	}
	e := newExecution(o)
	e.now = clockOf(jails)
	e.begin = func(ctx context.Context, n *node) (Outcome, error) {
		return Done, e.follow(n, do(n.jail).Events(ctx))
	}
	return e.run(ctx, nodes)
}

func clockOf(jails []*Jail) func() time.Time {
	if len(jails) == 0 {
		return time.Now
	}
	return jails[0].host.Now
}

// teller calls the caller's functions one at a time, and not after the end.
type teller struct {
	mu    sync.Mutex
	o     ManyOptions
	ended bool
}

func (t *teller) event(e events.IocEvent) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.o.OnEvent != nil && !t.ended {
		t.o.OnEvent(e)
	}
}

func (t *teller) result(r Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.o.OnResult != nil && !t.ended {
		t.o.OnResult(r)
	}
}

func (t *teller) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
}

func (o ManyOptions) parallel() int {
	if o.Parallel > 0 {
		return o.Parallel
	}
	return max(4, 2*runtime.GOMAXPROCS(0))
}
